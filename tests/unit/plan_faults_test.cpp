#include "injector/plan/values.h"
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

/// A fault of `kind` on a target, with more lines.
std::string fault(const std::string& kind, const std::string& more,
                  const std::string& window = "start = \"5s\"\nfor = \"10s\"\n") {
  return "[targets.shop]\nnetns = \"shop\"\n[targets.bank]\naddress = \"10.0.0.0/8\"\n[[faults]]\nname = \"f\"\nkind = "
         "\"" +
         kind + "\"\non = \"shop\"\n" + window + more;
}

TEST(PlanFaults, ReadsTheKeysOfEveryFault) {
  const auto plan = parse_good(fault(
      "degrade", "delay = \"20ms\"\nloss = \"1.5%\"\npeer = [\"bank\"]\ndirection = \"egress\"\nloopback = false\n"));
  ASSERT_EQ(plan.faults.size(), 1u);
  const auto& f = plan.faults[0];
  EXPECT_EQ(f.name, "f");
  ASSERT_NE(f.kind, nullptr);
  EXPECT_EQ(f.kind->name, "degrade");
  EXPECT_EQ(f.on, std::vector<std::string>{"shop"});
  EXPECT_EQ(f.peer, std::vector<std::string>{"bank"});
  EXPECT_EQ(f.direction, Direction::egress);
  EXPECT_TRUE(f.common.has("loopback") && !f.common.boolean("loopback"));
  EXPECT_EQ(f.start, 5 * kSecond);
  EXPECT_EQ(f.end, 15 * kSecond);
  EXPECT_EQ(f.params.duration("delay"), 20 * kMillisecond);
  EXPECT_DOUBLE_EQ(f.params.probability("loss"), 0.015);
  EXPECT_EQ(f.at.line, 5u);
}

TEST(PlanFaults, DirectionAndLoopbackHaveDefaults) {
  const auto plan = parse_good(fault("degrade", "delay = \"20ms\"\n"));
  EXPECT_EQ(plan.faults[0].direction, Direction::both);
  EXPECT_FALSE(plan.faults[0].common.has("loopback")) << "said by takes_in_loopback()";
  EXPECT_TRUE(plan.faults[0].peer.empty());
}

TEST(PlanFaults, SubTablesMayBeWrittenEitherWay) {
  const auto inline_table =
      parse_good(fault("machine-room-jitter", "delay = \"1ms\"\nepisodes = { every = \"8s\", last = \"1500ms\" }\n"));
  const auto dotted = parse_good(
      fault("machine-room-jitter", "delay = \"1ms\"\nepisodes.every = \"8s\"\nepisodes.last = \"1500ms\"\n"));
  for (const auto& plan : {inline_table, dotted}) {
    EXPECT_EQ(plan.faults[0].params.duration("episodes.every"), 8 * kSecond);
    EXPECT_EQ(plan.faults[0].params.duration("episodes.last"), 1500 * kMillisecond);
  }
}

/// What has to stand beside a key for it to mean anything.
std::string company(std::string_view key) {
  if (key == "distribution" || key == "correlation" || key == "order") return "jitter = \"1ms\"\n";
  if (key == "limit") return "rate = \"10mbit\"\n";
  if (key == "table") return "jitter = \"1ms\"\ndistribution = \"table\"\n";
  if (key == "reorder" || key == "per") return "delay = \"1ms\"\n";
  if (key == "checksum") return "corrupt = \"1%\"\n";
  if (key == "bursts.enter") return "bursts.leave = \"1%\"\n";
  if (key == "bursts.leave") return "bursts.enter = \"1%\"\n";
  if (key == "bursts.good") return "bursts.bad = \"1s\"\n";
  if (key == "bursts.bad") return "bursts.good = \"1s\"\n";
  if (key == "bursts.loss" || key == "bursts.between") return "bursts.good = \"1s\"\nbursts.bad = \"1s\"\n";
  return "";
}

// Whatever the catalogue says must hold in the parser: the tables are the language.
TEST(PlanFaults, EveryKeyOfEveryKindIsEnforced) {
  for (const auto& kind : faults::catalogue()) {
    for (const auto& key : kind.keys) {
      const std::string name(key.name);
      auto good = parse(fault(std::string(kind.name), company(name) + name + " = " + std::string(key.example) + "\n"));
      std::erase_if(good.diagnostics, [&](const Diagnostic& d) {  // an example names targets and files of its own
        return (key.type == faults::ValueType::groups && d.message.find("there is no target") != std::string::npos) ||
               ((key.type == faults::ValueType::trace || key.type == faults::ValueType::samples) &&
                d.message.find("cannot read") != std::string::npos);
      });
      EXPECT_FALSE(has_mistake(good, name + ":")) << "the example of " << kind.name << "." << name << " is refused\n"
                                                  << render(good);
      const auto bad = parse(fault(std::string(kind.name), name + " = 1979-05-27\n"));
      EXPECT_TRUE(has_mistake(bad, "found a date")) << kind.name << " " << name;
      if (key.required) {
        const auto missing = parse(fault(std::string(kind.name), ""));
        const auto leaf = name.substr(name.find('.') == std::string::npos ? 0 : name.find('.') + 1);
        EXPECT_TRUE(has_mistake(missing, leaf + "\"")) << kind.name << " " << name << "\n" << render(missing);
      }
      if (!key.fallback.empty()) {
        const auto absent = parse(fault(std::string(kind.name), ""));
        ASSERT_EQ(absent.plan.faults.size(), 1u);
        EXPECT_TRUE(absent.plan.faults[0].params.has(name)) << kind.name << " " << name << " has no default";
      }
    }
  }
}

