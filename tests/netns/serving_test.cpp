// A run with --serve, asked by real clients while it goes on: the page, the metrics, the token; and clients that mean
// it no good.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <regex>

#include "injector/base/fd.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/udp.h"

namespace faultline::test {
namespace {

/// A lab with a web server, which is cut off from 4 s to 6 s.
constexpr const char* kPlan = R"([vars]
length = "12s"
[lab.rooms.one]
[lab.hosts.web]
room = "one"
command = ["nginx", "-c", "${plan_dir}/nginx.conf", "-g", "daemon off;"]
ready = { tcp = 80 }
[lab.hosts.reader]
room = "one"
[probes.page]
http = "http://web/"
from = "reader"
every = "20ms"
timeout = "900ms"
[[faults]]
name = "cut"
kind = "sever"
on = "web"
start = "4s"
for = "2s"
)";
constexpr const char* kNginx =
    "events {}\nerror_log stderr;\nhttp { access_log off; server { listen 80; location / { return 200 \"hello\"; } } "
    "}\n";

class ServingTest : public ::testing::Test {
 protected:
  ServingTest() {
    folder.write("nginx.conf", kNginx);
    plan = folder.write("plan.toml", std::string("seed = 1\nduration = \"${length}\"\n") + kPlan);
  }
  /// The run, once it has said where it listens.
  std::unique_ptr<Command> served(std::vector<std::string> more) {
    std::vector<std::string> words{binary(), "run", plan, "--out", out()};
    words.insert(words.end(), more.begin(), more.end());
    auto owned = std::make_unique<Command>(std::move(words));
    Command& run = *owned;
    EXPECT_TRUE(await_event(out(), "t0")) << run.errors();
    const Ns end = monotonic_now() + 10 * kSecond;
    for (std::smatch found; port.empty() && monotonic_now() < end; usleep(20000))
      if (const std::string said = run.errors();
          std::regex_search(said, found, std::regex("live at http://[^ ]*:([0-9]+)/")))
        port = found[1];
    EXPECT_NE(port, "") << run.errors();
    return owned;
  }
  Said curl(const std::string& path, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"curl", "-s", "-m", "20", "-w", "\n%{http_code}", "http://127.0.0.1:" + port + path};
    words.insert(words.begin() + 1, more.begin(), more.end());
    return say_all(words);
  }
  Fd connected() const {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Address where = address("127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)));
    EXPECT_EQ(::connect(fd.get(), where.get(), where.size), 0);
    return fd;
  }
  static std::uint16_t port_of(const Fd& bound) {
    sockaddr_in where{};
    socklen_t length = sizeof where;
    EXPECT_EQ(::getsockname(bound.get(), reinterpret_cast<sockaddr*>(&where), &length), 0);
    return ntohs(where.sin_port);
  }
  std::filesystem::path out() const { return folder.path() / "run"; }

  TemporaryFolder folder;
  std::filesystem::path plan;
  std::string port;
};

TEST_F(ServingTest, ShowsAPageAndMetricsWhileItRuns) {
  const auto owned = served({"--serve", "127.0.0.1:0", "--var", "length=60s"});
  Command& run = *owned;
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  const Said metrics = curl("/metrics");
  EXPECT_TRUE(metrics.out.ends_with("\n200")) << metrics.out;
  EXPECT_NE(metrics.out.find("faultline_fault_active{fault=\"cut\",kind=\"sever\"}"), std::string::npos) << metrics.out;
  EXPECT_TRUE(std::regex_search(metrics.out, std::regex("duration_seconds_count.probe=\"page\". [1-9]")))
      << metrics.out;
  EXPECT_TRUE(eventually([&] { return curl("/").out.find("Under way: ") != std::string::npos; })) << curl("/").out;
  EXPECT_TRUE(curl("/", {"-X", "DELETE"}).out.ends_with("405"));
  const Belongings had = run.belongings();
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(60 * kSecond), 5) << run.errors();
  EXPECT_NE(curl("/").status, 0) << "nothing listens any more";
  EXPECT_TRUE(eventually([&] { return had.left().empty(); })) << fmt::format("{}", fmt::join(had.left(), ", "));
  EXPECT_EQ(summary_of(out())["repeat"].get<std::string>().find("--serve"), std::string::npos);
}

