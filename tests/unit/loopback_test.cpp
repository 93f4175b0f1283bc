// Whether a fault takes in lo where its plan does not say so (docs/decisions/0005-loopback-takes-part.md).
#include "injector/explain/explain.h"
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

/// What a kind takes as few keys as make it a fault.
std::string effect_of(const std::string& kind) {
  if (kind == "flap") return "down = \"1s\"\nup = \"1s\"\n";
  if (kind == "degrade") return "loss = \"100%\"\n";
  if (kind == "partition") return "shape = \"halves\"\n";
  if (kind == "dns") return "answer = \"silence\"\n";
  return "";
}

bool takes_in(const std::string& kind, const std::string& target, const std::string& more = "") {
  const bool parted = kind == "partition";
  const Plan plan = parse_good("[targets.a]\n" + target + "\n[targets.b]\nnetns = \"b\"\n[[faults]]\nkind = \"" + kind +
                               "\"\non = " + (parted ? "[\"a\", \"b\"]" : "\"a\"") +
                               "\nstart = \"1s\"\nfor = \"9s\"\n" + effect_of(kind) + more);
  return takes_in_loopback(plan, plan.faults.at(0), plan.targets.at(0));
}

TEST(Loopback, ACutOfAWholeMachineLeavesItOut) {
  for (const char* kind : {"sever", "flap", "partition"})
    for (const char* target : {"netns = \"shop\"", "container = \"shop\"", "pod = \"shop/web-0\""})
      EXPECT_FALSE(takes_in(kind, target)) << kind << " " << target;
  const Plan lab = parse_good(
      "[lab.rooms.r]\n[lab.hosts.h]\nroom = \"r\"\n[[faults]]\nkind = \"sever\"\non = [\"h\", \"r\"]\nstart = "
      "\"1s\"\nfor = \"1s\"\n");
  for (const auto& target : lab.targets) EXPECT_FALSE(takes_in_loopback(lab, lab.faults[0], target)) << target.name;
}

TEST(Loopback, OfAServiceItIsTakenIn) {
  for (const char* kind : {"sever", "flap"})
    for (const char* target :
         {"unit = \"shop\"", "cgroup = \"/shop\"", "process = \"shop\"", "pid = 7", "interface = \"lo\""})
      EXPECT_TRUE(takes_in(kind, target)) << kind << " " << target;
}

TEST(Loopback, WhatIsNoCutTakesItIn) {
  for (const char* kind : {"degrade", "dns"}) EXPECT_TRUE(takes_in(kind, "netns = \"shop\"")) << kind;
}

TEST(Loopback, APeerThatIsALoopbackAddressTakesItIn) {
  const auto with = [](const std::string& address) {
    return takes_in("sever", "netns = \"shop\"", "peer = \"p\"\n[targets.p]\naddress = " + address + "\n");
  };
  for (const char* address :
       {"\"127.0.0.1\"", "\"127.1.2.3\"", "\"127.0.0.0/8\"", "\"::1\"", "\"localhost\"", "[\"10.0.0.1\", \"::1\"]"})
    EXPECT_TRUE(with(address)) << address;
  for (const char* address : {"\"10.0.0.1\"", "\"0.0.0.0/0\"", "\"::/0\"", "\"bank.internal\""})
    EXPECT_FALSE(with(address)) << address;
}

TEST(Loopback, ThePlanHasTheLastWord) {
  EXPECT_TRUE(takes_in("sever", "netns = \"shop\"", "loopback = true\n"));
  EXPECT_FALSE(takes_in("sever", "unit = \"shop\"", "loopback = false\n"));
}

TEST(Loopback, ExplainSaysSo) {
  const auto scope = [](const std::string& kind, const std::string& on) {
    const Plan plan = parse_good(
        "[targets.a]\nnetns = \"a\"\n[targets.u]\nunit = \"u\"\n[targets.i]\ninterface = "
        "\"eth0\"\n[[faults]]\nkind = \"" +
        kind + "\"\non = " + on + "\nstart = \"1s\"\nfor = \"9s\"\n" + effect_of(kind));
    return explain::describe_scope(plan, plan.faults.at(0));
  };
  EXPECT_TRUE(scope("sever", "\"a\"").ends_with(", not over lo")) << scope("sever", "\"a\"");
  EXPECT_TRUE(scope("sever", "\"u\"").ends_with(", lo included")) << scope("sever", "\"u\"");
  EXPECT_TRUE(scope("degrade", "\"a\"").ends_with(", lo included"));
  EXPECT_TRUE(scope("sever", "[\"a\", \"u\"]").ends_with(", lo of u included, of a not"));
  EXPECT_EQ(scope("sever", "\"i\"").find(" lo"), std::string::npos);
}

}  // namespace
}  // namespace faultline::plan
