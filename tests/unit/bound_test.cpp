// --bind: an outage's faults on targets of the user's own. What is played is text; what is wrong is said where it
// stands.
#include "injector/sketch/bound.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/plan/document.h"
#include "injector/sketch/node_text.h"
#include "tests/harness/command.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/say.h"

namespace faultline::sketch {
namespace {

using plan::Direction;
using plan::Parsed;

// A till in the town talks with two channels; the links of one room fail, one channel loses its answers.
const std::string kOutage = R"(title = "The till"
seed = 7
duration = "60s"
[vars]
loss = "12%"
dir = "${plan_dir}/services"
[lab.rooms.town]
[lab.rooms.a]
[lab.rooms.b]
[lab.links.town-a]
between = ["town", "a"]
[lab.links.town-b]
between = ["town", "b"]
[lab.links.a-b]
between = ["a", "b"]
[lab.hosts.till]
room = "town"
command = ["cat", "${dir}/x"]
[lab.hosts.pay-a]
room = "a"
[lab.hosts.store-a]
room = "a"
[lab.hosts.pay-b]
room = "b"
[probes.pay]
icmp = "pay-a"
from = "till"
)";

const std::string kAnswers = R"([[faults]]
kind = "sever"
on = "till"
peer = "pay-a"
direction = "ingress"
source = "fact: the post-mortem"
start = "10s"
for = "5s"
)";

const std::string kLinks = "[[faults]]\nkind = \"sever\"\non = [\"town-a\", \"a-b\"]\nstart = \"1s\"\nfor = \"1s\"\n";

