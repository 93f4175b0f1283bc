// What a run serves, asked by sockets as strangers have them: well-behaved, slow, hostile, many.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <chrono>
#include <thread>

#include "injector/base/clock.h"
#include "injector/serve/address.h"
#include "injector/serve/http_server.h"
#include "injector/serve/live_page.h"
#include "injector/serve/metrics.h"
#include "injector/serve/plain_errors.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/say.h"

namespace faultline::serve {
namespace {

using record::testing::TemporaryFolder;

TEST(ServeAddress, IsAnAddressAndAPort) {
  const std::pair<const char*, bool> good[] = {{"127.0.0.1:9465", true}, {"9465", true},
                                               {"[::1]:80", true},       {"0.0.0.0:0", false},
                                               {"[::]:9465", false},     {"10.1.2.3:65535", false}};
  for (const auto& [text, loopback] : good) {
    const auto read = read_address(text);
    ASSERT_TRUE(read.value) << text << ": " << read.error;
    EXPECT_EQ(read.value->loopback, loopback) << text;
  }
  for (const char* text : {"", "plan.toml", "localhost:80", "127.0.0.1", "127.0.0.1:", "::1:80", "127.0.0.1:65536",
                           "127.0.0.1:-1", "[127.0.0.1]:80"}) {
    const auto read = read_address(text);
    EXPECT_FALSE(read.value) << text;
    EXPECT_NE(read.hint.find("127.0.0.1:9465"), std::string::npos) << read.hint;
  }
}

/// A server on a free port of loopback, and what it hands out.
class Served {
 public:
  explicit Served(Access access = {}, std::string text = "hello\n", std::string tag = "") {
    Fd listening = listen_at(*read_address("127.0.0.1:0").value);
    sockaddr_storage where{};
    length_ = sizeof where;
    EXPECT_EQ(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&where), &length_), 0);
    where_ = where;
    server_ = std::make_unique<HttpServer>(std::move(listening), std::move(access),
                                           HttpServer::Pages{{"/", [text, tag] {
                                                                return Content{text, "text/plain", 200, tag};
                                                              }}});
  }
  void stop() { server_.reset(); }
  Fd connected() const {
    Fd fd(::socket(where_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connect(fd);
    return fd;
  }
  void connect(const Fd& fd) const {
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where_), length_), 0);
    const timeval patience{20, 0};  // a reader that hangs fails the test
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  static std::string rest(const Fd& fd) {
    std::string all;
    char buffer[4096];
    ssize_t n = 0;
    while ((n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0) all.append(buffer, static_cast<std::size_t>(n));
    EXPECT_FALSE(n < 0 && errno == EAGAIN) << "nothing came for 20 s, and no end";
    return all;
  }
  std::string asked(const std::string& request) const {
    const Fd fd = connected();
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    return rest(fd);
  }
  std::string get(const std::string& more = "", const std::string& host = "127.0.0.1") const {
    return asked("GET / HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n");
  }

 private:
  sockaddr_storage where_{};
  socklen_t length_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST(ServeHttp, AnswersGetAndNothingElse) {
  const Served served;
  const std::string good = served.get();
  EXPECT_EQ(good.find("HTTP/1.1 200 OK\r\n"), 0u) << good;
  EXPECT_TRUE(good.ends_with("\r\n\r\nhello\n")) << good;
  EXPECT_NE(good.find("Cache-Control: no-store"), std::string::npos);
  const std::string head = served.asked("HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(head.find("HTTP/1.1 200 OK\r\n"), 0u) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    const auto refused =
        served.asked(std::string(method) + " / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_EQ(refused.find("HTTP/1.1 405 "), 0u) << method << ": " << refused;
  }
  EXPECT_EQ(served.asked("GET /journal.jsonl HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").find("HTTP/1.1 404 "), 0u);
  EXPECT_EQ(served.asked("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n").find("HTTP/1.1 404 "), 0u);
}

TEST(ServeHttp, OnLoopbackNoOtherSitesNameLeadsHere) {
  const Served served;
  EXPECT_EQ(served.get("", "evil.example").find("HTTP/1.1 403 "), 0u);
  EXPECT_EQ(served.get("", "127.0.0.1.evil.example").find("HTTP/1.1 403 "), 0u);
  EXPECT_EQ(served.get("", "localhost:9465").find("HTTP/1.1 200 "), 0u);
  EXPECT_EQ(Served({"", true}).get("", "wall.example").find("HTTP/1.1 200 "), 0u);
}

TEST(ServeHttp, WantsTheToken) {
  const Served served({"0123456789abcdef", true});
  const std::string none = served.get();
  EXPECT_EQ(none.find("HTTP/1.1 401 "), 0u) << none;
  EXPECT_NE(none.find("WWW-Authenticate: Basic"), std::string::npos) << none;
  EXPECT_EQ(none.find("hello"), std::string::npos);
  EXPECT_EQ(served.get("Authorization: Bearer 0123456789abcdef\r\n").find("HTTP/1.1 200 "), 0u);
  EXPECT_EQ(served.get("Authorization: Basic d2FsbDowMTIzNDU2Nzg5YWJjZGVm\r\n").find("HTTP/1.1 200 "), 0u) << "wall:…";
  for (const char* wrong : {"Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer 0123456789abcdeF",
                            "Basic d2FsbA==", "Basic !", "0123456789abcdef"})
    EXPECT_EQ(served.get(std::string("Authorization: ") + wrong + "\r\n").find("HTTP/1.1 401 "), 0u) << wrong;
}

// The library would answer each of them, with as many copies of the page.
TEST(ServeHttp, AHandfulOfBytesIsAskedForAsAWhole) {
  const std::string text(20'000, 'x');
  const Served served({}, text);
  std::string many = "0-";
  for (int i = 1; i < 2600; i++) many += ",0-";
  for (const std::string& name : {std::string("Range"), std::string("rAnGe"), std::string("Host: a\nRange")}) {
    const std::string answer = served.get(name + ": bytes=" + many + "\r\n");
    EXPECT_EQ(answer.find("HTTP/1.1 200 "), 0u) << name << ": " << answer.substr(0, 80);
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + text)) << name << ": " << answer.size();
  }
  EXPECT_EQ(served.get("Range: bytes=0-3\r\nAccept-Encoding: gzip, br\r\n").find("HTTP/1.1 200 "), 0u);
}

TEST(ServeHttp, TellsWhetherThePageIsAnother) {
  const Served served({}, "hello\n", "17");
  for (const char* method : {"HEAD", "GET"}) {
    const auto answer = served.asked(std::string(method) + " / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    EXPECT_NE(answer.find("\r\nETag: \"17\"\r\n"), std::string::npos) << answer;
  }
  EXPECT_EQ(Served().get().find("ETag"), std::string::npos);
}

/// What this process has had of the processors.
Ns processor_time() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return spent.tv_sec * kSecond + spent.tv_nsec;
}

