// The http probe over TLS and HTTP/2, and what it expects of an answer, against a real nginx with certificates that are
// made here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/authority.h"
#include "tests/harness/command.h"
#include "tests/harness/nginx.h"
#include "tests/harness/processes.h"
#include "tests/harness/refusal.h"

namespace faultline::test {
namespace {

/// One server for all of the tests, with an authority of its own.
class ProbeTls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ns_ = std::make_unique<NetNs>(loopback_ns());
    folder_ = std::make_unique<TemporaryFolder>();
    make_authority(folder_->path(), "ca");
    make_authority(folder_->path(), "other");
    for (const char* name : {"server", "client"}) make_certificate(folder_->path(), name, "DNS:pay.example");
    server_ = start_nginx(*ns_, *folder_,
                          fmt::format(R"(
  ssl_certificate {0}/server.pem;
  ssl_certificate_key {0}/server.key;
  server {{
    listen 127.0.0.1:8080;
    listen [::1]:8080;
    default_type application/json;
    location / {{
      add_header X-Cache HIT;
      return 200 '{{"state": "paid", "count": 3, "items": [{{"price": 1.5}}], "host": "$host", "version": "$server_protocol"}}';
    }}
    location /broken {{ return 200 '{{"state": "paid"'; }}
  }}
  server {{ listen 127.0.0.1:8082 http2; return 200 "$server_protocol"; }}
  server {{ listen 127.0.0.1:8443 ssl http2; listen [::1]:8443 ssl http2; return 200 "$ssl_server_name $host $server_protocol"; }}
  server {{ listen 127.0.0.1:8444 ssl; return 200 "$ssl_server_name $server_protocol"; }}
  server {{
    listen 127.0.0.1:8445 ssl;
    ssl_client_certificate {0}/ca.pem;
    ssl_verify_client on;
    return 200 "$ssl_client_s_dn";
  }}
)",
                                      folder_->path().string()));
    ASSERT_TRUE(eventually([] {
      return verdicts(ask(http_probe("http://127.0.0.1:8080/"), *ns_, 50 * kMillisecond)).contains("ok");
    })) << server_->errors();
  }
  static void TearDownTestSuite() {
    if (server_) stop_nginx(*server_);
    server_.reset();
    folder_.reset();
    ns_.reset();
  }

  static std::string file(const std::string& name) { return folder_->path() / name; }
  using Given = std::vector<std::pair<const char*, probe::Value>>;
  static Verdicts four(const std::string& url, const Given& given, std::map<std::string, std::string> names = {}) {
    auto p = http_probe(url);
    for (const auto& [key, value] : given) p.params.set(key, value);
    return verdicts(ask(p, *ns_, 4 * p.every, std::move(names)));
  }
  static std::pair<const char*, probe::Value> trusted() { return {"tls.ca", file("ca.pem")}; }
  static std::pair<const char*, probe::Value> named(const char* name = "pay.example") {
    return {"tls.name", std::string(name)};
  }
  static std::pair<const char*, probe::Value> body(const std::string& text) { return {"expect.body", text}; }

  static std::unique_ptr<NetNs> ns_;
  static std::unique_ptr<TemporaryFolder> folder_;
  static std::unique_ptr<Command> server_;
};
std::unique_ptr<NetNs> ProbeTls::ns_;
std::unique_ptr<TemporaryFolder> ProbeTls::folder_;
std::unique_ptr<Command> ProbeTls::server_;

TEST_F(ProbeTls, OnlyTheAuthorityOfThePlanIsTrusted) {
  EXPECT_EQ(four("https://127.0.0.1:8444/", {trusted(), named()}), kWell);
  EXPECT_EQ(four("https://127.0.0.1:8444/", {named()}), kTls);
  EXPECT_EQ(four("https://127.0.0.1:8444/", {{"tls.ca", file("other.pem")}, named()}), kTls);
}

TEST_F(ProbeTls, AnAddressIsAskedAndANameIsVerified) {
  EXPECT_EQ(four("https://127.0.0.1:8443/", {trusted()}), kTls) << "the certificate has a name, not the address";
  EXPECT_EQ(four("https://127.0.0.1:8443/", {trusted(), named(), body("pay.example pay.example")}), kWell);
  EXPECT_EQ(four("https://[::1]:8443/", {trusted(), named(), body("pay.example pay.example")}), kWell);
  EXPECT_EQ(four("https://bank:8443/x?y=1", {trusted(), named(), body("pay.example")}, {{"bank", "127.0.0.1"}}), kWell);
  EXPECT_EQ(four("https://127.0.0.1:8443/", {trusted(), named("shop.example")}), kTls);
}

TEST_F(ProbeTls, AClientCertificateIsShown) {
  const std::string url = "https://127.0.0.1:8445/";
  EXPECT_EQ(four(url, {trusted(), named()}), (Verdicts{{"status 400", 4}}));
  EXPECT_EQ(four(url, {trusted(),
                       named(),
                       {"tls.certificate", file("client.pem")},
                       {"tls.key", file("client.key")},
                       body("CN=pay.example")}),
            kWell);
  EXPECT_EQ(four(url, {trusted(), named(), {"tls.certificate", file("other.pem")}, {"tls.key", file("other.key")}}),
            (Verdicts{{"status 400", 4}}));
}

