// When a probe's outcome, or the number that it was answered, became another one: marks of the report's timeline.
#include "injector/report/page_changes.h"

#include <gtest/gtest.h>

#include "injector/report/page_data.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;
using record::ProbeRecord;

ProbeRecord asked_each_second(int seconds) {
  ProbeRecord probe;
  probe.name = "session";
  probe.every = kSecond;
  for (int i = 0; i < seconds; i++) probe.answers.push_back({i * kSecond, 20 * kMillisecond});
  return probe;
}

TEST(PageChanges, ARequestAskedOnceIsTold) {
  ProbeRecord probe = asked_each_second(1);
  probe.answers[0].due = 10 * kSecond;
  probe.answers[0].latency = 1500 * kMillisecond;
  auto marks = changes_of(probe);
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].kind, "succeeds");
  EXPECT_EQ(marks[0].text, "session, asked once, took 1.50 s");
  EXPECT_EQ(marks[0].at_s, 10);
  EXPECT_EQ(marks[0].until_s, 11.5) << "it took that long";
  probe.answers[0].error = probe.error_index("exit status 1");
  probe.answers[0].value = 3;
  marks = changes_of(probe);
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].kind, "fails");
  EXPECT_EQ(marks[0].text, "session: exit status 1, asked once, value 3, took 1.50 s");
}

TEST(PageChanges, AnOutcomeThatTurnsIsMarkedWhereItTurned) {
  ProbeRecord probe = asked_each_second(30);
  EXPECT_TRUE(changes_of(probe).empty()) << "nothing changed";
  for (int i = 10; i < 14; i++) probe.answers[static_cast<std::size_t>(i)].error = probe.error_index("down");
  const auto marks = changes_of(probe);
  ASSERT_EQ(marks.size(), 2u);
  EXPECT_EQ(marks[0].kind + " " + marks[0].text, "fails session: down, 4 on end");
  EXPECT_EQ(marks[0].at_s, 10);
  EXPECT_EQ(marks[1].kind + " " + marks[1].text, "succeeds session, 16 on end");
  EXPECT_EQ(marks[1].at_s, 14);
  for (auto& one : probe.answers) one.error = 1;
  ASSERT_EQ(changes_of(probe).size(), 1u) << "it failed from the beginning";
  EXPECT_EQ(changes_of(probe)[0].text, "session: down, 30 on end");
}

TEST(PageChanges, AValueThatBecomesAnotherIsMarked) {
  ProbeRecord probe = asked_each_second(30);
  for (std::size_t i = 0; i < 30; i++) probe.answers[i].value = i < 10 ? 3 : i < 20 ? 203 : 3;
  probe.answers[15].value.reset();  // an answer without one says nothing of it
  const auto marks = changes_of(probe);
  ASSERT_EQ(marks.size(), 2u);
  EXPECT_EQ(marks[0].kind + " " + marks[0].text, "value session: 203, after 3");
  EXPECT_EQ(marks[0].at_s, 10);
  EXPECT_EQ(marks[1].text, "session: 3, after 203");
  for (std::size_t i = 0; i < 30; i++) probe.answers[i].value = static_cast<double>(i);
  EXPECT_TRUE(changes_of(probe).empty()) << "what changes all the time is a measure";
}

TEST(PageChanges, OfAnOutcomeThatTurnsAllTheTimeTheFirstAndTheLastAreTold) {
  ProbeRecord probe = asked_each_second(100);
  for (std::size_t i = 11; i < 90; i += 2) probe.answers[i].error = probe.error_index("lost");
  const auto marks = changes_of(probe);
  ASSERT_EQ(marks.size(), 2u);
  EXPECT_EQ(marks[0].text, "session: lost, the first of 40 times");
  EXPECT_EQ(marks[0].at_s, 11);
  EXPECT_EQ(marks[1].kind + " " + marks[1].text, "succeeds session, the last of 40 times");
  EXPECT_EQ(marks[1].at_s, 90);
  probe.rate = "1000/s";
  EXPECT_TRUE(changes_of(probe).empty()) << "a histogram has no order";
}

TEST(PageChanges, AreMarksOfThePage) {
  auto r = good_recording();
  replace_requests(r, 12 * kSecond, 14 * kSecond, false, kSecond);
  std::string kinds;
  for (const auto& mark : page_data(r, summarize(r, record::judge(r))).marks) kinds += mark.kind + " ";
  EXPECT_NE(kinds.find("fails succeeds "), std::string::npos) << kinds;
}

}  // namespace
}  // namespace faultline::report
