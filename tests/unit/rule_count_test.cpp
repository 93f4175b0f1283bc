// Too many rules for one place, where the plan alone tells.
#include <fmt/format.h>

#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

/// So many faults with these lines each, every `gap_ms` one. A fault is six lines, and those.
std::string cuts(int count, const std::string& lines, int gap_ms = 0) {
  static int number = 0;
  std::string text;
  for (int i = 0; i < count; i++)
    text += fmt::format("[[faults]]\nname = \"cut {}\"\nkind = \"sever\"\nstart = \"{}ms\"\nfor = \"1s\"\n{}", number++,
                        1000 + i * gap_ms, lines);
  return text;
}

const std::string kShop = "[targets.shop]\nnetns = \"shop\"\n";
const std::string kCrowdedLab =
    "[lab.rooms.east]\n[lab.rooms.west]\n[lab.links.cable]\nbetween = [\"east\", \"west\"]\n"
    "[lab.hosts.web]\nroom = \"east\"\n[lab.hosts.store]\nroom = \"east\"\n[lab.hosts.client]\nroom = \"west\"\n";

TEST(RuleCount, ATargetTakesSixtyFourFaultsAtOnce) {
  parse_good(kShop + cuts(64, "on = \"shop\"\n"));
  const auto mistake = only_mistake(kShop + cuts(66, "on = \"shop\"\n"),
                                    "on: with this fault \"shop\" would have more than 64 rules", "merge faults");
  EXPECT_EQ(mistake.at.line, 2u + 64 * 6 + 6) << "the 65th, and it alone";
  EXPECT_EQ(mistake.at.column, 6u);
}

TEST(RuleCount, WhatIsAlikeAndApartCountsOnce) {
  parse_good(kShop + cuts(500, "on = \"shop\"\n", 1300));
  parse_good(kShop + cuts(500, "on = \"shop\"\n", 1299));  // two at a time
  const std::string late = "[[faults]]\nname = \"late\"\nkind = \"sever\"\nfor = \"1s\"\non = \"shop\"\nstart = ";
  parse_good(kShop + cuts(64, "on = \"shop\"\n") + late + "\"2300ms\"\n");
  only_mistake(kShop + cuts(64, "on = \"shop\"\n") + late + "\"2299ms\"\n", "more than 64 rules at once");
}

TEST(RuleCount, WhatIsNotAlikeCountsThoughItIsApart) {
  std::string targets = kShop, faults;
  for (int i = 0; i < 65; i++) {
    targets += fmt::format("[targets.peer{}]\naddress = \"10.0.0.{}\"\n", i, i + 1);
    if (i < 64) faults += cuts(5, fmt::format("on = \"shop\"\npeer = \"peer{}\"\n", i), 10'000);
  }
  parse_good(targets + faults);
  const std::string at_last =
      "[[faults]]\nname = \"last\"\nkind = \"sever\"\nstart = \"200s\"\nfor = \"1s\"\non = \"shop\"\n";
  only_mistake(targets + faults + at_last + "peer = \"peer64\"\n", "more than 64 rules at once");
  only_mistake(targets + faults + at_last + "peer = \"peer0\"\ndirection = \"egress\"\n", "more than 64 rules at once");
  parse_good(targets + faults + at_last + "peer = \"peer0\"\n");
}

TEST(RuleCount, APeerOfAnotherSortIsARuleMore) {
  const std::string peers =
      kShop +
      "[targets.a]\naddress = \"10.0.0.1\"\nport = 80\n[targets.b]\naddress = \"10.0.0.2\"\nport = 80\n"
      "[targets.c]\naddress = \"10.0.0.3\"\n[targets.d]\nprotocol = \"udp\"\n";
  parse_good(peers + cuts(64, "on = \"shop\"\npeer = [\"a\", \"b\"]\n"));
  parse_good(peers + cuts(32, "on = \"shop\"\npeer = [\"a\", \"c\"]\n"));
  only_mistake(peers + cuts(33, "on = \"shop\"\npeer = [\"a\", \"c\"]\n"), "more than 64 rules");
  only_mistake(peers + cuts(22, "on = \"shop\"\npeer = [\"a\", \"c\", \"d\"]\n"), "more than 64 rules");
}

TEST(RuleCount, WhatIsInOnePlaceCountsTogether) {
  const std::string second =
      kShop +
      "[targets.till]\nnetns = \"shop\"\nport = 80\n[targets.wire]\ninterface = \"eth0\"\nnetns = "
      "\"shop\"\n";
  parse_good(second + cuts(32, "on = \"shop\"\n") + cuts(32, "on = \"till\"\n"));
  only_mistake(second + cuts(32, "on = \"shop\"\n") + cuts(33, "on = \"till\"\n"),
               "\"till\" would have more than 64 rules");
  only_mistake(second + cuts(33, "on = [\"shop\", \"wire\"]\n"), "\"shop\" would have more than 64 rules");
  const std::string units = "[targets.a]\nunit = \"a\"\n[targets.b]\nunit = \"b\"\n";
  parse_good(units + cuts(64, "on = \"a\"\n") + cuts(64, "on = \"b\"\n"));  // the run will see
}

TEST(RuleCount, ARoomIsItsHostsAndALinkItsEnds) {
  parse_good(kCrowdedLab + cuts(32, "on = \"east\"\n") + cuts(32, "on = \"web\"\n") + cuts(64, "on = \"client\"\n"));
  only_mistake(kCrowdedLab + cuts(32, "on = \"east\"\n") + cuts(33, "on = \"web\"\n"),
               "\"web\" would have more than 64 rules");
  only_mistake(kCrowdedLab + cuts(65, "on = \"east\"\n"), "\"east\" would have more than 64 rules");
  parse_good(kCrowdedLab + cuts(64, "on = \"cable\"\n") + cuts(64, "on = \"web\"\n"));
  std::string slow = kCrowdedLab;
  slow.insert(slow.find("[lab.hosts.web]"), "delay = \"5ms\"\n");  // of the cable
  parse_good(slow + cuts(63, "on = \"cable\"\n"));
  only_mistake(slow + cuts(64, "on = \"cable\"\n"), "\"cable\" would have more than 64 rules");
}

TEST(RuleCount, APartitionIsARuleForEachOfItsMembers) {
  const std::string ring =
      "[[faults]]\nname = \"split {}\"\nkind = \"partition\"\nstart = \"5s\"\nfor = \"1s\"\n"
      "groups = [[\"web\"], [\"client\"]]\n";
  std::string many = kCrowdedLab;
  for (int i = 0; i < 64; i++) many += fmt::format(fmt::runtime(ring), i);
  parse_good(many);
  only_mistake(many + cuts(1, "on = \"client\"\n"), "\"client\" would have more than 64 rules");
}

}  // namespace
}  // namespace faultline::plan