class Bound : public testing::Test {
 protected:
  Parsed bind(const std::string& faults, std::vector<std::string> given, const std::string& own = "",
              const plan::ParseOptions& options = {}) {
    outage_ = folder_.write("till.toml", kOutage + faults);
    Bindings bindings{std::move(given), "", bound_only_};
    if (!own.empty()) bindings.with = own_ = folder_.write("mine.toml", own);
    return parse_bound(outage_, options, bindings);
  }
  plan::Plan bound(const std::string& faults, std::vector<std::string> given, const std::string& own = "",
                   const plan::ParseOptions& options = {}) {
    auto parsed = bind(faults, std::move(given), own, options);
    EXPECT_TRUE(parsed.ok()) << render(parsed);
    return std::move(parsed.plan);
  }
  /// The line of the outage's file, from 1, on which `text` stands first.
  std::uint32_t line_of(const std::string& text, const std::string& in) const {
    const auto at = in.find(text);
    EXPECT_NE(at, std::string::npos) << text;
    return static_cast<std::uint32_t>(1 + std::count(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  }

  test::TemporaryFolder folder_;
  std::string outage_, own_;
  bool bound_only_ = false;
};

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

const std::string kMine = R"([vars]
url = "http://10.0.0.9/pay"
[targets.client]
netns = "client"
[probes.mine]
http = "${url}"
from = "client"
[probes.script]
exec = ["sh", "${plan_dir}/look.sh", "$${HOME}"]
from = "here"
[[hypotheses]]
probe = "mine"
during = "sever"
success = ">= 99%"
[[guards]]
probe = "mine"
success = "< 20%"
for = "5s"
[[events]]
name = "down"
file = "/var/log/x"
match = "down"
)";
const std::vector<std::string> kBoth{"till=netns=shop", "pay-a=address=10.0.3.1"};

TEST_F(Bound, WhatJudgesComesFromTheSecondFile) {
  const auto parsed = bind(kAnswers, kBoth, "title = \"Mine\"\ntelemetry = \"till\"\n" + kMine,
                           {.variables = {{"url", "http://10.0.0.8/"}}});
  ASSERT_TRUE(parsed.ok()) << render(parsed);
  const auto& p = parsed.plan;
  EXPECT_EQ(p.title, "Mine");
  ASSERT_EQ(p.probes.size(), 2u);
  EXPECT_EQ(p.probes[0].shown_subject(), "http://10.0.0.8/");
  EXPECT_EQ(p.probes[1].program(), (std::vector<std::string>{"sh", (folder_.path() / "look.sh").string(), "${HOME}"}));
  EXPECT_EQ(p.hypotheses.at(0).during, "sever");
  EXPECT_EQ(p.guards.size(), 1u);
  EXPECT_EQ(p.events.size(), 1u);
  EXPECT_EQ(p.telemetry, std::vector<std::string>{"till"});
  EXPECT_EQ(parsed.judged_by(), own_);
  EXPECT_TRUE(parsed.remarks.empty()) << render_remarks(parsed);
}

TEST_F(Bound, WithoutHypothesesNothingJudgesAndThatIsSaid) {
  const auto parsed = bind(kAnswers, kBoth);
  ASSERT_TRUE(parsed.ok());
  EXPECT_NE(render_remarks(parsed).find("till.toml: remark: nothing judges the run: give --with FILE"),
            std::string::npos)
      << render_remarks(parsed);
}

TEST_F(Bound, MistakesInTheSecondFileAreShownThere) {
  const std::string own =
      "[probes.mine]\nhttp = \"http://10.0.0.9/\"\nfrom = \"here\"\n\n[[hypotheses]]\nprobe = "
      "\"mine\"\nduring = \"severe\"\nsuccess = \"99%\"\n";
  const auto parsed = bind(kAnswers, kBoth, own);
  ASSERT_EQ(parsed.diagnostics.size(), 2u) << render(parsed);
  EXPECT_EQ(parsed.diagnostics[0].file, own_);
  EXPECT_EQ(parsed.diagnostics[0].at.line, 7u);
  EXPECT_EQ(parsed.diagnostics[0].at.column, 10u);
  EXPECT_EQ(parsed.diagnostics[0].hint, "did you mean \"sever\"?");
  EXPECT_EQ(parsed.diagnostics[1].at.line, 8u);
  EXPECT_NE(render(parsed).find(own_ + ":7:10: error: during"), std::string::npos) << render(parsed);
  EXPECT_NE(render(parsed).find("    during = \"severe\"\n             ^"), std::string::npos) << render(parsed);
}

TEST_F(Bound, TheSecondFileJudgesAndDoesNothingElse) {
  const auto parsed = bind(kAnswers, kBoth,
                           "seed = 3\n[lab.rooms.x]\n[arms.a]\n[prob.x]\n[probes]\nx = 3\n[hypotheses]\n"
                           "[[faults]]\nkind = \"sever\"\n");
  EXPECT_EQ(parsed.diagnostics.size(), 7u) << render(parsed);
  for (const char* key : {"seed", "lab", "arms", "faults", "prob"})
    EXPECT_TRUE(has_mistake(parsed, fmt::format("\"{}\" is not of a file for --with", key))) << render(parsed);
  for (const auto& mistake : parsed.diagnostics) EXPECT_EQ(mistake.file, own_);
  EXPECT_TRUE(has_mistake(bind(kAnswers, kBoth, "x = \n"), "not valid TOML"));
}

TEST_F(Bound, NamesOfTheTwoDoNotMeet) {
  const std::string slow =
      "[[faults]]\nkind = \"degrade\"\non = \"till\"\nloss = \"${loss}\"\nstart = \"1s\"\nfor = \"1s\"\n";
  const auto parsed =
      bind(slow, {"till=netns=x"}, "[vars]\nloss = \"1%\"\ndir = \"mine\"\n[targets.till]\nunit = \"x\"\n");
  ASSERT_EQ(parsed.diagnostics.size(), 2u) << render(parsed) << "a variable that no fault uses is free";
  EXPECT_EQ(parsed.diagnostics[0].at.line, 2u);
  EXPECT_EQ(parsed.diagnostics[1].at.line, 4u);
}

TEST_F(Bound, MistakesOfTargetsAreShownAtTheirOption) {
  const auto parsed = bind(kAnswers, {"till=unit=shop.socket", "pay-a=address=10.0.3.0/240,colour=red"});
  ASSERT_EQ(parsed.diagnostics.size(), 3u) << render(parsed);
  EXPECT_TRUE(has_mistake(parsed, "--bind till=unit=shop.socket: unit: "));
  EXPECT_TRUE(has_mistake(parsed, "--bind pay-a=address=10.0.3.0/240,colour=red: address: "));
  EXPECT_TRUE(has_mistake(parsed, "--bind pay-a=address=10.0.3.0/240,colour=red: unknown key \"colour\""));
  for (const auto& mistake : parsed.diagnostics) EXPECT_EQ(mistake.at.line, 0u);
  for (const char* option : {"till", "till=", "=unit=x", "till=shop"})
    EXPECT_THROW(bind(kAnswers, {option}), Failure) << option;
}

TEST_F(Bound, MistakesOfTheOutageComeFirst) {
  const auto parsed = bind(kAnswers + "[[faults]]\nkind = \"sevre\"\n", {"nobody=unit=x"});
  ASSERT_FALSE(parsed.ok());
  EXPECT_TRUE(has_mistake(parsed, "sevre")) << render(parsed);
  EXPECT_FALSE(has_mistake(parsed, "nobody"));
}

TEST_F(Bound, AnArmSaysWhatFaultsAsk) {
  const std::string faults =
      "[arms.mild]\n[arms.hard]\nloss = \"50%\"\n[[faults]]\nkind = \"degrade\"\non = \"till\"\nloss = "
      "\"${loss}\"\nstart "
      "= \"1s\"\nfor = \"1s\"\n";
  const auto loss = [&](const std::string& arm, std::map<std::string, std::string> variables = {}) {
    return bound(faults, {"till=unit=x"}, "", {.variables = std::move(variables), .arm = arm})
        .faults[0]
        .params.probability("loss");
  };
  EXPECT_EQ(loss("mild"), 0.12);
  EXPECT_EQ(loss("hard"), 0.5);
  EXPECT_EQ(loss("", {{"loss", "1%"}}), 0.01);
  const auto parsed = bind(faults, {"till=unit=x"});
  EXPECT_TRUE(has_mistake(parsed, "arms mild and hard differ in \"loss\", which the faults use")) << render(parsed);
  // Arms that differ in the lab alone are one and the same here.
  const auto same = bind(
      "[arms.a]\n[arms.b]\ndir = \"x\"\nexpect = \"fails: y\"\n[[hypotheses]]\nname = \"y\"\nprobe = "
      "\"pay\"\nsuccess = \">= 99%\"\n" +
          kAnswers,
      kBoth);
  EXPECT_TRUE(same.ok()) << render(same);
  EXPECT_TRUE(same.plan.arms.empty());
}

TEST_F(Bound, SettingsChangeWhatIsAsked) {
  const auto p = bound(kAnswers, kBoth, "", {.seed = 9, .settings = {{"sever.for", "2s"}}});
  EXPECT_EQ(p.faults[0].end, 12 * kSecond);
  EXPECT_EQ(p.seed, 9u);
}

/// Each outage that we ship can be put on somebody's own services.
TEST(BoundOutages, EachShippedOneCanBeBound) {
  const test::TemporaryFolder folder;
  int seen = 0;
  for (const auto& file : std::filesystem::directory_iterator(FAULTLINE_SOURCE_DIR "/experiments")) {
    if (file.path().extension() != ".toml") continue;
    const auto outage = plan::parse_file(file.path());
    ASSERT_TRUE(outage.ok()) << plan::render(outage);
    std::set<std::string> places, peers;
    for (const auto& fault : outage.plan.faults) {
      places.insert(fault.on.begin(), fault.on.end());
      peers.insert(fault.peer.begin(), fault.peer.end());
    }
    std::vector<std::string> given;
    for (const auto& name : places) given.push_back(name + "=netns=/run/netns/" + name);
    for (const auto& name : peers)
      if (!places.contains(name)) given.push_back(name + "=address=10.0.3.0/24");
    const auto bound = parse_bound(file.path(), {.arm = outage.plan.arm}, {given, "", false});
    EXPECT_TRUE(bound.ok()) << file.path() << "\n" << plan::render(bound);
    EXPECT_EQ(bound.plan.faults.size(), outage.plan.faults.size());
    EXPECT_EQ(bound.plan.duration, outage.plan.duration);
    EXPECT_FALSE(bound.plan.lab);
    seen++;
  }
  EXPECT_GE(seen, 9);
}

/// The first ```toml block of a page.
std::string example_of(const std::string& page) {
  const std::string text = file_text(FAULTLINE_SOURCE_DIR "/docs/" + page), fence = "```toml\n";
  const auto begin = text.find(fence) + fence.size();
  return text.substr(begin, text.find("\n```", begin) + 1 - begin);
}

TEST(BoundOutages, ThePagesExamplesAreValid) {
  const test::TemporaryFolder folder;
  const std::string own = folder.write("mine.toml", example_of("own-services.md"));
  const auto bound = parse_bound(FAULTLINE_SOURCE_DIR "/experiments/alipay-2019-machine-room-jitter.toml", {},
                                 {{"pay-a=unit=pay.service", "bank=address=10.0.3.0/24"}, own, true});
  EXPECT_TRUE(bound.ok()) << plan::render(bound);
  EXPECT_EQ(bound.plan.hypotheses.size(), 2u);
  EXPECT_EQ(bound.plan.faults.size(), 3u);
  const auto cables = plan::parse_text(example_of("reproducing-an-outage.md"), folder.path() / "cables.toml");
  EXPECT_TRUE(cables.ok()) << plan::render(cables);
  EXPECT_EQ(cables.plan.faults.size(), 2u);
}

TEST(NodeText, ReadsBackAsTheSame) {
  const std::string text =
      "a = \"x\\\\ \\\" ${v} \\r\\n\\t\\u0000\\u001b \\u202e \\u00fc\"\nb = [1, -2, [\"x\"], []]\n\"c d\" = { e = "
      "true, \"\" = "
      "false, f = { g = [{ h = \"1\" }, { h = \"2\" }] } }\n'x.y' = 9223372036854775807\n";
  std::vector<plan::Diagnostic> mistakes;
  const plan::Node read = plan::read_document(text, mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes[0].message;
  std::string written;
  for (const auto& entry : read.entries) written += toml_key(entry.key) + " = " + toml_of(entry.value) + "\n";
  const plan::Node again = plan::read_document(written, mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes[0].message << written;
  ASSERT_EQ(again.entries.size(), 4u);
  EXPECT_EQ(again.find("a")->value.text, read.find("a")->value.text);
  std::string twice;
  for (const auto& entry : again.entries) twice += toml_key(entry.key) + " = " + toml_of(entry.value) + "\n";
  EXPECT_EQ(twice, written);
}

TEST_F(Bound, ExplainSaysWhomItTouchesAndWhoIsLeftOut) {
  bind(kAnswers +
           "[[faults]]\nname = \"crowd\"\nkind = \"degrade\"\non = \"pay-b\"\nloss = \"5%\"\nstart = \"30s\"\nfor = "
           "\"5s\"\n",
       kBoth);
  const std::vector<std::string> words{"explain", outage_, "--bind", kBoth[0], "--bind", kBoth[1], "--bound-only"};
  const auto said = cli::say(words);
  EXPECT_EQ(said.status, 0) << said.error;
  for (const char* part : {"till is network namespace shop", "pay-a is 10.0.3.1", "fault \"crowd\" is left out",
                           "nothing judges the run", "1 place: network namespace shop"})
    EXPECT_NE(said.out.find(part), std::string::npos) << part << "\n" << said.out;
  EXPECT_EQ(said.out.find("of the lab"), std::string::npos) << said.out;
  const auto refused = cli::say({"explain", outage_, "--bind", kBoth[0], "--bind", kBoth[1]});
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.error.find("\"pay-b\" is not bound"), std::string::npos) << refused.error;
}

TEST_F(Bound, CheckTakesTheSameOptions) {
  bind(kAnswers, kBoth, kMine);
  const auto said = cli::say({"check", outage_, "--bind", kBoth[0], "--bind", kBoth[1], "--with", own_});
  EXPECT_EQ(said.status, 0) << said.error;
  EXPECT_NE(said.out.find("ok: 2 probes, 1 fault, 1 hypothesis"), std::string::npos) << said.out;
  const auto alone = cli::say({"check", outage_, "--with", own_});
  EXPECT_EQ(alone.status, 3);
  EXPECT_NE(alone.error.find("--with goes with --bind"), std::string::npos) << alone.error;
  const auto margin = cli::say(
      {"margin", outage_, "--vary", "sever.for", "--from", "1s", "--to", "2s", "--bind", kBoth[0], "--bind", kBoth[1]});
  EXPECT_EQ(margin.status, 3);
  EXPECT_NE(margin.error.find("no [[hypotheses]]"), std::string::npos) << "bound, it has none: " << margin.error;
}

}  // namespace
}  // namespace faultline::sketch
