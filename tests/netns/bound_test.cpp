// An outage of ours on somebody's own service: a real nginx in one namespace, its client in another, and no lab.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/harness/command.h"
#include "tests/harness/nginx.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

TEST(BoundRun, AnOutageIsPlayedOnServicesOfOnesOwn) {
  const TwoNamespaces two;
  const TemporaryFolder folder;
  const auto nginx = start_nginx(two.here, folder, "server { listen 80; location / { return 200 \"paid\"; } }\n");
  // Nothing upper is asked of times, but once in vain.
  const std::string own =
      folder.write("mine.toml", "[targets.client]\nnetns = \"" + TwoNamespaces::path(two.there) +
                                    "\"\n"
                                    "[probes.mine]\nhttp = \"http://10.7.0.1/\"\nfrom = \"client\"\n"
                                    "every = \"50ms\"\ntimeout = \"5s\"\n"
                                    "[[hypotheses]]\nname = \"it is slow\"\nprobe = \"mine\"\n"
                                    "during = \"slow\"\np50 = \">= 300ms\"\n"
                                    "[[hypotheses]]\nname = \"it is fast\"\nprobe = \"mine\"\n"
                                    "during = \"slow\"\nok.max = \"<= 1us\"\n");
  ASSERT_TRUE(eventually([&] {
    const Inside inside(two.there);
    return say_all({"curl", "-s", "http://10.7.0.1/"}).out == "paid";
  }));
  const std::string out = folder.path() / "run", bind = "web=netns=" + two.path();
  const Said said = say({"run", "hello", "--bind", bind, "--with", own, "--out", out});
  EXPECT_TRUE(said.status == 1 || said.status == 2) << said.status << said.errors << "one hypothesis cannot hold";
  EXPECT_NE(said.errors.find("Bound: web is network namespace " + two.path()), std::string::npos) << said.errors;
  EXPECT_NE(said.errors.find("Blast radius: 1 place: network namespace"), std::string::npos) << said.errors;

  const auto summary = summary_of(out);
  ASSERT_FALSE(summary.is_null()) << said.errors;
  EXPECT_NE(summary.at("title").get<std::string>().find("bound to " + bind), std::string::npos);
  ASSERT_EQ(summary.at("faults").size(), 2u);
  EXPECT_GT(summary.at("faults").at(0).at("packets_delayed").get<int>(), 0) << summary.at("faults").at(0);
  EXPECT_GT(summary.at("faults").at(1).at("packets_dropped").get<int>(), 0) << summary.at("faults").at(1);
  ASSERT_EQ(summary.at("hypotheses").size(), 2u) << "the outage's own are of its lab";
  EXPECT_EQ(summary.at("hypotheses").at(0).at("held"), true) << summary.at("hypotheses").at(0);
  EXPECT_EQ(summary.at("hypotheses").at(1).at("held"), false) << summary.at("hypotheses").at(1);
  EXPECT_EQ(summary.at("probes").size(), 1u);

  // The record is whole: what was played, how to play it again, and its report once more.
  const std::string repeat = summary.at("repeat");
  for (const std::string& part : {" --bind " + bind, " --with " + own, std::string("faultline run hello ")})
    EXPECT_NE(repeat.find(part), std::string::npos) << part << " in " << repeat;
  const std::string played = text_of(out + "/plan.toml");
  EXPECT_EQ(played.find("lab."), std::string::npos) << played;
  EXPECT_EQ(say({"check", out + "/plan.toml"}).status, 0);
  std::filesystem::remove(out + "/report.html");
  EXPECT_EQ(say({"report", out}).status, 0);
  EXPECT_NE(text_of(out + "/report.html").find("bound to " + bind), std::string::npos);

  EXPECT_EQ(device_names(two.here), (std::set<std::string>{"lo", two.device}));
  stop_nginx(*nginx);
}

TEST(BoundRun, WithoutHypothesesItIsCompletedAndSaysThatNothingJudges) {
  const TwoNamespaces two;
  const TemporaryFolder folder;
  const std::string out = folder.path() / "run";
  const std::string plan = folder.write(
      "p.toml",
      "[lab.rooms.a]\n[lab.rooms.b]\n[lab.links.ab]\nbetween = [\"a\", \"b\"]\n[lab.hosts.x]\nroom = "
      "\"a\"\n[lab.hosts.y]\n"
      "room = \"b\"\n[[faults]]\nkind = \"degrade\"\non = \"ab\"\nloss = \"100%\"\nstart = \"1s\"\nfor = \"2s\"\n");
  const std::string own = folder.write("mine.toml",
                                       "duration = \"4s\"\n[probes.echo]\nicmp = \"10.7.0.2\"\nfrom = \"x\"\n"
                                       "every = \"50ms\"\n");
  const Said said = say(
      {"run", plan, "--bind", "x=netns=" + two.path(), "--bind", "y=address=10.7.0.2", "--with", own, "--out", out});
  EXPECT_NE(said.errors.find("nothing judges the run: " + own + " has no [[hypotheses]]"), std::string::npos)
      << said.errors;
  const auto summary = summary_of(out);
  ASSERT_FALSE(summary.is_null()) << said.errors;
  EXPECT_TRUE(summary.at("verdict") == "completed" || summary.at("verdict") == "inconclusive") << summary.at("verdict");
  EXPECT_GT(summary.at("faults").at(0).at("packets_dropped").get<int>(), 0) << summary.at("faults").at(0);
}

}  // namespace
}  // namespace faultline::test
