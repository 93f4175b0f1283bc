// What the journal keeps of a plan: all that a verdict needs, so that a record is judged without the plan's file.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "injector/plan/asked.h"
#include "injector/plan/plan.h"
#include "injector/record/fields.h"
#include "injector/record/sighting_events.h"

namespace faultline::record {

inline constexpr std::array<std::pair<plan::Bound::Op, std::string_view>, 5> kOps{{{plan::Bound::Op::ge, ">="},
                                                                                   {plan::Bound::Op::gt, ">"},
                                                                                   {plan::Bound::Op::le, "<="},
                                                                                   {plan::Bound::Op::lt, "<"},
                                                                                   {plan::Bound::Op::eq, "="}}};
template <>
struct WordOf<plan::Bound::Op> : Words<plan::Bound::Op, kOps> {};

inline constexpr std::array<std::pair<plan::Bound::Measure, std::string_view>, 3> kMeasures{
    {{plan::Bound::Measure::count, "count"},
     {plan::Bound::Measure::times_baseline, "times baseline"},
     {plan::Bound::Measure::per_second, "per second"}}};
template <>
struct WordOf<plan::Bound::Measure> : Words<plan::Bound::Measure, kMeasures> {};

template <>
struct FieldsOf<plan::Bound> {
  static constexpr const char* shape = "bound";
  static constexpr auto fields = std::tuple{
      field("op", &plan::Bound::op, "`>=`, `>`, `<=`, `<` or `=`"),
      field("value", &plan::Bound::value, "a share of 0 to 1, ns, a number, or a number per second"),
      seldom("measure", &plan::Bound::measure,
             "`count`: the number of requests instead of their share; `times "
             "baseline`: of what the figure was there; `per second`: how many in a second instead of in all"),
      field("text", &plan::Bound::text, "as the plan has it: `<= 250ms`")};
};

inline const char* condition_means(const plan::Conditions::Key& key) {
  using Of = plan::Conditions::Of;
  switch (key.of) {
    case Of::share:
      return "the share of requests that succeed; null: not asked";
    case Of::all:
      return key.always ? "of all requests, a failed one being infinitely slow; null: not asked"
                        : "of all requests; there if asked";
    case Of::ok:
      return "of those that succeed; there if asked";
    case Of::failed:
      return "of those that fail; there if asked";
    case Of::requests:
      return "how many are due; there if asked";
    case Of::failures:
      return "how many fail; there if asked";
    case Of::throughput:
      return "how many succeed in a second; there if asked";
    case Of::series:
      return "a number of a target's connections; there if asked";
    case Of::rtt:
      return "of the round-trip times of a target's connections; there if asked";
    case Of::turns:
      return "of how long answers took on a target's connections; there if asked";
  }
  return "";
}

template <>
struct FieldsOf<plan::Conditions> {
  static constexpr const char* shape = "conditions";
  static constexpr auto fields =
      std::tuple{[](auto visit) {
                   for (const auto& key : plan::Conditions::keys())
                     if (key.always)
                       visit(field(key.name, key.bound, condition_means(key)));
                     else
                       visit(seldom(key.name, key.bound, condition_means(key)));
                 },
                 seldom("errors", &plan::Conditions::errors,
                        "by name, the share of the requests that fail so, or their number; there if asked")};
};

inline const char* value_means(const plan::ValueBounds::ValueKey& key) {
  using Of = plan::ValueBounds::ValueKey::Of;
  return key.of == Of::each   ? "of each number that an answer held; there if asked"
         : key.of == Of::last ? "of the last of them; there if asked"
                              : "of them; there if asked";
}

template <>
struct FieldsOf<plan::ValueBounds> {
  static constexpr const char* shape = "bounds on values";
  static constexpr auto fields = std::tuple{[](auto visit) {
    for (const auto& key : plan::ValueBounds::value_keys()) visit(seldom(key.name, key.bound, value_means(key)));
  }};
};

template <>
struct FieldsOf<plan::Hypothesis> {
  static constexpr const char* shape = "planned hypothesis";
  using Hypothesis = plan::Hypothesis;
  static constexpr auto fields = std::tuple{
      field("name", &Hypothesis::name, "its name"),
      field("probe", &Hypothesis::probe,
            "whose requests; empty: it is about connections, an event, or a fault's traffic"),
      seldom("telemetry", &Hypothesis::telemetry, "of which target, then"),
      seldom("peer", &Hypothesis::peer, "of these, those with this target"),
      field("during", &Hypothesis::during, "of which phase; empty: it asks for recovery alone"),
      field("after", &Hypothesis::after, "where in the phase its window begins"),
      seldom("for", &Hypothesis::length, "how long that is; absent: to the end of the phase"),
      seldom("eventually", &Hypothesis::eventually, "after this time at the latest it holds; there if asked"),
      seldom("stays", &Hypothesis::stays, "for so long; absent: to the end of the window"),
      field("recovers_within", &Hypothesis::recovers_within, "ns, or null: not asked"),
      seldom("event", &Hypothesis::event, "the event that it is about, in place of a probe"),
      seldom("after_event", &Hypothesis::after_event, "its window begins `after` this event"),
      seldom("seen", &Hypothesis::seen, "how many lines are the event; there if asked"),
      seldom("detects_within", &Hypothesis::detects_within,
             "since the fault begins: until the event, or until traffic stops going into it; there if asked"),
      Among<plan::Conditions>{"what must hold"},
      Among<plan::ValueBounds>{"the same of numbers in answers"}};
};

template <>
struct FieldsOf<plan::Tolerance> {
  static constexpr const char* shape = "tolerance";
  static constexpr auto fields =
      std::tuple{field("packets", &plan::Tolerance::packets, "share of what a fault matched"),
                 field("of_loss", &plan::Tolerance::of_loss, "share of a loss that was asked, where that is less")};
};

template <>
struct FieldsOf<plan::AskedDelay> {
  static constexpr const char* shape = "asked delays";
  using AskedDelay = plan::AskedDelay;
  static constexpr auto fields =
      std::tuple{field("p50", &AskedDelay::p50, "half of them are at most this, in µs"),
                 field("p90", &AskedDelay::p90, "nine of ten"), field("p99", &AskedDelay::p99, "99 of 100"),
                 field("max", &AskedDelay::max, "at the strongest, what jitter draws 99 of 100 times")};
};

namespace events {

struct PlannedProbe {
  std::string name, kind, subject, from;
  std::vector<std::string> command;
  Ns every = kSecond, timeout = kSecond;
  std::optional<std::string> rate = {};

