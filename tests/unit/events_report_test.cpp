// What people are shown of the plan's events: in summary, page and terminal, whatever a service wrote.
#include "injector/record/verdict.h"
#include "injector/report/chart.h"
#include "injector/report/derive.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;

record::Recording with_events() {
  record::Recording r = good_recording();
  record::EventRecord event;
  event.event = {"edge marks it down", "edge", "", "is DOWN", {}};
  event.seen = {{"edge marks it down", "<b>east</b> is DOWN", 12 * kSecond, 1},
                {"edge marks it down", "", 13 * kSecond, 41}};
  event.watched = record::events::Watched{"edge marks it down", 100, 42, {}};
  r.events.push_back(event);
  plan::Hypothesis h;
  h.name = "noticed";
  h.event = "edge marks it down";
  h.during = "cut";
  h.detects_within = kSecond;
  r.hypotheses.push_back(h);
  return r;
}

TEST(EventsReport, TheSummaryHasWhatWasSeenAndHowSoon) {
  const auto r = with_events();
  const Summary s = summarize(r, record::judge(r));
  ASSERT_EQ(s.events.size(), 1u);
  EXPECT_EQ(s.events[0].seen, 42u);
  EXPECT_EQ(s.events[0].first_s, 12.0);
  EXPECT_EQ(s.events[0].last_s, 13.0);
  EXPECT_FALSE(s.events[0].trouble);
  ASSERT_EQ(s.events[0].lines.size(), 2u);
  EXPECT_EQ(s.events[0].lines[1].count, 41u);
  EXPECT_EQ(s.hypotheses.at(1).detected_after_s, 2.0);
  EXPECT_EQ(
      broken_hypotheses(s).at(0),
      "noticed: event \"edge marks it down\" during cut: expected seen within 1s, observed first seen after 2.00 s");
}

TEST(EventsReport, TheirLinesAreOnTheTimelineAndWhatTheyHoldIsNoMarkup) {
  const auto r = with_events();
  const std::string page = render_report(r, summarize(r, record::judge(r)));
  EXPECT_NE(page.find("<line class=\"event\""), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;east&lt;/b&gt; is DOWN"), std::string::npos);
  EXPECT_EQ(page.find("<b>east</b>"), std::string::npos);
  EXPECT_NE(page.find("41 lines"), std::string::npos);
}

TEST(EventsReport, TheTerminalSaysWhetherAndWhen) {
  auto r = with_events();
  const auto shown = [&] {
    return render_outcome({Exit::deviated, summarize(r, record::judge(r))}, "run", false).bytes();
  };
  EXPECT_NE(shown().find("edge marks it down: seen 42 times, first after 12.000 s"), std::string::npos) << shown();
  r.events[0].seen.clear();
  EXPECT_NE(shown().find("edge marks it down: not seen"), std::string::npos) << shown();
}

}  // namespace
}  // namespace faultline::report