// Slow ones, deaf ones, many: the run asks at its own pace, ends at its own time, and its page answers others.
TEST_F(ServingTest, HostileClientsDoNotHurtTheRun) {
  const auto owned = served({"--serve", "127.0.0.1:0"});
  Command& run = *owned;
  std::vector<Fd> slow;
  for (int i = 0; i < 200; i++) {
    slow.push_back(connected());
    const std::string begun =
        i % 2 ? "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" : "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    (void)!::send(slow.back().get(), begun.data(), begun.size(), MSG_NOSIGNAL);
  }
  for (int i = 0; i < 200; i++) {  // one more byte each
    (void)!::send(slow[static_cast<std::size_t>(i)].get(), "X", 1, MSG_NOSIGNAL);
    if (i % 50 == 0) {
      EXPECT_TRUE(curl("/metrics").out.ends_with("\n200"));
    }
  }
  const auto status = run.wait(60 * kSecond);
  ASSERT_TRUE(status.has_value());
  EXPECT_LE(*status, 2) << run.errors();  // late requests, on a busy machine, are no failure
  const auto summary = summary_of(out());
  EXPECT_EQ(summary["observed_s"], 12.0);
  EXPECT_EQ(summary["cleanup"]["ok"], true);
}

/// Debian's Prometheus, as a user sets it up: it takes all of it, and knows when the fault was.
TEST_F(ServingTest, PrometheusScrapesIt) {
  const auto owned = served({"--serve", "127.0.0.1:0", "--var", "length=60s"});
  std::uint16_t at = 0;
  {
    const Fd free = bound_socket(NetNs::current(), SOCK_STREAM, address("127.0.0.1", 0));
    at = port_of(free);
  }
  const auto config =
      folder.write("prometheus.yml", fmt::format("global: {{scrape_interval: 200ms}}\nscrape_configs:\n- job_name: "
                                                 "faultline\n  static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
                                                 port));
  const Command prometheus({"prometheus", "--config.file=" + config.string(),
                            fmt::format("--web.listen-address=127.0.0.1:{}", at),
                            "--storage.tsdb.path=" + (folder.path() / "data").string()});
  const auto answer = [&](const std::string& query) {
    return say_all({"curl", "-s", "-m", "20", "-G", "--data-urlencode", "query=" + query,
                    fmt::format("http://127.0.0.1:{}/api/v1/query", at)})
        .out;
  };
  EXPECT_TRUE(eventually([&] {
    return answer("max_over_time(faultline_fault_active{fault=\"cut\"}[1m]) == 1").find("\"cut\"") != std::string::npos;
  })) << answer("faultline_fault_active");
  EXPECT_NE(answer("faultline_request_duration_seconds_count{probe=\"page\"} > 10").find("\"page\""), std::string::npos)
      << answer("faultline_request_duration_seconds_count");
  EXPECT_NE(answer("up{job=\"faultline\"}").find("\"1\""), std::string::npos) << answer("up");
  EXPECT_EQ(answer("faultline_run_info").find("\"result\":[]"), std::string::npos);
  owned->signal(SIGINT);
  EXPECT_EQ(owned->wait(60 * kSecond), 5) << owned->errors();
}

TEST_F(ServingTest, WantsTheTokenAndKeepsIt) {
  const auto token = folder.write("token", "0123456789abcdef\n");
  const auto owned = served({"--serve", "127.0.0.1:0", "--serve-token-file", token});
  Command& run = *owned;
  EXPECT_TRUE(curl("/metrics").out.ends_with("\n401"));
  EXPECT_TRUE(curl("/metrics", {"-H", "Authorization: Bearer 0123456789abcdef"}).out.ends_with("\n200"));
  EXPECT_TRUE(curl("/", {"-u", "wall:0123456789abcdef"}).out.ends_with("\n200"));
  EXPECT_TRUE(curl("/", {"-u", "wall:0123456789abcdee"}).out.find("\n401") != std::string::npos);
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(60 * kSecond), 5);
  std::string left = run.out() + run.errors();
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out()))
    if (entry.is_regular_file()) {
      left += text_of(entry.path());
      files++;
    }
  EXPECT_GT(files, 3);
  EXPECT_EQ(left.find("0123456789abcdef"), std::string::npos) << "nobody reads the token there";
}

TEST_F(ServingTest, AnAddressThatIsTakenKeepsTheRunFromStarting) {
  const Fd taken = bound_socket(NetNs::current(), SOCK_STREAM, address("127.0.0.1", 0));
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  Command run = Command::run(plan, out(), {"--serve", "127.0.0.1:" + std::to_string(port_of(taken))});
  EXPECT_EQ(run.wait(60 * kSecond), 4);
  EXPECT_NE(run.out().find("--serve: bind the address to serve at"), std::string::npos) << run.out();
}

TEST_F(ServingTest, DiesWithTheRun) {
  const auto owned = served({"--serve", "127.0.0.1:0"});
  Command& run = *owned;
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  const Fd open = connected();
  const Belongings had = run.belongings();
  run.signal(SIGKILL);
  EXPECT_EQ(run.wait(10 * kSecond), 128 + SIGKILL);
  EXPECT_NE(curl("/").status, 0);
  EXPECT_TRUE(eventually([&] { return had.left().empty(); }))
      << "an open connection keeps nothing alive, but there are " << fmt::format("{}", fmt::join(had.left(), ", "));
}

}  // namespace
}  // namespace faultline::test