  static constexpr const char* shape = "planned probe";
  static constexpr auto fields = std::tuple{
      field("name", &PlannedProbe::name, "its name"),
      field("kind", &PlannedProbe::kind, "`http`, `tcp`, …"),
      field("subject", &PlannedProbe::subject, "whom it asks, without a password"),
      field("command", &PlannedProbe::command, "of `exec`, with `***` for secrets; of `redis` what is sent"),
      field("every", &PlannedProbe::every, "from one request to the next; of a load, at its peak"),
      seldom("rate", &PlannedProbe::rate, "of a load, in words; its latencies count from when a request was due"),
      field("timeout", &PlannedProbe::timeout, "after which a request has failed"),
      field("from", &PlannedProbe::from, "the target or host that asks, or `here`")};
};

struct PlannedFault {
  std::string name, kind;
  std::vector<std::string> on;
  bool on_any = false;  ///< not each of `on` has to meet it
  std::optional<bool> loopback = {};
  std::vector<std::string> peer;
  std::string direction = "both";
  Ns start = 0, end = 0;
  std::map<std::string, std::string> asked;
  std::string asked_text;
  Ns delay = 0;                                  ///< the greatest that is asked at any time
  bool idle = false;                             ///< it asks for nothing
  double loss = 0;                               ///< the greatest that is asked at any time
  std::vector<std::pair<Ns, Ns>> episodes = {};  ///< when it acts in its window; empty: all the time
  std::optional<plan::AskedDelay> asked_delay_us = {};
  std::optional<std::string> source = {};

