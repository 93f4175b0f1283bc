#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/toy_server.h"

namespace faultline::test {
namespace {

using Kind = Manners::Kind;

class ProbeHttp : public testing::Test {
 protected:
  // Four requests to a server with such manners.
  Verdicts four(
      Manners manners, const std::function<void(probe::Probe&)>& with = [](probe::Probe&) {}) {
    ToyServer server(ns_, "127.0.0.1", std::move(manners));
    auto probe = http_probe("http://127.0.0.1:" + std::to_string(server.port()) + "/pay?x=1");
    with(probe);
    const auto result = verdicts(ask(probe, ns_, 4 * probe.every));
    accepted_ = server.accepted();
    asked_ = server.asked();
    return result;
  }
  const NetNs ns_ = loopback_ns();
  int accepted_ = 0;
  std::string asked_;
};

TEST_F(ProbeHttp, Ok) {
  EXPECT_EQ(four({.reply = http_answer(200)}), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(accepted_, 4);
}

TEST_F(ProbeHttp, WhatIsAskedIsWhatThePlanSays) {
  EXPECT_EQ(four({.reply = http_answer(200)}), (Verdicts{{"ok", 4}}));
  EXPECT_TRUE(asked_.starts_with("GET /pay?x=1 HTTP/1.1\r\n")) << asked_;
  const auto with = [](probe::Probe& p) {
    p.params.set("method", "PUT");
    p.params.set("body", "twelve euros");
    p.params.set("headers", probe::Fields{{"X-Shop", "east"}});
  };
  EXPECT_EQ(four({.reply = http_answer(200)}, with), (Verdicts{{"ok", 4}}));
  EXPECT_TRUE(asked_.starts_with("PUT /pay?x=1 HTTP/1.1\r\n")) << asked_;
  EXPECT_NE(asked_.find("\r\nX-Shop: east\r\n"), std::string::npos) << asked_;
  EXPECT_NE(asked_.find("\r\n\r\ntwelve euros"), std::string::npos) << asked_;
}

TEST_F(ProbeHttp, ARedirectIsAnAnswerAndNotFollowed) {
  EXPECT_EQ(four({.reply = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"}),
            (Verdicts{{"ok", 4}}));
  EXPECT_EQ(accepted_, 4);
}

TEST_F(ProbeHttp, AStatusThatWasNotExpectedIsNamed) {
  EXPECT_EQ(four({.reply = http_answer(503)}), (Verdicts{{"status 503", 4}}));
  EXPECT_EQ(four({.reply = http_answer(200)}, [](auto& p) { p.params.set("expect.status", 204); }),
            (Verdicts{{"status 200", 4}}));
  EXPECT_EQ(four({.reply = http_answer(404)}, [](auto& p) { p.params.set("expect.status", 404); }),
            (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeHttp, TheBodyMustHoldWhatIsExpected) {
  const auto expect = [](probe::Probe& p) { p.params.set("expect.body", "paid"); };
  EXPECT_EQ(four({.reply = http_answer(200, "it is paid.")}, expect), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four({.reply = http_answer(200, "declined")}, expect), (Verdicts{{"body", 4}}));
  EXPECT_EQ(four({.reply = http_answer(200, "")}, expect), (Verdicts{{"body", 4}}));
}

TEST_F(ProbeHttp, OfALongBodyTheFirstMebibyteIsKept) {
  const auto expect = [](probe::Probe& p) { p.params.set("expect.body", "paid"); };
  const std::string filling((1 << 20) - 4, '.');
  EXPECT_EQ(four({.reply = http_answer(200, filling + "paid" + filling)}, expect), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four({.reply = http_answer(200, filling + ".paid" + filling)}, expect), (Verdicts{{"body", 4}}));
}

TEST_F(ProbeHttp, Refused) {
  std::uint16_t port = 0;
  { port = ToyServer(ns_, "127.0.0.1", {}).port(); }
  EXPECT_EQ(verdicts(ask(http_probe("http://127.0.0.1:" + std::to_string(port)), ns_, 200 * kMillisecond)),
            (Verdicts{{"refused", 4}}));
}

TEST_F(ProbeHttp, TimeoutResetAndClosed) {
  EXPECT_EQ(four({.kind = Kind::silent}, [](auto& p) { p.timeout = 200 * kMillisecond; }), (Verdicts{{"timeout", 4}}));
  EXPECT_EQ(four({.kind = Kind::reset}), (Verdicts{{"reset", 4}}));
  EXPECT_EQ(four({.kind = Kind::close}), (Verdicts{{"closed", 4}}));
  EXPECT_EQ(four({.reply = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}), (Verdicts{{"closed", 4}}));
}

TEST_F(ProbeHttp, WhatIsNotHttpIsAProtocolError) {
  EXPECT_EQ(four({.reply = "220 mail.example ESMTP\r\n"}), (Verdicts{{"protocol", 4}}));
}

TEST_F(ProbeHttp, Unreachable) {
  EXPECT_EQ(verdicts(ask(http_probe("http://192.0.2.1/"), ns_, 200 * kMillisecond)), (Verdicts{{"unreachable", 4}}));
}

TEST_F(ProbeHttp, TlsWithAServerThatSpeaksNone) {
  EXPECT_EQ(
      four({.reply = http_answer(400)}, [](auto& p) { p.params.set("http", p.subject().replace(0, 4, "https")); }),
      (Verdicts{{"tls", 4}}));
}

TEST_F(ProbeHttp, AConnectionIsKeptOnlyWhenAsked) {
  const auto reuse = [](probe::Probe& p) { p.params.set("reuse", true); };
  EXPECT_EQ(four({.reply = http_answer(200), .keep = true}), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(accepted_, 4);
  EXPECT_EQ(four({.reply = http_answer(200), .keep = true}, reuse), (Verdicts{{"ok", 4}}));
  EXPECT_LT(accepted_, 4);
}

TEST_F(ProbeHttp, V6AndLabNames) {
  ToyServer six(ns_, "::1", {.reply = http_answer(200)});
  const std::string port = std::to_string(six.port());
  EXPECT_EQ(verdicts(ask(http_probe("http://[::1]:" + port + "/"), ns_, 200 * kMillisecond)), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(verdicts(ask(http_probe("http://pay:" + port + "/"), ns_, 200 * kMillisecond, {{"pay", "::1"}})),
            (Verdicts{{"ok", 4}}));
  ToyServer four(ns_, "127.0.0.1", {.reply = http_answer(200)});
  EXPECT_EQ(verdicts(ask(http_probe("http://pay:" + std::to_string(four.port()) + "/"), ns_, 200 * kMillisecond,
                         {{"pay", "127.0.0.1"}})),
            (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeHttp, AProxyOfTheEnvironmentIsNotUsed) {
  setenv("http_proxy", "http://127.0.0.1:1/", 1);
  EXPECT_EQ(four({.reply = http_answer(200)}), (Verdicts{{"ok", 4}}));
  unsetenv("http_proxy");
}

TEST_F(ProbeHttp, AUrlThatCannotBeReadIsAnInvalidPlan) {
  Samples samples;
  for (const char* url : {"ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/"}) {
    try {
      probe::Prober prober(http_probe(url), 0, {&ns_, "", {}}, nullptr, samples.sink());
      ADD_FAILURE() << url;
    } catch (const Failure& f) {
      EXPECT_EQ(f.status(), Exit::invalid) << url;
    }
  }
}

}  // namespace
}  // namespace faultline::test