TEST_F(ProbeTls, NobodyIsCheckedOnlyWhenAsked) {
  EXPECT_EQ(four("https://127.0.0.1:8444/", {{"tls.insecure", true}}), kWell);
  EXPECT_EQ(four("https://127.0.0.1:8444/", {{"tls.insecure", false}}), kTls);
}

TEST_F(ProbeTls, AFileThatCannotBeReadIsFoundBeforeTheRun) {
  try {
    four("https://127.0.0.1:8444/", {{"tls.ca", file("none.pem")}});
    ADD_FAILURE() << "it ran";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::cannot_run);
    EXPECT_NE(std::string(failure.what()).find("tls.ca"), std::string::npos) << failure.what();
  }
}

TEST_F(ProbeTls, NobodyIsAskedForThePassphraseOfAKey) {
  const auto key = encrypt_key(folder_->path(), "client");
  const auto why = why_it_cannot_run([&] {
    four("https://127.0.0.1:8444/", {trusted(), {"tls.certificate", file("client.pem")}, {"tls.key", key.string()}});
  });
  EXPECT_NE(why.find(refusal_of(key)), std::string::npos) << why;
}

TEST_F(ProbeTls, TheVersionIsTheOneAskedFor) {
  const std::pair<const char*, probe::Value> one{"version", std::string("1.1")}, two{"version", std::string("2")};
  EXPECT_EQ(four("https://127.0.0.1:8443/", {trusted(), named(), two, body("HTTP/2.0")}), kWell);
  EXPECT_EQ(four("https://127.0.0.1:8443/", {trusted(), named(), one, body("HTTP/1.1")}), kWell);
  EXPECT_EQ(four("https://127.0.0.1:8443/", {trusted(), named(), body("HTTP/2.0")}), kWell) << "as both agree";
  EXPECT_EQ(four("https://127.0.0.1:8444/", {trusted(), named(), two}), (Verdicts{{"version", 4}}));
  EXPECT_EQ(four("http://127.0.0.1:8082/", {two, body("HTTP/2.0")}), kWell) << "by prior knowledge";
  EXPECT_EQ(four("http://127.0.0.1:8080/", {body("HTTP/1.1")}), kWell);
  EXPECT_EQ(four("http://127.0.0.1:8080/", {two}).count("ok"), 0u) << "a server that has 1.1 alone";
}

TEST_F(ProbeTls, OverHttp2OneConnectionServesAll) {
  auto p = http_probe("https://127.0.0.1:8443/");
  p.params.set("version", std::string("2"));
  p.params.set("tls.ca", file("ca.pem"));
  p.params.set("tls.name", std::string("pay.example"));
  p.params.set("expect.body", std::string("HTTP/2.0"));
  p.params.set("reuse", true);
  p.every = kMillisecond;
  EXPECT_EQ(verdicts(ask(p, *ns_, 100 * kMillisecond)), (Verdicts{{"ok", 100}}));
}

TEST_F(ProbeTls, ByPriorKnowledgeAConnectionIsKeptOrRefusedBeforeTheRun) {
  const Given kept{{"version", std::string("2")}, {"reuse", true}};
  try {
    EXPECT_EQ(four("http://127.0.0.1:8082/", kept), kWell);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::cannot_run);
    EXPECT_NE(std::string(failure.what()).find("leave out reuse"), std::string::npos) << failure.what();
  }
}

TEST_F(ProbeTls, ABodyMatchesAPattern) {
  const std::string url = "http://127.0.0.1:8080/";
  EXPECT_EQ(four(url, {{"expect.matches", std::string("\"count\": [0-9]+,")}}), kWell);
  EXPECT_EQ(four(url, {{"expect.matches", std::string("\"count\": [a-z]+,")}}), (Verdicts{{"matches", 4}}));
}

TEST_F(ProbeTls, AHeaderHoldsWhatIsExpected) {
  const std::string url = "http://127.0.0.1:8080/";
  const auto with = [](const char* name, const char* value) {
    return Given{{"expect.headers", probe::Fields{{name, value}}}};
  };
  EXPECT_EQ(four(url, with("x-cache", "HIT")), kWell);
  EXPECT_EQ(four(url, with("Content-Type", "json")), kWell);
  EXPECT_EQ(four(url, with("Content-Type", "")), kWell) << "that there is one";
  EXPECT_EQ(four(url, with("X-Cache", "MISS")), (Verdicts{{"header", 4}}));
  EXPECT_EQ(four(url, with("X-Other", "")), (Verdicts{{"header", 4}}));
}

TEST_F(ProbeTls, AFieldOfJsonHasItsValue) {
  const std::string url = "http://127.0.0.1:8080/";
  const auto with = [](probe::Fields fields) { return Given{{"expect.json", std::move(fields)}}; };
  EXPECT_EQ(four(url, with({{"/state", "paid"}, {"/count", "3"}, {"/items/0/price", "1.5"}})), kWell);
  EXPECT_EQ(four(url, with({{"/state", "paid"}, {"/count", "4"}})), (Verdicts{{"json", 4}}));
  EXPECT_EQ(four(url, with({{"/items/1/price", "1.5"}})), (Verdicts{{"json", 4}}));
  EXPECT_EQ(four(url + "broken", with({{"/state", "paid"}})), (Verdicts{{"json", 4}}));
}

}  // namespace
}  // namespace faultline::test