  static constexpr const char* shape = "planned fault";
  static constexpr auto fields = std::tuple{
      field("name", &PlannedFault::name, "its name"),
      field("kind", &PlannedFault::kind, "`degrade`, `sever`, …"),
      field("on", &PlannedFault::on, "its targets"),
      field("on_any", &PlannedFault::on_any, "one of them is enough to meet it"),
      seldom("loopback", &PlannedFault::loopback, "their loopback devices take part; there if the plan says"),
      field("peer", &PlannedFault::peer, "whose traffic with them; empty: everybody's"),
      field("direction", &PlannedFault::direction, "`egress`, `ingress` or `both`"),
      field("start", &PlannedFault::start, "its window"),
      field("end", &PlannedFault::end, "likewise"),
      field("asked", &PlannedFault::asked, "its kind's keys and values as a plan writes them, defaults included"),
      field("asked_text", &PlannedFault::asked_text,
            "the same in one line, without defaults, but for the mode of a fault of which nothing else was given"),
      field("delay", &PlannedFault::delay, "the greatest that is asked at any time, ns; 0 if none"),
      field("idle", &PlannedFault::idle, "it asks for nothing: all of its values are zero"),
      field("loss", &PlannedFault::loss, "the greatest that is asked at any time, 0 to 1"),
      field("episodes", &PlannedFault::episodes,
            "[[from, to], …] when it acts at any of its places in its window, as its seed has it; the first 2000; "
            "empty: all the time"),
      seldom("asked_delay_us", &PlannedFault::asked_delay_us,
             "the delays that it asks of packets, over the time in which it does; absent: none, or they depend on the "
             "traffic"),
      seldom("source", &PlannedFault::source,
             "where what it plays is known from, as the plan says: `fact: …` or `reconstruction: …`")};
};

struct PlannedGuard : plan::Guard {
  PlannedGuard() = default;
  explicit PlannedGuard(const plan::Guard& guard) : plan::Guard(guard), condition(plan::condition_text(guard)) {}
  std::string condition;

  static constexpr const char* shape = "planned guard";
  static constexpr auto fields = std::tuple{
      field("name", &plan::Guard::name, "its name"),
      field("probe", &plan::Guard::probe, "whose requests; empty: it watches connections or an event"),
      seldom("event", &plan::Guard::event, "which event, then"),
      seldom("seen", &plan::Guard::seen, "how often that is seen"),
      seldom("telemetry", &plan::Guard::telemetry, "of which target, then"),
      seldom("peer", &plan::Guard::peer, "of these, those with this target"),
      field("during", &plan::Guard::during, "of which phase; empty: of the whole run"),
      field("for", &plan::Guard::window, "how long a time it looks back over; of an event 0: all of the time"),
      field("condition", &PlannedGuard::condition, "when it acts, in one line"),
      Among<plan::Conditions>{"which must all be true for it to act"},
      Among<plan::ValueBounds>{"likewise"}};
};

struct Plan {
  std::string title, name;
  Ns duration = 0;
  std::vector<PlannedProbe> probes;
  std::vector<PlannedFault> faults;
  std::vector<plan::Hypothesis> hypotheses;
  std::vector<PlannedGuard> guards;
  std::vector<std::string> telemetry;
  std::vector<plan::Event> events;
  plan::Tolerance tolerance;
  std::optional<std::string> arm;
  std::vector<std::string> expected_to_fail;

  static constexpr const char* event = "plan";
  static constexpr const char* means = "what a verdict needs from the plan";
  static constexpr auto fields =
      std::tuple{field("title", &Plan::title, "for people"),
                 field("name", &Plan::name, "its file's, without the ending"),
                 field("duration", &Plan::duration, "of the run, with its recovery"),
                 field("probes", &Plan::probes, "what is asked"),
                 field("faults", &Plan::faults, "what is to be done"),
                 field("hypotheses", &Plan::hypotheses, "what ought to hold"),
                 field("guards", &Plan::guards, "what ends the run"),
                 field("telemetry", &Plan::telemetry, "targets whose connections are counted"),
                 field("events", &Plan::events, "lines of logs that have a name"),
                 field("tolerance", &Plan::tolerance, "how much may go astray"),
                 seldom("arm", &Plan::arm, "of a plan that compares designs: which this is"),
                 field("expected_to_fail", &Plan::expected_to_fail, "hypotheses that must not hold in this arm")};
};

}  // namespace events
}  // namespace faultline::record