TEST(PlanFaults, UnknownKindAndKey) {
  const auto kind =
      only_mistake(fault("degarde", "whatever = 1\n"), "unknown kind \"degarde\"", "did you mean \"degrade\"?");
  EXPECT_FALSE(kind.not_yet);
  const auto key = only_mistake(fault("degrade", "delay = \"1ms\"\ndelai = \"1ms\"\n"),
                                "unknown key \"delai\" in fault \"f\"", "did you mean \"delay\"?");
  EXPECT_EQ(key.at.line, 12u);
  EXPECT_EQ(key.at.column, 1u);
  const auto sub = only_mistake(
      fault("machine-room-jitter", "delay = \"1ms\"\nepisodes = { every = \"8s\", last = \"1s\", frist = 1 }\n"),
      "unknown key \"frist\"");
  EXPECT_EQ(sub.at.line, 12u);
}

TEST(PlanFaults, ScalarMistakesPointAtTheValue) {
  const auto delay = only_mistake(fault("degrade", "delay = \"200\"\n"), "has no unit", "200ms");
  EXPECT_EQ(delay.at.line, 11u);
  EXPECT_EQ(delay.at.column, 9u);
  only_mistake(fault("degrade", "delay = 200\n"), "delay: expected a string, found an integer", "needs a unit");
  only_mistake(fault("degrade", "loss = \"0.1\"\n"), "has no % sign", "\"10%\"");
  only_mistake(fault("degrade", "delay = \"1ms\"\ndirection = \"egres\"\n"), "unknown direction", "\"egress\"");
  only_mistake(fault("degrade", "delay = \"1ms\"\ndirection = \"sideways\"\n"), "unknown direction \"sideways\"",
               "seen from \"on\", directions are: both, egress, ingress");
  only_mistake(fault("degrade", "delay = \"1ms\"\nloopback = \"yes\"\n"), "expected true or false");
}

TEST(PlanFaults, MissingKeysAreEachReported) {
  const auto parsed = parse("[[faults]]\nname = \"f\"\n");
  for (const char* key : {"kind", "on", "start", "for"})
    EXPECT_TRUE(has_mistake(parsed, std::string("has no \"") + key + "\"")) << key;
  EXPECT_EQ(parsed.diagnostics.size(), 4u) << render(parsed);
}

TEST(PlanFaults, NamesAreGeneratedAndUnique) {
  const std::string one =
      "[[faults]]\nkind = \"degrade\"\non = \"shop\"\nstart = \"1s\"\nfor = \"1s\"\ndelay = \"1ms\"\n";
  const auto plan = parse_good("[targets.shop]\nnetns = \"shop\"\n" + one + one + one + "name = \"degrade-2\"\n");
  EXPECT_EQ(plan.faults[0].name, "degrade");
  EXPECT_EQ(plan.faults[1].name, "degrade-3");
  EXPECT_EQ(plan.faults[2].name, "degrade-2");
  only_mistake("[targets.shop]\nnetns = \"shop\"\n" + one + "name = \"x\"\n" + one + "name = \"x\"\n",
               "two faults \"x\"");
  only_mistake("[targets.shop]\nnetns = \"shop\"\n" + one + "name = \"recovery\"\n", "is a phase of every run");
  only_mistake("[targets.shop]\nnetns = \"shop\"\n" + one + "name = \"a\\nb\"\n", "not fit to be a fault's name");
}

TEST(PlanFaults, OnMustBeAPlace) {
  only_mistake(
      "[targets.bank]\naddress = \"10.0.0.1\"\n[[faults]]\nkind = \"degrade\"\non = \"bank\"\nstart = \"1s\"\nfor = "
      "\"1s\"\ndelay = \"1ms\"\n",
      "not a place", "peer = \"bank\"");
  const auto unknown = only_mistake(kSmall + "peer = [\"shop\", \"shopp\"]\n", "peer: there is no target \"shopp\"",
                                    "did you mean \"shop\"?");
  EXPECT_EQ(unknown.at.line, 11u);
  EXPECT_EQ(unknown.at.column, 17u);
  only_mistake(kSmall + "peer = [\"shop\", \"shop\"]\n", "is there twice");
  only_mistake(kSmall + "peer = []\n", "the array is empty");
}

TEST(PlanFaults, FaultsAreAnArrayOfTables) {
  only_mistake("[faults]\nkind = \"degrade\"\n", "expected an array of tables", "two brackets");
  only_mistake("faults = [1]\n", "expected a table");
}

}  // namespace
}  // namespace faultline::plan
