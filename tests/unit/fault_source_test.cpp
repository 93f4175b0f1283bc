// What a plan says of where a fault is known from goes into the record, and the report tells facts and reconstruction
// apart.
#include <sstream>

#include "injector/plan/parse.h"
#include "injector/record/journal.h"
#include "injector/record/verdict.h"
#include "injector/report/derive.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using record::testing::good_recording;

TEST(FaultSource, FactsAndReconstructionAreToldApart) {
  record::Recording r = good_recording();
  const auto page = [&] { return render_report(r, summarize(r, record::judge(r))); };
  EXPECT_EQ(page().find("class=\"source"), std::string::npos);
  r.faults[0].source = "fact: the <post-mortem>";
  EXPECT_NE(page().find("<span class=\"source fact\"><b>fact</b>: the &lt;post-mortem&gt;</span>"), std::string::npos);
  r.faults[0].source = "reconstruction: no figures";
  EXPECT_NE(page().find("<span class=\"source reconstruction\"><b>reconstruction</b>: no figures</span>"),
            std::string::npos);
  EXPECT_EQ(summarize(r, record::judge(r)).faults.at(0).source, "reconstruction: no figures");
}

TEST(FaultSource, IsInTheJournal) {
  const auto parsed = plan::parse_text(
      "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nname = \"f\"\nkind = \"sever\"\non = \"shop\"\nstart = "
      "\"1s\"\nfor = \"1s\"\nsource = \"fact: seen\"\n",
      "plan.toml");
  ASSERT_TRUE(parsed.ok());
  const record::testing::TemporaryFolder folder;
  {
    record::Journal journal(folder.path());
    record::events::plan(journal, parsed.plan);
  }
  std::istringstream lines(folder.read("journal.jsonl"));
  const auto recording = record::read_recording(lines);
  ASSERT_EQ(recording.faults.size(), 1u);
  EXPECT_EQ(recording.faults[0].source, "fact: seen");
}

}  // namespace
}  // namespace faultline::report
