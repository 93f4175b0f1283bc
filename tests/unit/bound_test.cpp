// --bind: an outage's faults on targets of the user's own. What is played is text; what is wrong is said where it
// stands.
#include <fmt/format.h>

#include "tests/unit/bound_bed.h"

namespace faultline::sketch {
namespace {

using plan::Direction;

TEST_F(Bound, AFaultKeepsItsShapeAndLosesItsLab) {
  const auto parsed = bind(kAnswers, {"till=unit=shop.service", "pay-a=address=10.0.3.0/24,fd00::/8,port=443"});
  ASSERT_TRUE(parsed.ok()) << render(parsed);
  const auto& p = parsed.plan;
  EXPECT_FALSE(p.lab);
  EXPECT_TRUE(p.probes.empty());
  EXPECT_EQ(p.seed, 7u);
  EXPECT_EQ(p.duration, 60 * kSecond);
  EXPECT_EQ(p.name, "till");
  EXPECT_EQ(p.path, outage_);
  EXPECT_EQ(p.title, "The till, bound to till=unit=shop.service, pay-a=address=10.0.3.0/24,fd00::/8,port=443");
  ASSERT_EQ(p.faults.size(), 1u);
  const auto& fault = p.faults.front();
  EXPECT_EQ(fault.name, "sever");
  EXPECT_EQ(fault.on, std::vector<std::string>{"till"});
  EXPECT_EQ(fault.peer, std::vector<std::string>{"pay-a"});
  EXPECT_EQ(fault.direction, Direction::ingress);
  EXPECT_EQ(fault.source, "fact: the post-mortem");
  EXPECT_EQ(fault.start, 10 * kSecond);
  EXPECT_EQ(fault.end, 15 * kSecond);
  const auto* till = p.find_target("till");
  ASSERT_NE(till, nullptr);
  EXPECT_EQ(till->where, plan::Target::Where::unit);
  EXPECT_EQ(till->subject, "shop.service");
  const auto* bank = p.find_target("pay-a");
  ASSERT_NE(bank, nullptr);
  EXPECT_EQ(bank->addresses, (std::vector<std::string>{"10.0.3.0/24", "fd00::/8"}));
  EXPECT_EQ(bank->ports, (std::vector<plan::PortRange>{{443, 443}}));
  EXPECT_EQ(p.targets.size(), 2u) << "nothing else is touched";
  EXPECT_EQ(fault.at.line, line_of("[[faults]]", kOutage + kAnswers)) << "its place is in the outage";
}

TEST_F(Bound, WhatIsPlayedIsItsText) {
  const std::string faults =
      kAnswers +
      "[[faults]]\nname = \"a \\\"mess\\\"\"\nkind = \"degrade\"\non = \"till\"\nloss = \"${loss}\"\n"
      "start = { true = \"40s\", scaled = \"20s\" }\nfor = \"5s\"\n";
  const auto options = plan::ParseOptions{.scale = 2, .variables = {{"loss", "20%"}}};
  plan::ParseOptions scaled = options;
  const auto first = bound(faults + "", {"till=netns=shop", "pay-a=address=10.0.3.1"}, "duration = \"120s\"\n", scaled);
  const auto again = plan::parse_text(first.text, outage_, options);
  ASSERT_TRUE(again.ok()) << render(again) << first.text;
  ASSERT_EQ(again.plan.faults.size(), 2u);
  EXPECT_EQ(again.plan.faults[1].name, "a \"mess\"");
  EXPECT_EQ(again.plan.faults[1].start, 20 * kSecond);
  EXPECT_EQ(again.plan.faults[1].params.probability("loss"), first.faults[1].params.probability("loss"));
  EXPECT_EQ(first.faults[1].params.probability("loss"), 0.2);
  EXPECT_EQ(first.duration, 60 * kSecond);
  EXPECT_EQ(again.plan.variables, (std::map<std::string, std::string>{{"loss", "20%"}})) << "those that are used";
  EXPECT_NE(first.text.find("# --bind till=netns=shop"), std::string::npos) << first.text;
  EXPECT_NE(first.text.find(fmt::format("# till.toml, line {}", first.faults[0].at.line)), std::string::npos);
}

TEST_F(Bound, WhatIsNotBoundIsNamedWhereItStands) {
  const auto parsed = bind(kAnswers, {"till=unit=shop"});
  ASSERT_EQ(parsed.diagnostics.size(), 1u) << render(parsed);
  const auto& mistake = parsed.diagnostics.front();
  EXPECT_EQ(mistake.message, "fault \"sever\": \"pay-a\" is not bound");
  EXPECT_EQ(mistake.file, "");
  EXPECT_EQ(mistake.at.line, line_of("peer = \"pay-a\"", kOutage + kAnswers));
  EXPECT_EQ(mistake.at.column, 8u);
  EXPECT_NE(mistake.hint.find("--bind pay-a=address=10.0.3.0/24"), std::string::npos) << mistake.hint;
  EXPECT_NE(render(parsed).find(fmt::format("{}:{}:8: error: ", outage_, mistake.at.line)), std::string::npos);
  EXPECT_NE(render(parsed).find("    peer = \"pay-a\"\n           ^"), std::string::npos) << render(parsed);
}

TEST_F(Bound, AFaultWhoseEndsAreNotBoundIsLeftOutWhenAsked) {
  const std::string faults = kAnswers +
                             "[[faults]]\nname = \"crowd\"\nkind = \"degrade\"\non = \"till\"\nloss = \"5%\"\nstart = "
                             "\"30s\"\nfor = \"5s\"\n";
  bound_only_ = true;
  const auto parsed = bind(faults, {"till=unit=shop"});
  ASSERT_TRUE(parsed.ok()) << render(parsed);
  ASSERT_EQ(parsed.plan.faults.size(), 1u);
  EXPECT_EQ(parsed.plan.faults[0].name, "crowd");
  EXPECT_EQ(parsed.plan.faults[0].start, 30 * kSecond) << "the timeline is the outage's";
  EXPECT_EQ(parsed.bound->left_out, std::vector<std::string>{"sever"});
  EXPECT_NE(render_remarks(parsed).find("fault \"sever\" is left out"), std::string::npos) << render_remarks(parsed);
  const auto none = bind(kAnswers, {"till=unit=shop"});
  ASSERT_EQ(none.diagnostics.size(), 2u) << render(none);
  EXPECT_TRUE(has_mistake(none, "no fault is left"));
  EXPECT_TRUE(has_mistake(none, "no fault that is played uses \"till\""));
}

TEST_F(Bound, EndsThatAreNotBoundAreLeftOutWhenAsked) {
  bound_only_ = true;
  const std::string faults =
      "[[faults]]\nname = \"x\"\nkind = \"degrade\"\non = [\"till\", \"pay-b\"]\npeer = [\"pay-a\", \"b\"]\nloss = "
      "\"5%\"\nstart = \"1s\"\nfor = \"1s\"\n";
  const auto parsed = bind(faults, {"till=unit=shop", "pay-a=address=10.0.3.1"});
  ASSERT_TRUE(parsed.ok()) << render(parsed);
  EXPECT_EQ(parsed.plan.faults.at(0).on, std::vector<std::string>{"till"});
  EXPECT_EQ(parsed.plan.faults.at(0).peer, std::vector<std::string>{"pay-a"});
  EXPECT_NE(render_remarks(parsed).find("pay-b, b are not bound, and left out"), std::string::npos)
      << render_remarks(parsed);
  // Without any of its peers it would be on all traffic: it is left out as a whole.
  const auto none = bind(faults + kAnswers, {"till=unit=shop"});
  EXPECT_TRUE(has_mistake(none, "no fault is left")) << render(none);
  const auto links = bind(kLinks, {"a-b=interface=eth2"});
  ASSERT_TRUE(links.ok()) << render(links);
  EXPECT_EQ(links.plan.faults.at(0).on, std::vector<std::string>{"a-b"});
  const std::string parts =
      "[[faults]]\nkind = \"partition\"\nedges = [[\"till\", \"a\"], [\"till\", \"b\"]]\nstart = \"1s\"\nfor = \"1s\"\n"
      "[[faults]]\nname = \"ring\"\nkind = \"partition\"\nshape = \"halves\"\non = [\"till\", \"a\", \"b\"]\nstart = "
      "\"5s\"\nfor = \"1s\"\n";
  const auto parted = bind(parts, {"till=netns=x", "a=netns=y"});
  ASSERT_TRUE(parted.ok()) << render(parted);
  EXPECT_EQ(parted.plan.faults.at(0).params.groups("edges"), (faults::Groups{{"till", "a"}}));
  EXPECT_EQ(parted.bound->left_out, std::vector<std::string>{"ring"}) << "of fewer members it is another shape";
}

TEST_F(Bound, WhoCannotBeWhatAFaultAsksIsLeftOutWhenAsked) {
  bound_only_ = true;
  const auto slow = [](const std::string& on, const std::string& peer) {
    return "[[faults]]\nname = \"slow\"\nkind = \"degrade\"\non = " + on + "\npeer = " + peer +
           "\ndelay = \"1ms\"\nstart = \"1s\"\nfor = \"1s\"\n";
  };
  const auto some =
      bind(slow("\"till\"", "\"pay-b\""), {"till=unit=shop", "till=address=10.0.0.2", "pay-b=address=10.0.0.1"});
  ASSERT_TRUE(some.ok()) << render(some);
  EXPECT_EQ(some.plan.faults[0].on, std::vector<std::string>{"till"}) << "one of a name's will do";
  EXPECT_EQ(render_remarks(some).find("left out"), std::string::npos) << render_remarks(some);
  // "sever" is on the till, which is no place, and its peer pay-a has no addresses.
  const auto addressed = bind(slow("\"pay-a\"", "\"till\"") + kAnswers, {"till=address=10.0.0.2", "pay-a=unit=x"});
  ASSERT_TRUE(addressed.ok()) << render(addressed);
  EXPECT_EQ(addressed.bound->left_out, std::vector<std::string>{"sever"});
  const std::string remarks = render_remarks(addressed);
  EXPECT_NE(remarks.find("till (as a place), pay-a (by an address) are not bound"), std::string::npos) << remarks;
  const auto links =
      bind(kLinks + slow("\"till\"", "[\"town\", \"a\", \"b\"]"),
           {"town=address=10.1.0.0/16", "a=address=10.2.0.0/16", "b=address=10.3.0.0/16", "till=unit=x"});
  ASSERT_TRUE(links.ok()) << render(links);
  EXPECT_EQ(links.bound->left_out, std::vector<std::string>{"sever"});
  EXPECT_NE(render_remarks(links).find("a-b (between a place and an address) are not bound"), std::string::npos)
      << render_remarks(links);
  EXPECT_TRUE(has_mistake(bind(kAnswers, {"till=address=10.0.0.2", "pay-a=unit=x"}), "no fault is left"));
}

TEST_F(Bound, AHostMayBeBoundByItsRoom) {
  const std::string faults =
      "[[faults]]\nkind = \"degrade\"\non = [\"pay-a\", \"store-a\"]\npeer = \"pay-b\"\ndelay = \"1ms\"\nstart = "
      "\"1s\"\nfor = \"1s\"\n";
  const auto p = bound(faults, {"a=unit=x", "b=address=10.0.0.1"});
  EXPECT_EQ(p.faults[0].on, std::vector<std::string>{"a"});
  EXPECT_EQ(p.faults[0].peer, std::vector<std::string>{"b"});
  const auto own = bound(faults, {"a=unit=x", "store-a=unit=y", "b=address=10.0.0.1"});
  EXPECT_EQ(own.faults[0].on, (std::vector<std::string>{"a", "store-a"})) << "its own name goes before";
}

TEST_F(Bound, ANameThatNoFaultUsesIsAMistake) {
  const auto parsed = bind(kAnswers, {"till=unit=shop", "pay-a=address=::1", "pay-b=unit=x", "tills=unit=y"});
  ASSERT_EQ(parsed.diagnostics.size(), 2u) << render(parsed);
  EXPECT_EQ(parsed.diagnostics[0].message, "--bind pay-b=unit=x: no fault that is played uses \"pay-b\"");
  EXPECT_EQ(parsed.diagnostics[1].hint, "did you mean \"till\"?");
}

TEST_F(Bound, ARoomIsBoundByItsNameOrByAllOfItsHosts) {
  const std::string faults =
      "[[faults]]\nkind = \"degrade\"\non = \"a\"\ndelay = \"1ms\"\nstart = \"1s\"\nfor = \"1s\"\n";
  EXPECT_EQ(bound(faults, {"a=netns=x"}).faults[0].on, std::vector<std::string>{"a"});
  EXPECT_EQ(bound(faults, {"pay-a=unit=x", "store-a=unit=y"}).faults[0].on,
            (std::vector<std::string>{"pay-a", "store-a"}));
  const auto some = bind(faults, {"pay-a=unit=x"});
  ASSERT_EQ(some.diagnostics.size(), 1u) << render(some);
  EXPECT_NE(some.diagnostics[0].hint.find("store-a is not bound"), std::string::npos) << some.diagnostics[0].hint;
  EXPECT_TRUE(has_mistake(bind(faults, {"till=unit=x"}), "\"a\" is not bound"));
}

TEST_F(Bound, SeveralTargetsStandForOneName) {
  const auto p = bound(kAnswers, {"till=unit=one", "till=container=two", "pay-a=address=10.0.0.1"});
  EXPECT_EQ(p.faults[0].on, (std::vector<std::string>{"till", "till-2"}));
  EXPECT_EQ(p.find_target("till-2")->where, plan::Target::Where::container);
}

TEST_F(Bound, ALinkIsADevice) {
  const auto p = bound(kLinks, {"town-a=interface=eth1", "a-b=interface=eth2"});
  EXPECT_EQ(p.faults[0].on, (std::vector<std::string>{"town-a", "a-b"}));
  EXPECT_TRUE(p.faults[0].peer.empty());
  EXPECT_TRUE(has_mistake(bind(kLinks, {"town-a=interface=eth1"}), "link \"a-b\" is not bound"));
}

TEST_F(Bound, ALinkIsWhatPassesBetweenItsEnds) {
  const auto p = bound(kLinks, {"a=unit=pay", "town=address=10.1.0.0/16", "b=address=10.2.0.0/16"});
  EXPECT_EQ(p.faults[0].on, std::vector<std::string>{"a"});
  EXPECT_EQ(p.faults[0].peer, (std::vector<std::string>{"town", "b"}));
  // The end that they share is where the fault is, whichever stands first.
  const auto turned = bound(kLinks, {"town=netns=x", "a=netns=y", "b=netns=z"});
  EXPECT_EQ(turned.faults[0].on, std::vector<std::string>{"a"});
  EXPECT_TRUE(has_mistake(bind(kLinks, {"a=address=10.0.0.1", "town=unit=x", "b=unit=y"}), "no end of its links"));
  EXPECT_TRUE(has_mistake(bind(kLinks, {"town-a=interface=eth1", "a=unit=x", "b=address=10.0.0.1"}),
                          "bound in different ways"));
}

TEST_F(Bound, LoopbackIsLeftAloneWhereTheOutageLeftItAlone) {
  const auto loopback = [](const plan::Plan& p) {
    return takes_in_loopback(p, p.faults[0], *p.find_target(p.faults[0].on.front()));
  };
  EXPECT_FALSE(loopback(bound(kAnswers, {"till=unit=shop", "pay-a=address=10.0.0.1"}))) << "a cut of a whole host";
  EXPECT_TRUE(loopback(bound(kAnswers, {"till=unit=shop", "pay-a=address=127.0.0.0/8"}))) << "else it meets nothing";
  EXPECT_TRUE(loopback(bound(kAnswers, {"till=netns=shop", "pay-a=address=[\"10.0.0.1\", \"::1\"]"})));
  const std::string slow =
      "[[faults]]\nkind = \"degrade\"\non = \"till\"\ndelay = \"1ms\"\nstart = \"1s\"\nfor = \"1s\"\n";
  EXPECT_TRUE(loopback(bound(slow, {"till=unit=shop"})));
  EXPECT_FALSE(loopback(bound(kLinks, {"town-a=netns=a", "a-b=netns=b"}))) << "a link has none";
}

TEST_F(Bound, APlaceIsNoAddressAndAnAddressNoPlace) {
  auto parsed = bind(kAnswers, {"till=address=10.0.0.1", "pay-a=unit=pay"});
  ASSERT_EQ(parsed.diagnostics.size(), 2u) << render(parsed);
  EXPECT_TRUE(has_mistake(parsed, "it is on \"till\", and --bind till=address=10.0.0.1 is no place"));
  EXPECT_TRUE(has_mistake(parsed, "\"pay-a\" is its peer, and --bind pay-a=unit=pay has no addresses"));
}

TEST_F(Bound, APartitionIsOfThoseWhoStandForItsMembers) {
  const auto p = bound(
      "[[faults]]\nkind = \"partition\"\ngroups = [[\"till\", \"pay-b\"], [\"a\"]]\nstart = \"1s\"\nfor = "
      "\"1s\"\n",
      {"till=netns=x", "pay-b=netns=z", "pay-a=netns=y", "store-a=address=10.0.0.3"});
  EXPECT_EQ(p.faults[0].params.groups("groups"), (faults::Groups{{"till", "pay-b"}, {"pay-a", "store-a"}}));
}

TEST_F(Bound, PortsAndProtocolsOfTheOutageStay) {
  const std::string https =
      "[targets.https]\nport = 443\nprotocol = \"tcp\"\n[[faults]]\nkind = \"sever\"\non = "
      "\"till\"\npeer = \"https\"\nstart = \"1s\"\nfor = \"1s\"\n";
  const auto p = bound(https, {"till=unit=shop"});
  EXPECT_EQ(p.find_target("https")->ports, (std::vector<plan::PortRange>{{443, 443}}));
  EXPECT_EQ(p.targets.size(), 2u);
}

}  // namespace
}  // namespace faultline::sketch
