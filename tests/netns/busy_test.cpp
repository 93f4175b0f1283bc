// A run beside processes that would like every CPU for themselves, in its own session and in others.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "injector/base/error.h"
#include "injector/base/realtime.h"
#include "tests/harness/command.h"
#include "tests/harness/statuses.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

using nlohmann::json;

/// Processes that never rest, gone with this.
class Busy {
 public:
  void add(unsigned count, bool own_session) {
    for (unsigned i = 0; i < count; i++) {
      const pid_t pid = static_cast<pid_t>(check("fork", fork()));
      if (pid == 0) {
        alarm(120);  // whatever becomes of the test
        if (!own_session) setsid();
        for (volatile unsigned long n = 0;;) n = n + 1;
      }
      pids_.push_back(pid);
    }
  }
  ~Busy() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
  }

 private:
  std::vector<pid_t> pids_;
};

struct BusyTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  std::string plan(const std::string& more = "") const {
    return fmt::format(R"(
seed = 1
duration = "7s"
[targets.victim]
netns = "{}"
[probes.ping]
icmp = "10.7.0.2"
from = "victim"
every = "5ms"
[[faults]]
name = "slow"
kind = "degrade"
on = "victim"
start = "1s"
for = "5s"
delay = "20ms"
[[hypotheses]]
probe = "ping"
during = "slow"
success = ">= 99%"
p50 = ">= 20ms"
{})",
                       net.path(), more);
  }

  TwoNamespaces net;
  TemporaryFolder folder;
};

TEST_F(BusyTest, ARunStillSaysSomething) {
  const unsigned cpus = std::max(1u, std::thread::hardware_concurrency());
  Busy busy;
  busy.add(3 * cpus, false);
  busy.add(cpus, true);
  json s;
  std::string told;
  // A machine under this one may stand still. It does not do so every time.
  for (int attempt = 1; attempt <= 3; attempt++) {
    const auto out = folder.path() / fmt::format("run{}", attempt);
    Command run = Command::run(folder.write("plan.toml", plan()), out);
    ASSERT_TRUE(came_to_its_end(run.wait(90 * kSecond))) << run.errors();
    s = summary_of(out);
    told += s["reasons"].dump() + s["line_stats"].dump();
    if (s["exit_code"] == 0) break;
  }
  ASSERT_TRUE(s["contention"].is_object()) << "how busy it was is in the record";
  EXPECT_GT(s["contention"]["own"]["ran_s"], 0.0);
  EXPECT_TRUE(s["contention"]["own"]["mean_ms"].is_number());
  const json& realtime = s["line_stats"]["realtime"];
  if (realtime::try_it() == 0) {
    EXPECT_EQ(s["exit_code"], 0) << told;
    EXPECT_EQ(realtime["line"]["threads"], 1) << told;
    EXPECT_GE(realtime["others"]["threads"], 3) << "probe, journal and the run itself: " << told;
    EXPECT_EQ(realtime["line"]["refused"], 0) << told;
  } else {
    EXPECT_EQ(realtime["line"]["refused"], 1) << told;
    EXPECT_NE(s["warnings"].dump().find("no real-time class"), std::string::npos) << s["warnings"];
  }
}

TEST_F(BusyTest, WithoutTheCapabilityAllIsAsBeforeAndSaidOnce) {
  const auto out = folder.path() / "run";
  Command run({"setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice", binary(), "run",
               folder.write("plan.toml", plan()).string(), "--out", out.string()});
  const auto status = run.wait(90 * kSecond);
  ASSERT_TRUE(status) << run.errors();
  EXPECT_LE(*status, 2) << run.errors();
  const json s = summary_of(out);
  EXPECT_EQ(s["line_stats"]["realtime"]["line"]["refused"], 1) << s["line_stats"];
  EXPECT_EQ(s["line_stats"]["realtime"]["line"]["threads"], 0) << s["line_stats"];
  EXPECT_GT(s["faults"][0]["packets_delayed"], 0);
  int warned = 0;
  for (const json& warning : s["warnings"])
    warned += warning.get<std::string>().starts_with("no real-time class (Operation not permitted)") ? 1 : 0;
  EXPECT_EQ(warned, 1) << s["warnings"];
  const std::string said = run.errors();
  const auto first = said.find("no real-time class");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("no real-time class", first + 1), std::string::npos) << said;
}

}  // namespace
}  // namespace faultline::test
