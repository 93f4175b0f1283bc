// partition: shapes to cuts, and plans to legs: who stops whose packets.
#include "faults/partition.h"

#include <set>

#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

using faults::Cut;
using faults::cuts_of_groups;
using faults::cuts_of_shape;

TEST(PartitionShape, AreThoseOfJepsen) {
  EXPECT_EQ(cuts_of_shape("halves", 2), (std::vector<Cut>{{0, 1}}));
  EXPECT_EQ(cuts_of_shape("halves", 5), (std::vector<Cut>{{0, 2}, {0, 3}, {0, 4}, {1, 2}, {1, 3}, {1, 4}}));
  EXPECT_EQ(cuts_of_shape("one-way", 3), (std::vector<Cut>{{0, 1}, {0, 2}}));
  EXPECT_EQ(cuts_of_shape("bridge", 3), (std::vector<Cut>{{0, 2}})) << "a triangle with one bad edge";
  EXPECT_EQ(cuts_of_shape("bridge", 5), (std::vector<Cut>{{0, 3}, {0, 4}, {1, 3}, {1, 4}}));
  EXPECT_EQ(cuts_of_shape("ring", 4), (std::vector<Cut>{{0, 2}, {1, 3}}));
  EXPECT_EQ(cuts_of_shape("ring", 5), (std::vector<Cut>{{0, 2}, {0, 3}, {1, 3}, {1, 4}, {2, 4}}));
  EXPECT_EQ(cuts_of_groups({2, 1}), (std::vector<Cut>{{0, 2}, {1, 2}}));
  EXPECT_EQ(cuts_of_groups({1, 1, 1}), (std::vector<Cut>{{0, 1}, {0, 2}, {1, 2}}));
}

// The promise of the ring, of any size: each sees a majority, no two the same one.
TEST(PartitionShape, InARingEachSeesAMajorityOfItsOwn) {
  for (std::size_t n = 4; n <= 40; n++) {
    std::vector<std::set<std::size_t>> seen(n);
    for (std::size_t i = 0; i < n; i++)
      for (std::size_t k = 0; k < n; k++) seen[i].insert(k);
    for (const auto& [a, b] : cuts_of_shape("ring", n)) {
      seen[a].erase(b);
      seen[b].erase(a);
    }
    for (const auto& s : seen) {
      EXPECT_GT(s.size() * 2, n) << n;
      EXPECT_LT(s.size(), n) << n;
    }
    EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), n) << n;
  }
}

const std::string kTargets = R"([targets.a]
netns = "a"
[targets.b]
netns = "b"
[targets.c]
netns = "c"
[targets.bank]
address = "10.0.0.0/8"
[targets.dns]
address = "10.1.0.1"
[[faults]]
kind = "partition"
start = "1s"
for = "5s"
)";

std::string told(const Plan& plan) {
  std::string text;
  for (const auto& leg : plan.faults.at(0).legs) {
    text += text.empty() ? "" : "; ";
    for (const auto& name : leg.on) text += name;
    text += leg.direction == Direction::egress ? ">" : leg.direction == Direction::ingress ? "<" : "?";
    for (const auto& name : leg.peer) text += " " + name;
  }
  return text;
}

