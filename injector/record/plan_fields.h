// What the journal keeps of a plan: all that a verdict needs, so that a record is judged without the plan's file.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "injector/plan/plan.h"
#include "injector/record/fields.h"

namespace faultline::record {

inline constexpr std::array<std::pair<plan::Bound::Op, std::string_view>, 5> kOps{{{plan::Bound::Op::ge, ">="},
                                                                                   {plan::Bound::Op::gt, ">"},
                                                                                   {plan::Bound::Op::le, "<="},
                                                                                   {plan::Bound::Op::lt, "<"},
                                                                                   {plan::Bound::Op::eq, "="}}};
template <>
struct WordOf<plan::Bound::Op> : Words<plan::Bound::Op, kOps> {};

inline constexpr std::array<std::pair<plan::Bound::Measure, std::string_view>, 2> kMeasures{
    {{plan::Bound::Measure::count, "count"}, {plan::Bound::Measure::times_baseline, "times baseline"}}};
template <>
struct WordOf<plan::Bound::Measure> : Words<plan::Bound::Measure, kMeasures> {};

template <>
struct FieldsOf<plan::Bound> {
  static constexpr const char* shape = "bound";
  static constexpr auto fields =
      std::tuple{field("op", &plan::Bound::op, "`>=`, `>`, `<=`, `<` or `=`"),
                 field("value", &plan::Bound::value, "a share of 0 to 1, ns, a number, or a number per second"),
                 seldom("measure", &plan::Bound::measure,
                        "`count`: the number of requests instead of their share; `times "
                        "baseline`: of what the figure was there"),
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

template <>
struct FieldsOf<plan::Hypothesis> {
  static constexpr const char* shape = "planned hypothesis";
  using Hypothesis = plan::Hypothesis;
  static constexpr auto fields = std::tuple{
      field("name", &Hypothesis::name, "its name"),
      field("probe", &Hypothesis::probe, "whose requests"),
      field("during", &Hypothesis::during, "of which phase; empty: it asks for recovery alone"),
      field("after", &Hypothesis::after, "where in the phase its window begins"),
      seldom("for", &Hypothesis::length, "how long that is; absent: to the end of the phase"),
      seldom("eventually", &Hypothesis::eventually, "after this time at the latest it holds; there if asked"),
      seldom("stays", &Hypothesis::stays, "for so long; absent: to the end of the window"),
      field("recovers_within", &Hypothesis::recovers_within, "ns, or null: not asked"),
      Among<plan::Conditions>{"what must hold"}};
};

template <>
struct FieldsOf<plan::Tolerance> {
  static constexpr const char* shape = "tolerance";
  static constexpr auto fields =
      std::tuple{field("packets", &plan::Tolerance::packets, "share of what a fault matched"),
                 field("of_loss", &plan::Tolerance::of_loss, "share of a loss that was asked, where that is less")};
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
      field("command", &PlannedProbe::command, "of `exec`; of `redis` what is sent"),
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
  Ns delay = 0;       ///< the greatest that is asked at any time
  bool idle = false;  ///< it asks for nothing
  double loss = 0;    ///< the greatest that is asked at any time

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
      field("loss", &PlannedFault::loss, "the greatest that is asked at any time, 0 to 1")};
};

struct PlannedGuard : plan::Guard {
  PlannedGuard() = default;
  explicit PlannedGuard(const plan::Guard& guard) : plan::Guard(guard), condition(plan::condition_text(guard)) {}
  std::string condition;

  static constexpr const char* shape = "planned guard";
  static constexpr auto fields =
      std::tuple{field("name", &plan::Guard::name, "its name"),
                 field("probe", &plan::Guard::probe, "whose requests"),
                 field("during", &plan::Guard::during, "of which phase; empty: of the whole run"),
                 field("for", &plan::Guard::window, "how long a time it looks back over"),
                 field("condition", &PlannedGuard::condition, "when it acts, in one line"),
                 Among<plan::Conditions>{"which must all be true for it to act"}};
};

struct Plan {
  std::string title, name;
  Ns duration = 0;
  std::vector<PlannedProbe> probes;
  std::vector<PlannedFault> faults;
  std::vector<plan::Hypothesis> hypotheses;
  std::vector<PlannedGuard> guards;
  std::vector<std::string> telemetry;
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
                 field("tolerance", &Plan::tolerance, "how much may go astray"),
                 seldom("arm", &Plan::arm, "of a plan that compares designs: which this is"),
                 field("expected_to_fail", &Plan::expected_to_fail, "hypotheses that must not hold in this arm")};
};

}  // namespace events
}  // namespace faultline::record
