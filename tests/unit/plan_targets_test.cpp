// [targets.NAME] on a real machine: what each way to name a target takes and refuses.
#include <fmt/format.h>

#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

using Where = Target::Where;

/// A target `a` with these lines, and a fault on it.
std::string on(const std::string& lines) {
  return "[targets.a]\n" + lines +
         "\n[[faults]]\nkind = \"degrade\"\non = \"a\"\nstart = \"1s\"\nfor = \"1s\"\ndelay = \"1ms\"\n";
}
Target good(const std::string& lines) { return *parse_good(on(lines)).find_target("a"); }

TEST(PlanTargetsOnAMachine, EachWayHasItsSubject) {
  for (const auto& [lines, where, subject] :
       {std::tuple{"interface = \"eth0\"", Where::interface, "eth0"},
        std::tuple{"cgroup = \"/system.slice/pay.service/\"", Where::cgroup, "/system.slice/pay.service"},
        std::tuple{"pid = 1234", Where::pid, "1234"}, std::tuple{"pid = \"1234\"", Where::pid, "1234"},
        std::tuple{"process = \"nginx\"", Where::process, "nginx"},
        std::tuple{"process = \"/usr/sbin/nginx\"", Where::process, "/usr/sbin/nginx"},
        std::tuple{"unit = \"pay\"", Where::unit, "pay.service"},
        std::tuple{"unit = \"pay.slice\"", Where::unit, "pay.slice"},
        std::tuple{"unit = \"getty@tty1.service\"", Where::unit, "getty@tty1.service"},
        std::tuple{"container = \"shop_web.1\"", Where::container, "shop_web.1"},
        std::tuple{"pod = \"shop/web-0\"", Where::pod, "shop/web-0"},
        std::tuple{"pod = \"0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f\"", Where::pod,
                   "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"}}) {
    const Target target = good(lines);
    EXPECT_EQ(target.where, where) << lines;
    EXPECT_EQ(target.subject, subject) << lines;
    EXPECT_EQ(target.wait, 0);
    EXPECT_EQ(target.if_gone, Target::IfGone::proceed);
  }
  EXPECT_EQ(good("interface = \"eth0\"\nnetns = \"shop\"").netns, "shop");
  EXPECT_EQ(good("interface = \"eth0\"").netns, "");
}

TEST(PlanTargetsOnAMachine, MistakesSayWhatWouldBeRight) {
  only_mistake(on("interface = \"eth0/1\""), "cannot be the name of a device");
  only_mistake(on("interface = \"a-name-that-is-long\""), "cannot be the name of a device", "15 bytes");
  only_mistake(on("interface = \"eth0\"\nnetns = \"a/b\""), "neither a name nor an absolute path");
  only_mistake(on("cgroup = \"pay.service\""), "is not the path of a cgroup", "/proc/PID/cgroup");
  only_mistake(on("cgroup = \"/a/../b\""), "is not the path of a cgroup");
  only_mistake(on("cgroup = \"/\""), "holds every process", "netns");
  only_mistake(on("cgroup = \"/sys/fs/cgroup/system.slice\""), "where the hierarchy is mounted", "\"/system.slice\"");
  only_mistake(on("pid = 0"), "not a process id");
  only_mistake(on("pid = \"nginx\""), "not a process id");
  only_mistake(on("pid = true"), "expected an integer");
  only_mistake(on("process = \"sbin/nginx\""), "neither a command's name");
  only_mistake(on("unit = \"pay.socket\""), "no sockets of its own", "\"pay.service\"");
  only_mistake(on("unit = \"a/b\""), "not the name of a unit");
  only_mistake(on("unit = \"-.slice\""), "holds every process");
  only_mistake(on("container = \"shop/web\""), "neither a container's name nor its id");
  for (const char* bad : {"", "a/b/c", "/web", "web/", "Web"})
    only_mistake(on(std::string("pod = \"") + bad + "\""), "neither a pod's uid nor its name", "metadata.uid");
  only_mistake(on("unit = \"pay\"\npid = 1"), "both \"pid\" and \"unit\"", "two targets");
  only_mistake(on("interface = \"eth0\"\nunit = \"pay\""), "both \"interface\" and \"unit\"");
}

TEST(PlanTargetsOnAMachine, MayStartLateAndEnd) {
  const Target target = good("unit = \"pay\"\nwait = \"30s\"\nif_gone = \"abort\"");
  EXPECT_EQ(target.wait, 30 * kSecond);
  EXPECT_EQ(target.if_gone, Target::IfGone::abort);
  EXPECT_EQ(good("netns = \"shop\"\nif_gone = \"continue\"").if_gone, Target::IfGone::proceed);
  only_mistake(on("unit = \"pay\"\nwait = \"2h\""), "too long", "1h");
  only_mistake(on("unit = \"pay\"\nwait = 30"), "wait");
  only_mistake(on("unit = \"pay\"\nif_gone = \"abbort\""), "unknown value", "did you mean \"abort\"?");
  only_mistake("[targets.b]\naddress = \"::1\"\nwait = \"1s\"\n" + kSmall, "there for as long as the run is",
               "leave wait out");
  only_mistake("wait = \"1s\"\n" + kSmall, "unknown key \"wait\"");
}

TEST(PlanTargetsOnAMachine, NamesOfHostsAreAddresses) {
  const auto plan =
      parse_good("[targets.bank]\naddress = [\"bank.internal\", \"10.0.0.0/8\", \"db-1_x.example.\"]\n" + kSmall);
  EXPECT_EQ(plan.find_target("bank")->addresses,
            (std::vector<std::string>{"bank.internal", "10.0.0.0/8", "db-1_x.example."}));
  for (const char* bad : {"bank..internal", ".bank", "bank internal", "http://bank"})
    only_mistake(fmt::format("[targets.bank]\naddress = \"{}\"\n", bad) + kSmall, "is not an IP address");
}

TEST(PlanTargetsOnAMachine, WhatSharesAnAddressIsNoPeer) {
  for (const char* lines :
       {"interface = \"eth0\"", "cgroup = \"/a\"", "pid = 7", "process = \"nginx\"", "unit = \"pay\""})
    only_mistake(std::string("[targets.b]\n") + lines +
                     "\n[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"sever\"\non = \"shop\"\npeer = "
                     "\"b\"\nstart = \"1s\"\nfor = \"1s\"\n",
                 "has no addresses of its own", "put the fault on \"b\"");
  parse_good(
      "[targets.b]\ncontainer = \"web\"\n[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"sever\"\non = "
      "\"shop\"\npeer = \"b\"\nstart = \"1s\"\nfor = \"1s\"\n");
}

TEST(PlanTargetsOnAMachine, ProbesRunWhereTheTargetIs) {
  const std::string probe = "[probes.p]\nicmp = \"::1\"\n";
  EXPECT_EQ(parse_good(probe + on("unit = \"pay\"")).probes[0].from, "here") << "it has no namespace of its own";
  EXPECT_EQ(parse_good(probe + on("interface = \"eth0\"")).probes[0].from, "here");
  EXPECT_EQ(parse_good(probe + on("interface = \"eth0\"\nnetns = \"shop\"")).probes[0].from, "a");
  EXPECT_EQ(parse_good(probe + on("container = \"web\"")).probes[0].from, "a");
  EXPECT_EQ(parse_good(probe + "from = \"a\"\n" + on("unit = \"pay\"")).probes[0].from, "a");
  only_mistake(probe + "[targets.b]\ncontainer = \"other\"\n" + on("container = \"web\""),
               "could run in several places");
}

}  // namespace
}  // namespace faultline::plan
