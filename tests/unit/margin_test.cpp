// The record of a margin: written, read back, shown.
#include "injector/report/margin.h"

#include <fstream>

#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

Margin some_margin() {
  Margin m;
  m.plan = "/plans/shop.toml";
  m.title = "A shop <that> sells";
  m.vary = "jitter.delay";
  m.from = "10ms";
  m.to = "2s";
  m.within = "5%";
  m.seed = 7;
  m.end = "found";
  m.held = "290ms";
  m.broken = "300ms";
  m.runs.push_back({290e6, "290ms", "001", "passed", 0, "held", {}, 1.0});
  m.runs.push_back({300e6, "300ms", "002", "deviated", 1, "broken", {"people pay"}, 0.4});
  m.runs.push_back({300e6, "300ms", "003", "inconclusive", 2, "unknown", {}, {}});
  return m;
}

TEST(MarginRecord, IsReadBackAsItWasWritten) {
  record::testing::TemporaryFolder folder;
  EXPECT_FALSE(read_margin(folder.path()));
  write_margin(folder.path(), some_margin());
  const auto read = read_margin(folder.path());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->vary, "jitter.delay");
  EXPECT_EQ(read->held, "290ms");
  ASSERT_EQ(read->runs.size(), 3u);
  EXPECT_EQ(read->runs[1].broken, std::vector<std::string>{"people pay"});
  EXPECT_EQ(read->runs[1].value, 300e6);
  std::ofstream(folder.path() / "margin.json") << "{\"runs\": 3}";
  EXPECT_THROW(read_margin(folder.path()), Failure);
}

TEST(MarginRecord, IsShownWithItsAnswerFirst) {
  const std::string text = render_margin(some_margin(), "out", false).bytes();
  EXPECT_NE(text.find("jitter.delay holds up to 290ms, and breaks at 300ms"), std::string::npos) << text;
  EXPECT_NE(text.find("300ms      deviated: people pay"), std::string::npos) << text;
  Margin none = some_margin();
  none.end = "none held";
  EXPECT_NE(render_margin(none, "out", false).bytes().find("breaks at 10ms already"), std::string::npos);
  none.end = "";
  EXPECT_NE(render_margin(none, "out", false).bytes().find("goes on with it"), std::string::npos);
}

TEST(MarginRecord, HasAPageWithACurve) {
  const std::string page = margin_page(some_margin());
  EXPECT_NE(page.find("A shop &lt;that&gt; sells"), std::string::npos);
  EXPECT_NE(page.find("href=\"002/report.html\""), std::string::npos);
  std::size_t circles = 0;
  for (auto at = page.find("<circle"); at != std::string::npos; at = page.find("<circle", at + 1)) circles++;
  EXPECT_EQ(circles, 2u) << "one of them has no success to show";
  EXPECT_EQ(margin_page(Margin{}).find("<svg"), std::string::npos) << "nothing was tried yet";
}

}  // namespace
}  // namespace faultline::report
