#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

const std::string kTwoRooms = R"([lab.rooms.west]
[lab.rooms.east]
[lab.hosts.web]
room = "west"
command = ["nginx", "-c", "${plan_dir}/nginx.conf"]
user = "nobody"
env = { MODE = "demo" }
ready = { tcp = 8080, within = "3s" }
after = ["db"]
[lab.hosts.db]
room = "east"
command = ["redis-server"]
ready.exec = ["redis-cli", "ping"]
[lab.hosts.client]
room = "east"
[lab.links.metro]
between = ["east", "west"]
delay = "2ms"
)";

TEST(PlanLab, ReadsRoomsHostsAndLinksInTheOrderOfTheFile) {
  const auto plan = parse_good(kTwoRooms + "[probes.p]\nicmp = \"web\"\nfrom = \"client\"\n");
  ASSERT_TRUE(plan.lab);
  EXPECT_EQ(plan.lab->rooms, (std::vector<std::string>{"west", "east"}));
  ASSERT_EQ(plan.lab->hosts.size(), 3u);
  const auto& web = plan.lab->hosts[0];
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.room, "west");
  EXPECT_EQ(web.command, (std::vector<std::string>{"nginx", "-c", "/plans/nginx.conf"}));
  EXPECT_EQ(web.user, "nobody");
  EXPECT_EQ(web.environment.at("MODE"), "demo");
  ASSERT_TRUE(web.ready);
  EXPECT_EQ(web.ready->tcp, 8080);
  EXPECT_EQ(web.ready->within, 3 * kSecond);
  EXPECT_EQ(web.after, std::vector<std::string>{"db"});
  EXPECT_EQ(plan.lab->hosts[1].name, "db");
  EXPECT_EQ(plan.lab->hosts[1].ready->command, (std::vector<std::string>{"redis-cli", "ping"}));
  EXPECT_EQ(plan.lab->hosts[1].ready->within, 10 * kSecond);
  EXPECT_TRUE(plan.lab->hosts[2].command.empty());
  EXPECT_FALSE(plan.lab->hosts[2].ready);
  ASSERT_EQ(plan.lab->links.size(), 1u);
  EXPECT_EQ(plan.lab->links[0].a, "east");
  EXPECT_EQ(plan.lab->links[0].b, "west");
  EXPECT_EQ(plan.lab->links[0].delay, 2 * kMillisecond);
}

TEST(PlanLab, AHostMayBeReadyWhenAUrlAnswers) {
  const auto plan = parse_good(
      "[lab.rooms.r]\n[lab.hosts.web]\nroom = \"r\"\ncommand = [\"nginx\"]\nready.http = \"http://web/\"\n"
      "[probes.p]\nicmp = \"web\"\nfrom = \"web\"\n");
  EXPECT_EQ(plan.lab->hosts[0].ready->http, "http://web/");
}

TEST(PlanLab, ItsNamesAreTargets) {
  const auto plan = parse_good(
      kTwoRooms +
      "[targets.east]\nhost = \"db\"\nport = 6379\n[targets.all]\nroom = \"west\"\n[targets.cable]\nlink = \"metro\"\n"
      "[probes.p]\nicmp = \"web\"\nfrom = \"client\"\n");
  ASSERT_NE(plan.find_target("web"), nullptr);
  EXPECT_EQ(plan.find_target("web")->where, Target::Where::host);
  EXPECT_EQ(plan.find_target("web")->subject, "web");
  EXPECT_EQ(plan.find_target("west")->where, Target::Where::room);
  EXPECT_EQ(plan.find_target("metro")->where, Target::Where::link);
  EXPECT_EQ(plan.find_target("east")->where, Target::Where::host) << "what the plan defines goes before the lab's name";
  EXPECT_EQ(plan.find_target("east")->ports, (std::vector<PortRange>{{6379, 6379}}));
  EXPECT_EQ(plan.find_target("east")->subject, "db");
  EXPECT_EQ(plan.find_target("all")->where, Target::Where::room);
  EXPECT_EQ(plan.find_target("all")->subject, "west");
  EXPECT_EQ(plan.find_target("cable")->where, Target::Where::link);
  EXPECT_EQ(plan.find_target("cable")->subject, "metro");
  EXPECT_EQ(plan.targets.size(), 8u);
}

TEST(PlanLab, ADefinedTargetMustNameSomethingOfIt) {
  only_mistake(kTwoRooms + "[targets.t]\nhost = \"webb\"\n[probes.p]\nicmp = \"web\"\nfrom = \"client\"\n",
               "there is no host \"webb\"", "did you mean \"web\"?");
  only_mistake(kTwoRooms + "[targets.t]\nroom = \"metro\"\n[probes.p]\nicmp = \"web\"\nfrom = \"client\"\n",
               "there is no room \"metro\"");
  only_mistake("[targets.t]\nlink = \"metro\"\n", "there is no link \"metro\"", "no [lab]");
}

