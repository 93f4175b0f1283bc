// The record of a margin: written, read back, shown.
#include "injector/report/margin_map.h"

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

TEST(MarginRecord, TellsWhatIsAskedForOtherwise) {
  const Margin before = some_margin();
  EXPECT_EQ(asked_otherwise(before, some_margin()), "");
  Margin now = some_margin();
  now.seed = 8;
  now.title = "another";
  EXPECT_EQ(asked_otherwise(before, now), "");
  now.fingerprint = "1";
  EXPECT_EQ(asked_otherwise(before, now), "/plans/shop.toml or a file that it names has been changed since");
  now.plan = "/plans/other.toml";
  EXPECT_EQ(asked_otherwise(before, now), "it was /plans/shop.toml, and is /plans/other.toml");
  for (const auto& [member, told] : {std::pair{&Margin::vary, "it was --vary jitter.delay, and is --vary x"},
                                     {&Margin::from, "it was --from 10ms, "},
                                     {&Margin::to, "it was --to 2s, "},
                                     {&Margin::within, "it was --within 5%, "},
                                     {&Margin::options, "it was without, and is x"}}) {
    now = some_margin();
    now.*member = "x";
    EXPECT_EQ(asked_otherwise(before, now).find(told), 0u) << asked_otherwise(before, now);
  }
}

TEST(MarginRecord, APlansFingerprintIsOfItsTextAndFiles) {
  plan::Plan plan;
  plan.text = "title = \"x\"\n";
  const std::string first = fingerprint_of(plan);
  EXPECT_EQ(first, fingerprint_of(plan));
  EXPECT_EQ(first.size(), 16u);
  plan.inputs = {{"/a", ""}};
  const std::string with_file = fingerprint_of(plan);
  EXPECT_NE(with_file, first);
  plan.inputs[0].text = "1";
  EXPECT_NE(fingerprint_of(plan), with_file);
  plan.text += "#";
  plan.inputs.clear();
  EXPECT_NE(fingerprint_of(plan), first);
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

TEST(MarginMap, IsMadeOfTheSearchesInItsFolder) {
  record::testing::TemporaryFolder folder;
  MarginMap map;
  map.title = "A shop <that> sells";
  map.vary = "jitter.delay";
  map.from = "10ms";
  map.to = "2s";
  map.against = "jitter.loss";
  map.rows = {{"0%", "01", {}, {}, {}}, {"5%", "02", {}, {}, {}}, {"<9%", "03", {}, {}, {}}};
  std::filesystem::create_directory(folder.path() / "01");
  write_margin(folder.path() / "01", some_margin());
  Margin none = some_margin();
  none.end = "none held";
  none.held.reset();
  std::filesystem::create_directory(folder.path() / "02");
  write_margin(folder.path() / "02", none);
  write_margin_map(folder.path(), map);
  const auto read = read_margin_map(folder.path());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->rows.size(), 3u);
  EXPECT_EQ(read->rows[0].end, "found");
  EXPECT_EQ(read->rows[0].held, "290ms");
  EXPECT_EQ(read->rows[1].end, "none held");
  EXPECT_EQ(read->rows[2].end, "") << "there is no record of it";

  const std::string text = render_margin_map(*read, "out", false).bytes();
  EXPECT_NE(text.find("0%         holds up to 290ms, breaks at 300ms"), std::string::npos) << text;
  EXPECT_NE(text.find("5%         breaks at 10ms already"), std::string::npos) << text;
  EXPECT_NE(text.find("<9%        not searched to its end"), std::string::npos) << text;

  const std::string page = margin_map_page(*read, {some_margin(), none, std::nullopt});
  EXPECT_NE(page.find("href=\"01/report.html\">0%"), std::string::npos);
  EXPECT_NE(page.find("&lt;9%"), std::string::npos);
  EXPECT_EQ(page.find("<9%"), std::string::npos);
  EXPECT_NE(page.find("rect class=\"held\""), std::string::npos);
  EXPECT_NE(page.find("rect class=\"broken\""), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);

  std::ofstream(folder.path() / "margin_map.json") << "{\"rows\": 3}";
  EXPECT_THROW(read_margin_map(folder.path()), Failure);
}

}  // namespace
}  // namespace faultline::report
