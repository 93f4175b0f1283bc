// --set FAULT.KEY=VALUE: another value than the plan's, checked as the plan's own.
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

ParseOptions with(const std::string& path, const std::string& value) {
  ParseOptions options;
  options.settings[path] = value;
  return options;
}

const std::string kTwoFaults =
    kSmall +
    "[[faults]]\nname = \"the link, bad\"\nkind = \"machine-room-jitter\"\non = \"shop\"\nstart = \"1s\"\n"
    "for = \"20s\"\nepisodes = { every = \"5s\", last = \"3s\" }\nloss = \"22%\"\n";

TEST(Settings, TakeThePlaceOfWhatThePlanSays) {
  const auto plan = parse_good(kTwoFaults, with("degrade.delay", "300ms"));
  EXPECT_EQ(plan.faults.at(0).params.duration("delay"), 300 * kMillisecond)
      << "a fault without a name is called as its kind";
  EXPECT_EQ(parse_good(kTwoFaults, with("the link, bad.loss", "5%")).faults.at(1).params.probability("loss"), 0.05);
  EXPECT_EQ(
      parse_good(kTwoFaults, with("the link, bad.episodes.last", "1s")).faults.at(1).params.duration("episodes.last"),
      kSecond);
  EXPECT_EQ(parse_good(kTwoFaults, with("degrade.for", "2s")).faults.at(0).end, 7 * kSecond);
}

TEST(Settings, AddWhatThePlanDoesNotSay) {
  EXPECT_EQ(parse_good(kTwoFaults, with("degrade.loss", "3%")).faults.at(0).params.probability("loss"), 0.03);
  const auto plan = parse_good(kTwoFaults, with("degrade.on_any", "true"));
  EXPECT_TRUE(plan.faults.at(0).common.boolean("on_any"));
}

TEST(Settings, AreForOneFaultAlone) {
  const std::string twice =
      kSmall + "[[faults]]\nkind = \"degrade\"\non = \"shop\"\nstart = \"1s\"\nfor = \"1s\"\nloss = \"1%\"\n";
  only_mistake(twice, "several faults are called \"degrade\"", "a name of its own", with("degrade.delay", "1s"));
  const auto nested =
      parse_good(kSmall +
                     "[[faults]]\nname = \"degrade.loss\"\nkind = \"degrade\"\non = \"shop\"\nstart = \"1s\"\nfor = "
                     "\"1s\"\ndelay = \"1s\"\n",
                 with("degrade.loss.delay", "2s"));
  EXPECT_EQ(nested.faults.at(1).params.duration("delay"), 2 * kSecond);
}

TEST(Settings, AreCheckedAsThePlansOwn) {
  only_mistake(kSmall, "is not a duration", "", with("degrade.delay", "soon"));
  only_mistake(kSmall, "unknown key \"dela\"", "did you mean \"delay\"?", with("degrade.dela", "1s"));
  only_mistake(kSmall, "--set jitter.delay: the plan has no such fault", "faults are: degrade",
               with("jitter.delay", "1s"));
  only_mistake(kSmall, "the plan has no such fault", "FAULT.KEY=VALUE", with("degrade.", "1s"));
}

}  // namespace
}  // namespace faultline::plan
