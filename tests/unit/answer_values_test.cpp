// Numbers in answers: how they are read, what a plan may ask of them, and what hypotheses and guards make of them.
#include <fmt/format.h>

#include <random>

#include "injector/probe/value.h"
#include "injector/record/guard_window.h"
#include "injector/record/hypothesis.h"
#include "injector/record/values.h"
#include "tests/unit/milliseconds.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"

namespace faultline {
namespace {

using plan::Bound;
using plan::ValueBounds;

TEST(AnswerValue, IsTheWholeAnswerOrAtAPlaceOfADocument) {
  using probe::value_in;
  EXPECT_EQ(value_in(" 12\n", "number"), 12);
  EXPECT_EQ(value_in("-2.5e3", "number"), -2500);
  EXPECT_EQ(value_in("+7", "number"), 7);
  const std::string document = R"({"queue": {"length": 3, "age": "1.5", "a/b": 4}, "all": [10, 20], "up": true})";
  EXPECT_EQ(value_in(document, "/queue/length"), 3);
  EXPECT_EQ(value_in(document, "/queue/age"), 1.5);
  EXPECT_EQ(value_in(document, "/queue/a~1b"), 4);
  EXPECT_EQ(value_in(document, "/all/1"), 20);
}

TEST(AnswerValue, IsNoneWhereThereIsNoneToReckonWith) {
  using probe::value_in;
  for (const char* none : {"", " ", "nan", "inf", "-inf", "infinity", "1e999", "12 jobs", "1,5", "0x10", "++1"})
    EXPECT_FALSE(value_in(none, "number")) << none;
  const std::string document = R"({"a": "nan", "b": null, "c": [1], "d": true})";
  for (const char* none : {"/a", "/b", "/c", "/d", "/e", "/c/1", "/c/x", "/c/-"})
    EXPECT_FALSE(value_in(document, none)) << none;
  EXPECT_FALSE(value_in("{\"a\": 1", "/a"));
  EXPECT_FALSE(value_in("{\"a\": 1e999}", "/a"));
  EXPECT_FALSE(value_in(std::string(100000, '['), "/a"));
}

TEST(AnswerValue, PlacesAreANumberOrAJsonPointer) {
  EXPECT_TRUE(probe::read_value_place("number").value);
  EXPECT_TRUE(probe::read_value_place("/a/0/~0x").value);
  for (const char* wrong : {"", "integer", "a/b", "/a~", "/a~2"})
    EXPECT_FALSE(probe::read_value_place(wrong).value) << wrong;
}

// ---- in a plan ----

const std::string kCounting = R"([targets.shop]
netns = "shop"
[probes.pay]
exec = ["queue-length"]
value = "number"
[[faults]]
kind = "degrade"
on = "shop"
start = "5s"
for = "10s"
delay = "10ms"
[[hypotheses]]
probe = "pay"
)";

TEST(PlanValues, AreBoundedEachByTheirDistributionOrByTheLast) {
  const auto each = plan::parse_good(kCounting + "value = \"<= 100\"\n").hypotheses.at(0);
  EXPECT_EQ(each.value->value, 100);
  EXPECT_EQ(each.name, "pay: value <= 100");
  const auto all =
      plan::parse_good(kCounting +
                       "value.min = \">= -1.5\"\nvalue.p50 = \"< 2\"\nvalue.p90 = \"< 3\"\nvalue.p95 = \"< "
                       "4\"\nvalue.p99 = \"< 5\"\nvalue.p999 = \"< 6\"\nvalue.max = \"< 7\"\nvalue.last = "
                       "\"= 0\"\n")
          .hypotheses.at(0);
  EXPECT_EQ(
      all.values_text(),
      "value.min >= -1.5, value.p50 < 2, value.p90 < 3, value.p95 < 4, value.p99 < 5, value.p999 < 6, value.max < "
      "7, value.last = 0");
  const auto guard =
      plan::parse_good(kCounting + "value = \"= 0\"\n[[guards]]\nprobe = \"pay\"\nfor = \"2s\"\nvalue.max = \"> 9\"\n")
          .guards.at(0);
  EXPECT_EQ(plan::condition_text(guard), "value.max > 9 for 2s");
  plan::only_mistake(kCounting + "value.p99 = \"= 3\"\n", "no exact number", "value.last");
  plan::only_mistake(kCounting + "value = \"<= 100ms\"\n", "is not a number");
  plan::only_mistake(kCounting + "value = \"<= nan\"\n", "is not a number");
}

TEST(PlanValues, AGuardTakesEachBound) {
  for (const auto& key : plan::ValueBounds::value_keys()) {
    const std::string name(key.name);
    const auto guard = plan::parse_good(kCounting + "value = \"= 0\"\n[[guards]]\nprobe = \"pay\"\nfor = \"2s\"\n" +
                                        name + " = \"> 9\"\n")
                           .guards.at(0);
    EXPECT_EQ(plan::condition_text(guard), name + " > 9 for 2s");
  }
}

TEST(PlanValues, NeedAProbeThatHasThem) {
  std::string without = kCounting;
  without.replace(without.find("value = \"number\"\n"), 17, "");
  plan::only_mistake(without + "value = \"= 0\"\n", "the answers of probe \"pay\" have none", "add value = \"number\"");
  plan::only_mistake(plan::kSmall + "[[hypotheses]]\nprobe = \"pay\"\nvalue = \"= 0\"\n", "have none", "ask by exec");
  plan::only_mistake(plan::kSmall + "[[guards]]\nprobe = \"pay\"\nfor = \"2s\"\nvalue = \"> 0\"\n", "have none");
  std::string fast = kCounting;
  fast.replace(fast.find("value = \"number\""), 16, "value = \"number\"\nevery = \"2ms\"");
  plan::only_mistake(fast + "value = \"= 0\"\n", "more often than it is recorded", "every 5ms");
  std::string wrong = kCounting;
  wrong.replace(wrong.find("\"number\""), 8, "\"integer\"");
  plan::only_mistake(wrong + "requests = \">= 1\"\n", "\"integer\" is not", "/queue/length");
}

// ---- of a recording ----

namespace recorded {

using namespace record;
using namespace record::testing;

ValueBounds bounds(std::optional<Bound> ValueBounds::*which, Bound::Op op, double value) {
  ValueBounds all;
  all.*which = bound(op, value, "");
  return all;
}

bool holds(const ValueBounds& asked, const std::vector<double>& values) {
  for (const auto& finding : judge_values(asked, values))
    if (!finding.held.value_or(false)) return false;
  return true;
}

TEST(Values, EachMeansEachOfThem) {
  const auto at_most = bounds(&ValueBounds::value, Bound::Op::le, 5);
  EXPECT_TRUE(holds(at_most, {1, 5, 2}));
  EXPECT_FALSE(holds(at_most, {1, 6, 2}));
  const auto zero = bounds(&ValueBounds::value, Bound::Op::eq, 0);
  EXPECT_TRUE(holds(zero, {0, 0}));
  EXPECT_FALSE(holds(zero, {0, 1, 0}));
  EXPECT_EQ(judge_values(zero, {0, 1, 0}).at(0).observed, "value 1") << "the one that broke it";
  EXPECT_EQ(judge_values(at_most, {1, 6, 2.5}).at(0).observed, "value 6");
}

TEST(Values, OfNoneNothingHolds) {
  for (const auto& key : ValueBounds::value_keys())
    for (const auto op : {Bound::Op::le, Bound::Op::ge}) {
      EXPECT_FALSE(holds(bounds(key.bound, op, 0), {})) << key.name;
      EXPECT_FALSE(ValueTally(bounds(key.bound, op, 0)).holds()) << key.name;
    }
  EXPECT_TRUE(ValueTally(ValueBounds()).holds()) << "nothing is asked";
}

TEST(Values, TheLastIsOfTheRequestThatWasDueLast) {
  const auto done = bounds(&ValueBounds::value_last, Bound::Op::eq, 0);
  EXPECT_TRUE(holds(done, {9, 4, 0}));
  EXPECT_FALSE(holds(done, {0, 0, 1}));
}

/// A window that slides comes to the same as one that is looked at as a whole, for each figure and comparison.
TEST(Values, ASlidingWindowAgreesWithAWholeOne) {
  std::mt19937 chance(7);
  std::uniform_int_distribution<int> some(0, 6);
  std::vector<double> values(400);
  for (auto& value : values) value = some(chance) - 3;
  constexpr std::size_t kLength = 25;
  int true_ones = 0, false_ones = 0;
  for (const auto& key : ValueBounds::value_keys())
    for (const auto op : {Bound::Op::le, Bound::Op::lt, Bound::Op::ge, Bound::Op::gt, Bound::Op::eq}) {
      if (op == Bound::Op::eq && key.of == ValueBounds::ValueKey::Of::quantile) continue;  // refused by the parser
      for (const double limit : {-3.0, -1.0, 0.0, 2.0, 3.0}) {
        const auto asked = bounds(key.bound, op, limit);
        ValueTally tally(asked);
        for (std::size_t i = 0; i < values.size(); i++) {
          tally.add(values[i]);
          if (i >= kLength) tally.remove(values[i - kLength]);
          const std::size_t from = i + 1 > kLength ? i + 1 - kLength : 0;
          const bool whole =
              holds(asked, {values.begin() + static_cast<long>(from), values.begin() + static_cast<long>(i) + 1});
          ASSERT_EQ(tally.holds(), whole) << key.name << " at " << i;
          (whole ? true_ones : false_ones)++;
        }
      }
    }
  EXPECT_GT(true_ones, 1000);
  EXPECT_GT(false_ones, 1000);
}

/// "pay" answers how long a queue is: 8 at first, 0 from 13 s on. The fault "cut" is [10 s, 20 s).
Recording draining() {
  Recording r = good_recording();
  for (auto& answer : r.probes.at(0).answers) answer.value = answer.due < 13 * kSecond ? 8 : 0;
  return r;
}

plan::Hypothesis drained() {
  plan::Hypothesis h;
  h.name = "h";
  h.probe = "pay";
  h.during = "cut";
  h.value = bound(Bound::Op::eq, 0, "= 0");
  return h;
}

TEST(Values, OfAHypothesisAreThoseOfItsWindow) {
  auto h = drained();
  const auto judged = judge_hypothesis(draining(), h, "");
  EXPECT_EQ(judged.held, false);
  EXPECT_EQ(judged.observed, "value 8");
  EXPECT_EQ(judged.reason, "value");
  h.after = 3 * kSecond;
  EXPECT_EQ(judge_hypothesis(draining(), h, "").held, true);
}

TEST(Values, EventuallyFindsWhenTheyBeganToHold) {
  auto h = drained();
  h.eventually = 4 * kSecond;
  const auto judged = judge_hypothesis(draining(), h, "");
  EXPECT_EQ(judged.held, true) << judged.reason;
  EXPECT_EQ(judged.held_after, 3 * kSecond - 20 * kMs + 1) << "just behind the last request that said 8";
  h.eventually = 2 * kSecond;
  EXPECT_EQ(judge_hypothesis(draining(), h, "").held, false);
}

TEST(Values, OfAGuardAreThoseOfItsTime) {
  plan::Guard guard;
  guard.probe = "pay";
  guard.window = kSecond;
  guard.value_min = bound(Bound::Op::gt, 5, "> 5");
  GuardWindow window(guard, 0, 100 * kSecond);
  std::optional<GuardTrip> trip;
  Ns due = 0;
  for (; due < 10 * kSecond && !trip; due += 100 * kMs) {
    probe::Sample sample;
    sample.due = due;
    sample.latency = kMs;
    sample.ok = true;
    sample.value = due < 4 * kSecond ? 5 : 6;
    trip = window.add(sample);
  }
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 4900 * kMs + kMs) << "then the last 5 is out of the window";
  EXPECT_EQ(trip->observed, "value.min 6");
}

TEST(Values, GoThroughTheJournal) {
  const TemporaryFolder folder;
  {
    Journal journal(folder.path());
    probe::Sample sample;
    sample.ok = true;
    sample.value = 0.1;
    journal.sample("pay", sample);
    sample.due = 1;
    sample.value.reset();
    journal.sample("pay", sample);
    journal.flush();
  }
  std::istringstream lines(R"({"event":"plan","probes":[{"name":"pay"}]})" + std::string("\n") +
                           folder.read("journal.jsonl"));
  const auto r = read_recording(lines);
  EXPECT_EQ(values_in(r.probes.at(0), 0, 10), std::vector<double>{0.1});
  EXPECT_EQ(r.probes[0].answers.size(), 2u);
}

}  // namespace recorded
}  // namespace
}  // namespace faultline
