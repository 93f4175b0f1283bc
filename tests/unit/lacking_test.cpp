// What a plan needs of this machine, and is told that it lacks.
#include "injector/lab/lacking.h"

#include <gtest/gtest.h>

#include "injector/plan/parse.h"
#include "tests/harness/command.h"

namespace faultline::lab {
namespace {

namespace fs = std::filesystem;

class Lacking : public testing::Test {
 protected:
  /// Each lack as "LINE: message (help)".
  std::vector<std::string> of(const std::string& text) const {
    const auto parsed = plan::parse_file(folder.write("plan.toml", text));
    EXPECT_TRUE(parsed.ok()) << plan::render(parsed);
    std::vector<std::string> said;
    for (const auto& lack : lacking(parsed.plan))
      said.push_back(std::to_string(lack.at.line) + ": " + lack.message +
                     (lack.help.empty() ? "" : " (" + lack.help + ")"));
    return said;
  }
  /// Of a lab with one host that has these lines.
  std::vector<std::string> of_host(const std::string& lines) const {
    return of("[lab.rooms.r]\n[lab.hosts.h]\nroom = \"r\"\n" + lines + kAsks);
  }
  std::string script(const std::string& name, const std::string& text, bool may_run = true) const {
    const fs::path path = folder.write(name, text);
    if (may_run) fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add);
    return path;
  }
  // A plan has to do something.
  static constexpr const char* kAsks = "[probes.ping]\nicmp = \"127.0.0.1\"\n";
  test::TemporaryFolder folder;
  using Said = std::vector<std::string>;
};

TEST_F(Lacking, SaysWhoLacksWhatAndWhatToDo) {
  EXPECT_EQ(of_host("command = [\"sh\", \"-c\", \"true\"]\nuser = \"root\"\n"), Said{});
  EXPECT_EQ(of_host("command = [\"no-such-server\"]\n"),
            Said{"2: lab host \"h\" needs the program \"no-such-server\", which is not on this machine"});
  EXPECT_EQ(
      of_host("command = [\"/nowhere/redis-server\"]\n"),
      Said{"2: lab host \"h\" needs \"/nowhere/redis-server\", which does not exist (apt-get install redis-server)"});
  EXPECT_EQ(of_host("command = [\"sh\"]\nready = { exec = [\"no-such-client\"] }\n"),
            Said{"2: lab host \"h\" (ready) needs the program \"no-such-client\", which is not on this machine"});
  EXPECT_EQ(of_host("command = [\"sh\"]\nuser = \"no-such-user\"\n"),
            Said{"2: lab host \"h\" runs as the user \"no-such-user\", who does not exist on this machine"});
  EXPECT_EQ(of("[probes.p]\nexec = [\"no-such-client\"]\n"),
            Said{"1: probe \"p\" needs the program \"no-such-client\", which is not on this machine"});
}

TEST_F(Lacking, SaysItOfEachHostAndOfAPairOnce) {
  const auto said =
      of("[lab.rooms.r]\n[lab.hosts.a]\nroom = \"r\"\ncommand = [\"no-such-server\"]\n[lab.hosts.b]\nroom = \"r\"\n"
         "command = [\"no-such-server\"]\nready = { exec = [\"no-such-client\"] }\n" +
         std::string(kAsks) + "from = \"a\"\n");
  EXPECT_EQ(said.size(), 3u);
}

TEST_F(Lacking, LooksAtScriptsBesideThePlan) {
  EXPECT_EQ(of_host("command = [\"${plan_dir}/no-such.sh\"]\n"),
            Said{"2: lab host \"h\" needs \"" + (folder.path() / "no-such.sh").string() + "\", which does not exist"});
  const std::string dull = script("dull.sh", "#!/bin/sh\n", false);
  EXPECT_EQ(of_host("command = [\"${plan_dir}/dull.sh\"]\n"),
            Said{"2: lab host \"h\" needs \"" + dull + "\", which cannot be executed (chmod +x " + dull + ")"});
  script("good.sh", "#!/bin/sh\ntrue\n");
  EXPECT_EQ(of_host("command = [\"${plan_dir}/good.sh\"]\n"), Said{});
  const std::string odd = script("odd.sh", "#!/usr/bin/env -S no-such-shell -x\n");
  EXPECT_EQ(
      of_host("command = [\"${plan_dir}/odd.sh\"]\n"),
      Said{"2: lab host \"h\" runs \"" + odd + "\", a script for \"no-such-shell\", which is not on this machine"});
  EXPECT_EQ(
      of_host("command = [\"sh\", \"${plan_dir}/none.conf\", \"--with=${plan_dir}/none.too\", \"dull.sh\"]\n").size(),
      2u);
}

TEST_F(Lacking, SaysWhereProgramsThatComeWithFaultlineAreFrom) {
  const auto said = of_host("command = [\"${libexec_dir}/no-such-demo/server\"]\n");
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("no-such-demo/server\", which does not exist (build all of Faultline"), std::string::npos)
      << said[0];
}

TEST_F(Lacking, ReadsWhatShellsAreTold) {
  // Of the programs that Faultline knows, one that hardly anybody has.
  if (is_installed("rabbitmq-server")) GTEST_SKIP() << "this machine has it";
  const std::string said =
      "2: lab host \"h\" runs a script that uses \"rabbitmq-server\", which is not on this machine (apt-get install "
      "rabbitmq-server)";
  script("broker.sh", "#!/bin/sh\n# as rabbitmq-server does\nexec \"$bin/rabbitmq-server\" -x\n");
  EXPECT_EQ(of_host("command = [\"${plan_dir}/broker.sh\"]\n"), Said{said});
  EXPECT_EQ(of_host("command = [\"sh\", \"-c\", \"sleep 1; rabbitmq-server\"]\n"), Said{said});
  EXPECT_EQ(of_host("command = [\"sh\", \"-c\", \"echo hello | rabbitmq-server\"]\n"), Said{said});
  EXPECT_EQ(of_host("command = [\"sh\", \"-c\", \"echo rabbitmq-server\"]\n"), Said{});
}

TEST_F(Lacking, LeavesWhatAHostHasToItselfToTheAttempt) {
  EXPECT_EQ(of_host("command = [\"/run/made/before\"]\n"), Said{});
  EXPECT_EQ(of_host("command = [\"sh\", \"/etc/no-such-file\"]\n"), Said{}) << "it may well be what the command makes";
}

}  // namespace
}  // namespace faultline::lab
