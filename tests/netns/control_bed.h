// Runs of the real binary in their own folders, and other commands of it beside them: what the tests of a run under way
// share.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "injector/base/error.h"
#include "injector/run/running.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp_stream.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {

namespace fs = std::filesystem;
using nlohmann::json;

inline constexpr const char* kLab = R"(
duration = "60s"
[lab.rooms.east]
[lab.hosts.web]
room = "east"
command = ["sleep", "1000"]
env = { COLOUR = "green" }
[lab.hosts.client]
room = "east"
[probes.ping]
icmp = "web"
from = "client"
every = "100ms"
)";

struct ControlTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  /// A fault from 500 ms on that delays by 100 ms for 30 s.
  static std::string plan(const TwoNamespaces& net, const std::string& more = "") {
    return VictimPlan{.netns = net.path(), .duration = "40s", .timeout = "200ms", .length = "30s", .more = more}.text();
  }

  Command start(const std::string& text, const std::string& name = "plan") {
    return Command::run(folder.write(name + ".toml", text), folder.path() / name);
  }
  fs::path out(const std::string& name = "plan") const { return folder.path() / name; }

  /// What `list --runs --json` says of the run with this pid; null when it does not.
  static json listed(pid_t pid) {
    const Said said = say({"list", "--runs", "--json"});
    EXPECT_EQ(said.status, 0) << said.errors;
    const json all = json::parse(said.out);
    for (const auto& run : all.is_array() ? all : all.at("runs"))
      if (run["pid"] == pid) return run;
    return nullptr;
  }

  void expect_aborted(Command& run, const std::string& name, const std::string& by) {
    EXPECT_EQ(run.wait(30 * kSecond), 5) << run.out() << run.errors();
    const json s = summary_of(out(name));
    ASSERT_TRUE(s.is_object());
    EXPECT_EQ(s["abort"]["by"], by) << s["abort"].dump();
    EXPECT_EQ(s["interrupted"], false);
    EXPECT_EQ(s["cleanup"]["ok"], true) << s["cleanup"].dump();
  }

  TemporaryFolder folder;
};

}  // namespace faultline::test
