// The outages that we ship, bound; the examples of the pages; what explain, check and margin make of it.
#include <filesystem>
#include <set>

#include "injector/base/file_text.h"
#include "tests/unit/bound_bed.h"
#include "tests/unit/say.h"

namespace faultline::sketch {
namespace {

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