TEST(PlanLab, NamesCannotMeanTwoThings) {
  only_mistake("[lab.rooms.a]\n[lab.hosts.a]\nroom = \"a\"\n[probes.p]\nicmp = \"a\"\nfrom = \"a\"\n",
               "names two things of the lab");
  only_mistake("[lab.rooms.a]\n[lab.hosts.under_score]\nroom = \"a\"\n[probes.p]\nicmp = \"a\"\nfrom = \"here\"\n",
               "cannot name a host");
  only_mistake("[lab.rooms.a]\n[lab.hosts.here]\nroom = \"a\"\n[probes.p]\nicmp = \"a\"\nfrom = \"here\"\n",
               "cannot name a host");
  only_mistake("[lab.rooms.\"a b\"]\n[probes.p]\nicmp = \"a\"\nfrom = \"here\"\n", "not fit to be a room's name");
}

TEST(PlanLab, MistakesWithinIt) {
  const std::string probe = "[probes.p]\nicmp = \"h\"\nfrom = \"h\"\n";
  const std::string head = "[lab.rooms.a]\n[lab.rooms.b]\n[lab.hosts.h]\n";
  only_mistake(head + probe, "host \"h\" has no \"room\"");
  only_mistake(head + "room = \"c\"\n" + probe, "there is no room \"c\"", "its rooms are: a, b");
  only_mistake(head + "room = \"a\"\ncommand = \"sleep 1\"\n" + probe, "a command is an array", "[\"sleep\", \"1\"]");
  only_mistake(head + "room = \"a\"\ncommand = []\n" + probe, "the command is empty");
  only_mistake(head + "room = \"a\"\ncommand = [\"x\", 1]\n" + probe, "expected a string, found an integer");
  only_mistake(head + "room = \"a\"\nafter = \"x\"\n" + probe, "there is no host \"x\"");
  only_mistake(head + "room = \"a\"\nafter = \"h\"\n" + probe, "h after h");
  only_mistake(head + "room = \"a\"\nenv = { A = 1 }\n" + probe, "env.A: expected a string");
  only_mistake(head + "room = \"a\"\nready = { tcp = 80 }\n" + probe, "a host without a command is never ready");
  only_mistake(head + "room = \"a\"\ncommand = [\"x\"]\nready = { tcp = 0 }\n" + probe, "out of range");
  only_mistake(head + "room = \"a\"\ncommand = [\"x\"]\nready = { tcp = 80, exec = [\"y\"] }\n" + probe,
               "one way to be ready");
  only_mistake(head + "room = \"a\"\ncommand = [\"x\"]\nready = { within = \"5s\" }\n" + probe, "ready asks nothing");
  only_mistake(head + "room = \"a\"\ncommand = [\"x\"]\nready = { tpc = 80 }\n" + probe, "unknown key \"tpc\"",
               "\"tcp\"");
  only_mistake(head + "room = \"a\"\ncomand = [\"x\"]\n" + probe, "unknown key \"comand\" in host \"h\"",
               "\"command\"");
  const std::string good = head + "room = \"a\"\n" + probe;
  only_mistake(good + "[lab.links.l]\n", "link \"l\" has no \"between\"");
  only_mistake(good + "[lab.links.l]\nbetween = [\"a\"]\n", "joins two rooms, not 1");
  only_mistake(good + "[lab.links.l]\nbetween = [\"a\", \"a\"]\n", "joined to itself");
  only_mistake(good + "[lab.links.l]\nbetween = [\"a\", \"c\"]\n", "there is no room \"c\"");
  EXPECT_TRUE(only_mistake(good + "[lab.links.l]\nbetween = [\"a\", \"b\"]\n[lab.links.m]\nbetween = [\"b\", \"a\"]\n",
                           "joined by \"l\" already")
                  .not_yet);
  only_mistake(good + "[lab.room.x]\n", "unknown key \"room\"", "did you mean \"rooms\"?");
  only_mistake("[lab.rooms.a]\nsize = 3\n[probes.p]\nicmp = \"h\"\nfrom = \"here\"\n",
               "unknown key \"size\" in room \"a\"");
}

TEST(PlanLab, ACircleOfWaitingIsShown) {
  only_mistake(
      "[lab.rooms.r]\n[lab.hosts.a]\nroom = \"r\"\nafter = \"b\"\n[lab.hosts.b]\nroom = \"r\"\nafter = "
      "\"c\"\n[lab.hosts.c]\nroom = \"r\"\nafter = [\"d\", \"b\"]\n"
      "[lab.hosts.d]\nroom = \"r\"\n[probes.p]\nicmp = \"a\"\nfrom = \"a\"\n",
      "b after c after b");
}

TEST(PlanLab, ItsSizeIsBounded) {
  std::string text = "[probes.p]\nicmp = \"a\"\nfrom = \"here\"\n[lab.rooms.r]\n";
  for (int i = 0; i < 246; ++i) text += "[lab.hosts.h" + std::to_string(i) + "]\nroom = \"r\"\n";
  only_mistake(text, "more than 245 hosts");
  const std::string two =
      "[lab.rooms.r]\n[lab.hosts.a]\nroom = \"r\"\nclients = 245\n[probes.p]\nicmp = \"a\"\nfrom = \"a\"\n";
  EXPECT_EQ(parse_good(two).lab->hosts[0].clients, 245u);
  only_mistake(two + "[lab.hosts.b]\nroom = \"r\"\n", "more than 245 hosts", "counts as 30");
  only_mistake("[lab.rooms.r]\n[lab.hosts.a]\nroom = \"r\"\nclients = 0\n[probes.p]\nicmp = \"a\"\nfrom = \"a\"\n",
               "clients");
}

}  // namespace
}  // namespace faultline::plan