TEST(Partition, EachMemberStopsWhatItSends) {
  EXPECT_EQ(told(parse_good(kTargets + "groups = [[\"a\", \"b\"], [\"c\"]]\n")), "a> c; b> c; c> a b");
  EXPECT_EQ(told(parse_good(kTargets + "groups = [[\"a\"], [\"b\"], [\"c\"]]\n")), "a> b c; b> a c; c> a b");
  EXPECT_EQ(told(parse_good(kTargets + "edges = [[\"a\", \"c\"]]\n")), "a> c; c> a");
  EXPECT_EQ(told(parse_good(kTargets + "on = [\"a\", \"b\", \"c\"]\nshape = \"bridge\"\n")), "a> c; c> a");
  EXPECT_EQ(told(parse_good(kTargets + "on = [\"a\", \"b\", \"c\"]\nshape = \"halves\"\n")), "a> b c; b> a; c> a");
  EXPECT_EQ(told(parse_good(kTargets + "edges = [[\"a\", \"c\"], [\"c\", \"a\"]]\n")), "a> c; c> a");
  const auto plan = parse_good(kTargets + "groups = [[\"a\", \"b\"], [\"c\"]]\n");
  EXPECT_EQ(plan.faults[0].on, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(plan.faults[0].peer.empty());
}

TEST(Partition, OneWayHasADirection) {
  EXPECT_EQ(told(parse_good(kTargets + "on = [\"a\", \"b\", \"c\"]\nshape = \"one-way\"\n")), "a> b c");
  EXPECT_EQ(told(parse_good(kTargets + "on = [\"a\", \"b\", \"c\"]\nshape = \"one-way\"\ndirection = \"ingress\"\n")),
            "b> a; c> a");
  EXPECT_EQ(told(parse_good(kTargets + "groups = [[\"a\"], [\"b\", \"c\"]]\ndirection = \"ingress\"\n")), "b> a; c> a");
  EXPECT_EQ(told(parse_good(kTargets + "edges = [[\"c\", \"a\"]]\ndirection = \"egress\"\n")), "c> a");
  only_mistake(kTargets + "on = [\"a\", \"b\"]\nshape = \"one-way\"\ndirection = \"both\"\n", "not one way");
  only_mistake(kTargets + "groups = [[\"a\"], [\"b\"]]\ndirection = \"sideways\"\n", "unknown direction");
}

// What an address sends, only the other side can stop.
TEST(Partition, AnAddressIsStoppedAtItsOtherSide) {
  EXPECT_EQ(told(parse_good(kTargets + "groups = [[\"a\"], [\"bank\"]]\n")), "a> bank; a< bank");
  EXPECT_EQ(told(parse_good(kTargets + "groups = [[\"a\", \"b\"], [\"c\", \"bank\"]]\n")),
            "a> c bank; a< bank; b> c bank; b< bank; c> a b");
  EXPECT_EQ(told(parse_good(kTargets + "groups = [[\"bank\"], [\"a\"]]\ndirection = \"egress\"\n")), "a< bank");
  const auto plan = parse_good(kTargets + "groups = [[\"a\"], [\"bank\"]]\n");
  EXPECT_EQ(plan.faults[0].peer, std::vector<std::string>{"bank"});
}

TEST(Partition, IsACutUnlessSaidOtherwise) {
  const auto channel = [](const std::string& more) {
    const auto plan = parse_good(kTargets + "groups = [[\"a\"], [\"b\"]]\n" + more);
    const Fault& fault = plan.faults[0];
    return fault.kind->compile({fault.params, {fault.start, fault.end}, 1, "a"});
  };
  EXPECT_EQ(channel("").loss, (faults::Track{{kSecond, 1}, {6 * kSecond, 1}}));
  EXPECT_EQ(channel("loss = \"30%\"\n").loss, (faults::Track{{kSecond, 0.3}, {6 * kSecond, 0.3}}));
  EXPECT_TRUE(channel("delay = \"2s\"\n").loss.empty());
  EXPECT_EQ(channel("delay = \"2s\"\njitter = \"1s\"\n").jitter, (faults::Track{{kSecond, 1e9}, {6 * kSecond, 1e9}}));
}

TEST(Partition, BuildsUpAndDiesAwayOverItsRamps) {
  const std::string groups = "groups = [[\"a\"], [\"b\"]]\n";
  const auto plan = parse_good(kTargets + groups + "delay = \"2s\"\nramp = \"1s\"\nramp_down = \"2s\"\n");
  const Fault& fault = plan.faults[0];
  EXPECT_EQ(fault.kind->compile({fault.params, {fault.start, fault.end}, 1, "a"}).delay,
            (faults::Track{{kSecond, 0}, {2 * kSecond, 2e9}, {4 * kSecond, 2e9}, {6 * kSecond, 0}}));
  EXPECT_TRUE(has_mistake(parse(kTargets + groups + "ramp = \"6s\"\n"), "shorter than its ramps"));
}

TEST(Partition, MistakesStandWhereTheyAre) {
  const auto at = [](const std::string& more, const std::string& message, std::uint32_t line, std::uint32_t column) {
    const auto mistake = only_mistake(kTargets + more, message);
    EXPECT_EQ(mistake.at.line, line) << mistake.message;
    EXPECT_EQ(mistake.at.column, column) << mistake.message;
  };
  at("groups = [[\"a\"], [\"b\", \"x\"]]\n", "there is no target \"x\"", 15, 24);
  at("groups = [[\"a\"], [\"b\", \"a\"]]\n", "\"a\" is there twice", 15, 24);
  at("groups = [[\"a\", \"b\"]]\n", "one group has no other", 15, 1);
  at("groups = [[\"a\"], []]\n", "an array in it is empty", 15, 18);
  at("groups = [[\"a\"], \"b\"]\n", "expected an array", 15, 18);
  at("groups = [[\"a\"], [\"b\"]]\nshape = \"halves\"\n", "says already", 16, 1);
  at("groups = [[\"a\"], [\"b\"]]\non = \"a\"\n", "names the members already", 16, 6);
  at("groups = [[\"a\"], [\"b\"]]\npeer = \"bank\"\n", "a partition takes none", 16, 8);
  at("groups = [[\"bank\"], [\"dns\"]]\n", "neither \"bank\" nor \"dns\" is a place", 15, 22);
  at("edges = [[\"a\", \"b\", \"c\"]]\n", "between two members", 15, 11);
  at("edges = [[\"a\", \"a\"]]\n", "between two members", 15, 11);
  at("shape = \"ring\"\non = [\"a\", \"b\", \"c\"]\n", "at least 4 members", 16, 7);
  at("shape = \"halves\"\non = \"a\"\n", "at least 2 members", 16, 6);
  at("shape = \"halves\"\non = [\"a\", \"a\"]\n", "there twice", 16, 12);
  at("shape = \"star\"\non = [\"a\", \"b\"]\n", "unknown value", 15, 9);
  only_mistake(kTargets, "does not say who is parted from whom", "groups = ");
  only_mistake(kTargets + "shape = \"ring\"\n", "has no \"on\"");
  only_mistake("[targets.d]\nnetns = \"d\"\n[targets.web]\nport = 80\n" + kTargets + "groups = [[\"a\"], [\"web\"]]\n",
               "is a port or a protocol");
  only_mistake("[targets.again]\nnetns = \"a\"\n" + kTargets + "groups = [[\"a\"], [\"again\"]]\n", "is part of");
}

TEST(Partition, RoomsAndHostsOfTheLab) {
  const std::string lab =
      "[lab.rooms.east]\n[lab.rooms.west]\n[lab.hosts.e1]\nroom = \"east\"\n[lab.hosts.w1]\nroom = "
      "\"west\"\n[lab.links.metro]\nbetween = [\"east\", \"west\"]\n"
      "[[faults]]\nkind = \"partition\"\nstart = \"1s\"\nfor = \"5s\"\n";
  EXPECT_EQ(told(parse_good(lab + "groups = [[\"east\"], [\"w1\"]]\n")), "east> w1; w1> east");
  only_mistake(lab + "groups = [[\"east\"], [\"e1\"]]\n", "\"e1\" is part of \"east\"");
  only_mistake(lab + "groups = [[\"metro\"], [\"e1\"]]\n", "is a link");
}

}  // namespace
}  // namespace faultline::plan