TEST(ServeHttp, WithoutDescriptorsItWaitsForThemInsteadOfAskingAgainAndAgain) {
  const Served served;
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{static_cast<rlim_t>(::dup(client.get())), before.rlim_max};
  ::close(static_cast<int>(none.rlim_cur));  // the first that is free
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  served.connect(client);
  const Ns spent = processor_time();
  std::this_thread::sleep_for(std::chrono::milliseconds(600));  // as long as it would take for nothing
  const Ns more = processor_time() - spent;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_LT(more, 100 * kMillisecond);
  const std::string request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  ASSERT_GT(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
  EXPECT_EQ(Served::rest(client).find("HTTP/1.1 200 "), 0u) << "and then it is taken";
}

TEST(ServeHttp, WhoNeverFinishesAskingGivesWay) {
  const Served served;
  std::vector<Fd> slow;
  for (std::size_t i = 0; i < 3 * HttpServer::kMostConnections; i++) {
    slow.push_back(served.connected());
    ASSERT_GT(::send(slow.back().get(), "GET / HT", 8, MSG_NOSIGNAL), 0);
  }
  for (int i = 0; i < 20; i++) EXPECT_EQ(served.get().find("HTTP/1.1 200 "), 0u) << "while others dawdle";
  char byte = 0;  // it is closed already, long before its time to ask is up
  const auto n = ::recv(slow.front().get(), &byte, 1, MSG_DONTWAIT);
  EXPECT_TRUE(n == 0 || (n < 0 && errno == ECONNRESET)) << "the oldest gave way";
}

TEST(ServeHttp, WhoReadsNothingOfALongAnswerHoldsNobodyUp) {
  const Served served({}, std::string(8u << 20, 'x'));
  std::vector<Fd> deaf;
  for (int i = 0; i < 20; i++) {
    deaf.push_back(served.connected());
    const std::string request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    ASSERT_GT(::send(deaf.back().get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
  }
  EXPECT_GT(served.get().size(), 8u << 20);
  EXPECT_LT(Served::rest(deaf.front()).size(), 8u << 20) << "the oldest gave way";
}

TEST(ServeHttp, WhatIsNoRequestIsClosed) {
  const Served served;
  EXPECT_EQ(served.asked(std::string(3 * HttpServer::kMostRequest, 'x')), "");
  const std::string odd = served.asked(std::string("\0\xff\x16\x03\x01\r\n\r\n", 9));
  EXPECT_TRUE(odd.empty() || odd.find("HTTP/1.1 4") == 0) << odd;
  EXPECT_EQ(served.get().find("HTTP/1.1 200 "), 0u);
}

TEST(ServeHttp, EndsWithConnectionsOpen) {
  Served served({}, std::string(8u << 20, 'x'));
  const Fd idle = served.connected(), deaf = served.connected();
  const std::string request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  ASSERT_GT(::send(deaf.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
  EXPECT_GT(served.get().size(), 8u << 20) << "by now the others are being served";
  const Ns begin = monotonic_now();
  served.stop();
  EXPECT_LT(monotonic_now() - begin, 15 * kSecond) << "an answer that nobody takes has 20 s";
  EXPECT_EQ(Served::rest(idle), "");
}

probe::Sample answered(std::size_t probe, Ns latency) {
  return {.probe = probe, .latency = latency, .ok = true, .error = {}};
}
probe::Sample failed(std::size_t probe, const std::string& error) {
  return {.probe = probe, .latency = kMillisecond, .ok = false, .error = error};
}

TEST(ServeMetrics, TellWhatWasSeen) {
  const auto plan = plan::parse_good(plan::kSmall);
  Metrics metrics(plan, false);
  metrics.sample(answered(0, 2 * kMillisecond));
  metrics.sample(answered(0, 2 * kMillisecond));
  metrics.sample(answered(0, 20 * kSecond));
  metrics.sample(failed(0, "timeout"));
  metrics.sample(failed(0, "status \"503\"\n"));
  metrics.begin(monotonic_now() - 6 * kSecond);  // the fault began a second ago
  const std::string text = metrics.text();
  for (const char* line :
       {"faultline_run_info{plan=\"shop\",arm=\"\",version=\"", "faultline_run_duration_seconds 25",
        "faultline_phase_active{phase=\"baseline\"} 0\n", "faultline_phase_active{phase=\"degrade\"} 1\n",
        "faultline_fault_active{fault=\"degrade\",kind=\"degrade\"} 1\n", "faultline_healed 0\n",
        "faultline_requests_failed_total{probe=\"pay\",error=\"timeout\"} 1\n",
        "faultline_requests_failed_total{probe=\"pay\",error=\"status \\\"503\\\"\\\\n\"} 1\n",
        "faultline_request_duration_seconds_count{probe=\"pay\"} 3\n",
        "faultline_request_duration_seconds_bucket{probe=\"pay\",le=\"0.001\"} 0\n",
        "faultline_request_duration_seconds_bucket{probe=\"pay\",le=\"0.0025\"} 2\n",
        "faultline_request_duration_seconds_bucket{probe=\"pay\",le=\"10\"} 2\n",
        "faultline_request_duration_seconds_bucket{probe=\"pay\",le=\"+Inf\"} 3\n", "# TYPE faultline_healed gauge\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  metrics.healed();
  EXPECT_NE(metrics.text().find("faultline_healed 1\n"), std::string::npos);
  EXPECT_NE(metrics.text().find("faultline_fault_active{fault=\"degrade\",kind=\"degrade\"} 0\n"), std::string::npos);
}

TEST(ServeMetrics, CountConnectionsOfTargets) {
  auto plan = plan::parse_good(plan::kSmall);
  EXPECT_EQ(Metrics(plan, false).text().find("retransmits"), std::string::npos) << "nothing is counted";
  plan.telemetry = {"web"};
  plan.telemetry_options.turns = true;
  Metrics metrics(plan, false);
  EXPECT_NE(metrics.text().find("faultline_retransmits_total{target=\"web\"} 0\n"), std::string::npos);
  auto span = record::testing::one_of_each(kSecond);
  metrics.counted(span);
  metrics.counted(span);
  const std::string text = metrics.text();
  for (const char* line :
       {"faultline_connections_opened_total{target=\"web\"} 2\n",
        "faultline_connections_accepted_total{target=\"web\"} 4\n",
        "faultline_connections_closed_total{target=\"web\"} 8\n",
        "faultline_connections_failed_total{target=\"web\",error=\"refused\"} 6\n",
        "faultline_retransmits_total{target=\"web\"} 10\n", "faultline_retransmits_ours_total{target=\"web\"} 30\n",
        "faultline_retransmission_timeouts_total{target=\"web\"} 12\n",
        "faultline_resets_total{target=\"web\",direction=\"sent\"} 14\n",
        "faultline_resets_total{target=\"web\",direction=\"received\"} 16\n",
        "faultline_payload_bytes_total{target=\"web\",direction=\"sent\"} 18\n",
        "faultline_packets_total{target=\"web\",direction=\"received\"} 24\n",
        "faultline_rtt_seconds_bucket{target=\"web\",le=\"0.0025\"} 0\n",
        "faultline_rtt_seconds_bucket{target=\"web\",le=\"0.005\"} 2\n",
        "faultline_turn_seconds_count{target=\"web\"} 26\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  EXPECT_EQ(text.find("# TYPE faultline_resets_total"), text.rfind("# TYPE faultline_resets_total")) << "one family";
}

TEST(ServeMetrics, BeyondLoopbackLeaveOutWhatServicesSay) {
  PlainErrors plain;
  for (const char* own : {"timeout", "too large", "no sample", "other errors", "status 503"})
    EXPECT_EQ(plain.name(own), own);
  EXPECT_EQ(plain.name("error WRONGPASS"), "error");
  EXPECT_EQ(plain.name("a word of ours that nobody knows"), "a");
  plan::Conditions asked;
  asked.errors.emplace()["error WRONGPASS"] = {};
  plain.keep(asked);
  EXPECT_EQ(plain.name("error WRONGPASS"), "error WRONGPASS") << "it stands in the plan";
  EXPECT_EQ(plain.name("error SECRET"), "error");

  auto plan = plan::parse_good(plan::kSmall);
  plan.hypotheses.emplace_back().errors = asked.errors;
  Metrics metrics(plan, true);
  metrics.sample(failed(0, "error SECRET"));
  metrics.sample(failed(0, "error WRONGPASS"));
  EXPECT_EQ(metrics.text().find("SECRET"), std::string::npos);
  EXPECT_NE(metrics.text().find("error=\"error\"} 1\n"), std::string::npos) << metrics.text();
  EXPECT_NE(metrics.text().find("error=\"error WRONGPASS\"} 1\n"), std::string::npos) << metrics.text();
}

TEST(ServeMetrics, LoseNoErrorWhileTheyAreAskedFor) {
  const auto plan = plan::parse_good(plan::kSmall);
  Metrics metrics(plan, false);
  std::vector<std::thread> probes;
  for (int t = 0; t < 4; t++)
    probes.emplace_back([&metrics] {
      for (int i = 0; i < 500; i++) metrics.sample(failed(0, fmt::format("error {}", i % 10)));
    });
  for (int i = 0; i < 20; i++) (void)metrics.text();  // meanwhile
  for (auto& one : probes) one.join();
  const std::string text = metrics.text();
  for (int i = 0; i < 10; i++)
    EXPECT_NE(text.find(fmt::format("{{probe=\"pay\",error=\"error {}\"}} 200\n", i)), std::string::npos) << text;
}

/// Waits until the page shows `what`, or for half a minute.
bool shows(LivePage& page, const std::string& what) {
  for (const Ns end = monotonic_now() + 30 * kSecond; monotonic_now() < end;) {
    if (page.last().html.find(what) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

/// A run of 30 s in its second second.
constexpr const char* kJournal =
    R"({"event":"plan","name":"p","title":"A <run>","duration":30000000000,"probes":[{"name":"pay","every":20000000}],"hypotheses":[{"name":"lets me in","probe":"pay","during":"run","errors":{"error NOAUTH":{"op":"<=","value":0,"text":"<= 0%"}}}]}
{"event":"t0","t":0,"at":"2026-11-22T17:03:50Z"}
{"event":"sample","t":1000000000,"probe":"pay","due":5,"late":0,"latency":1000,"ok":false,"error":"error SECRET"}
{"event":"sample","t":1000000000,"probe":"pay","due":6,"late":0,"latency":1000,"ok":false,"error":"error NOAUTH"}
)";

TEST(ServePage, IsMadeFromTheJournalSoFar) {
  const TemporaryFolder folder;
  folder.write("journal.jsonl", kJournal);
  LivePage page(folder.path(), false);
  EXPECT_TRUE(shows(page, "A &lt;run&gt;"));
  const LivePage::Made made = page.last();
  EXPECT_NE(made.html.find("Under way: 1 s of 30 s"), std::string::npos) << made.html;
  EXPECT_EQ(made.html.find("A <run>"), std::string::npos);
  EXPECT_NE(made.html.find("error SECRET"), std::string::npos);
  EXPECT_NE(made.html.find("data-tag=\"" + made.tag + "\""), std::string::npos) << made.tag;
}

// What is not there yet is no fault of the run.
TEST(ServePage, MissesNothingThatHasYetToCome) {
  const TemporaryFolder folder;
  folder.write("journal.jsonl", kJournal);
  LivePage page(folder.path(), false);
  ASSERT_TRUE(shows(page, "lets me in"));
  const std::string html = page.last().html, body = html.substr(html.find("</style>"));
  const std::string told = body.substr(0, body.find("<script>"));
  for (const char* wrong : {"aborted", "interrupted", "cleanup", "beside this file"})
    EXPECT_EQ(told.find(wrong), std::string::npos) << wrong;
  EXPECT_NE(told.find("the record ends before"), std::string::npos) << told;
}

TEST(ServePage, BeyondLoopbackLeavesOutWhatServicesSayAndJudgesItAllTheSame) {
  const TemporaryFolder folder;
  std::string journal = kJournal;
  folder.write("journal.jsonl", journal + R"({"event":"end","t":30000000000})" + "\n");
  LivePage plain(folder.path(), true);
  ASSERT_TRUE(shows(plain, "A &lt;run&gt;"));
  const std::string html = plain.last().html;
  EXPECT_EQ(html.find("SECRET"), std::string::npos);
  EXPECT_NE(html.find("errors.error NOAUTH 50.0% (1 of 2)"), std::string::npos) << html;
}

TEST(ServePage, OfNoJournalSaysSo) {
  const TemporaryFolder folder;
  LivePage page(folder.path(), false);
  EXPECT_TRUE(shows(page, "cannot be made"));
}

TEST(ServeOption, BeyondLoopbackNeedsAToken) {
  const TemporaryFolder folder;
  const auto plan = folder.write("plan.toml", plan::kSmall);
  const auto said = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"run", plan});
    return cli::say(more);
  };
  const auto open = said({"--serve", "0.0.0.0:0"});
  EXPECT_EQ(open.status, 3);
  EXPECT_NE(open.error.find("there is no token: give --serve-token-file FILE"), std::string::npos) << open.error;
  const auto brief = said({"--serve", "0.0.0.0:0", "--serve-token-file", folder.write("brief", "0123456789\n")});
  EXPECT_EQ(brief.status, 3);
  EXPECT_NE(brief.error.find("the token has 10 characters; 16 are needed"), std::string::npos) << brief.error;
  ::setenv("FAULTLINE_SERVE_TOKEN", "012345678", 1);
  const auto by_environment = said({"--serve", "0.0.0.0:0"});
  ::unsetenv("FAULTLINE_SERVE_TOKEN");
  EXPECT_NE(by_environment.error.find("the token has 9 characters"), std::string::npos) << by_environment.error;
  for (const char* text : {"", " \n"}) {
    const auto empty = said({"--serve", "--serve-token-file", folder.write("empty", text)});
    EXPECT_EQ(empty.status, 3);
    EXPECT_NE(empty.error.find("empty: it is empty; `openssl rand -hex 16` makes a token"), std::string::npos)
        << empty.error;
    EXPECT_EQ(empty.error.find("others reach it"), std::string::npos) << "on loopback nobody does";
  }
  const auto lone = said({"--serve-token-file", folder.write("token", "0123456789abcdef\n")});
  EXPECT_EQ(lone.status, 3);
  EXPECT_NE(lone.error.find("--serve-token-file is of --serve"), std::string::npos) << lone.error;
  const auto none = said({"--serve", "--serve-token-file", folder.path() / "nothing"});
  EXPECT_EQ(none.status, 3) << none.error;
  const auto name = said({"--serve", "example.com:80"});
  EXPECT_EQ(name.status, 3);
  EXPECT_NE(name.error.find("\"example.com:80\" is no address to listen at"), std::string::npos) << name.error;
}

}  // namespace
}  // namespace faultline::serve
