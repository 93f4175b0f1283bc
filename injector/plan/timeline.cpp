// The timeline: --scale, the faults' windows, the run's duration, and the mistakes that only show on it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

constexpr Ns kLongest = 366 * 24 * 3600 * kSecond;  ///< of a timeline value, so that sums cannot overflow
constexpr Ns kLeastRecovery = 10 * kSecond;         ///< what follows the last fault when the plan does not say

std::optional<Ns> read_plain(Table& table, std::string_view key, const Node& value) {
  const auto duration = table.scalar(key, value, "\"40s\"", read_duration);
  if (duration && *duration > kLongest) {
    table.issues().error(value.at, fmt::format("{}: {} is too long", key, format_duration(*duration)),
                         "at most a year");
    return std::nullopt;
  }
  return duration;
}

}  // namespace

std::optional<Ns> read_timeline(Table& table, std::string_view key, const Node& value, const ParseOptions& options) {
  std::optional<Ns> chosen;
  if (value.type == Node::Type::table) {
    Table both(value, value.at, fmt::format("\"{}\"", key), table.issues());
    both.require("true", "\"79m\"");
    both.require("scaled", "\"40s\"");
    const Entry* true_entry = both.take("true");
    const Entry* scaled_entry = both.take("scaled");
    const auto true_value =
        true_entry ? read_plain(both, fmt::format("{}.true", key), true_entry->value) : std::nullopt;
    const auto scaled_value =
        scaled_entry ? read_plain(both, fmt::format("{}.scaled", key), scaled_entry->value) : std::nullopt;
    both.finish();
    if (!true_value || !scaled_value) return std::nullopt;
    chosen = options.scale ? true_value : scaled_value;
  } else {
    chosen = read_plain(table, key, value);
  }
  if (!chosen || !options.scale) return chosen;
  const Ns scaled = static_cast<Ns>(std::llround(static_cast<double>(*chosen) / *options.scale));
  if (scaled == 0 && *chosen > 0) {
    table.issues().error(
        value.at,
        fmt::format("{}: nothing is left of {} at a scale of 1:{}", key, format_duration(*chosen), *options.scale),
        "choose a smaller scale");
    return std::nullopt;
  }
  return scaled;
}

namespace {

/// The run's end as far as it is known. Faults that last to the end of the run do not tell it.
Ns default_duration(const Draft& draft, Ns last_end) {
  Ns after = kLeastRecovery;
  for (const auto& draft_hypothesis : draft.hypotheses)
    if (draft_hypothesis.hypothesis.recovers_within)
      after = std::max(after, std::min(kLongest, *draft_hypothesis.hypothesis.recovers_within));
  return last_end + after;
}

void lay_out_duration(Draft& draft) {
  if (draft.duration_at.line) {
    draft.plan.duration = draft.duration.value_or(0);
    return;
  }
  Ns last_end = 0;
  bool known = true;
  const FaultDraft* endless = nullptr;
  for (const auto& fault : draft.faults) {
    if (fault.for_run) {
      endless = endless ? endless : &fault;
    } else if (fault.start && fault.length) {
      last_end = std::max(last_end, *fault.start + *fault.length);
      draft.other_ends = true;
    } else {
      known = false;
    }
  }
  if (endless && !draft.other_ends && known)
    draft.issues.error(endless->for_at,
                       "for: every fault lasts to the end of the run, and the plan does not say when that is",
                       "add duration = \"60s\" at the top of the plan");
  draft.plan.duration = default_duration(draft, last_end);
}

/// What the kind itself has to say. Without a known length (a mistake already), what it would say of any length.
std::vector<faults::Problem> validate(const FaultDraft& fault, std::optional<Ns> length) {
  const auto* kind = fault.fault.kind;
  if (!kind || !kind->validate || !fault.params_ok) return {};
  if (length) return kind->validate(fault.fault.params, *length);
  auto problems = kind->validate(fault.fault.params, 1);
  const auto others = kind->validate(fault.fault.params, kLongest);
  std::erase_if(problems, [&](const faults::Problem& problem) {
    return std::none_of(others.begin(), others.end(),
                        [&](const faults::Problem& other) { return other.message == problem.message; });
  });
  return problems;
}

void report(Draft& draft, FaultDraft& fault, const faults::Problem& problem) {
  if (problem.idle) {
    fault.fault.idle = true;
    draft.issues.remark(fault.fault.at, fmt::format("fault \"{}\": {}", fault.fault.name, problem.message));
    return;
  }
  const auto place = fault.key_places.find(problem.key);
  const SourcePlace at = place == fault.key_places.end() ? fault.fault.at : place->second;
  std::string message = problem.message;
  if (problem.key.empty())
    message = fmt::format("fault \"{}\": {}", fault.fault.name, message);
  else if (message.find(problem.key) == std::string::npos)
    message = fmt::format("{}: {}", problem.key, message);
  draft.issues.error(at, message, problem.hint);
}

void lay_out_fault(Draft& draft, FaultDraft& fault) {
  const Ns duration = draft.plan.duration;
  const bool duration_known = !draft.duration_at.line || draft.duration;
  std::optional<Ns> length = fault.length;
  if (fault.start) {
    fault.fault.start = *fault.start;
    fault.fault.end = fault.length ? *fault.start + *fault.length : duration;
    if (fault.for_run && duration_known && *fault.start < duration) length = duration - *fault.start;
    const bool ends = fault.length || fault.for_run;
    if (draft.duration && ends && *fault.start >= duration)
      draft.issues.error(fault.start_at,
                         fmt::format("start: the run ends at {}, before this fault starts", format_duration(duration)),
                         "start it earlier, or give the run a longer duration");
    else if (draft.duration && fault.length && fault.fault.end > duration)
      draft.issues.error(fault.for_at,
                         fmt::format("for: the run ends at {}, this fault at {}", format_duration(duration),
                                     format_duration(fault.fault.end)),
                         "write for = \"run\" to last to the end of the run, or give the run a longer duration");
    else if (!draft.duration_at.line && fault.for_run && draft.other_ends && *fault.start >= duration)
      draft.issues.error(fault.start_at,
                         fmt::format("start: the run ends at {}, before this fault starts", format_duration(duration)),
                         "without a duration the run ends soon after the last fault that ends: add duration = \"…\" at "
                         "the top of the plan");
  }
  for (const auto& problem : validate(fault, length)) report(draft, fault, problem);
}

/// A probe that would never ask is a mistake; one that would ask beyond the run is cut short, as all probes are.
void check_probes(Draft& draft) {
  if (draft.duration_at.line && !draft.duration) return;
  for (const auto& [probe, from] : draft.probes)
    if (probe.start > 0 && probe.start >= draft.plan.duration)
      draft.issues.error(
          probe.at,
          fmt::format("probe \"{}\" starts at {}, when the run ends", probe.name, format_duration(probe.start)),
          "start it earlier, or give the run a longer duration");
}

/// Hypotheses about a phase that this timeline does not have would never be judged.
void check_phases(Draft& draft) {
  Ns first_start = std::numeric_limits<Ns>::max(), last_end = 0;
  for (const auto& fault : draft.faults) {
    if (!fault.start || (!fault.length && !fault.for_run)) return;  // a mistake already, and nothing more is known
    first_start = std::min(first_start, fault.fault.start);
    last_end = std::max(last_end, fault.fault.end);
  }
  if (draft.duration_at.line ? !draft.duration : !draft.faults.empty() && !draft.other_ends) return;
  const bool any = !draft.faults.empty();
  const Ns recovery = draft.plan.duration - last_end;
  for (const auto& given : draft.hypotheses) {
    const Hypothesis& hypothesis = given.hypothesis;
    const Word& during = given.during;
    const SourcePlace recovers_at = given.recovers_at;
    if (during.text == "recovery" && !any)
      draft.issues.error(during.at, "during: there is no recovery without a fault",
                         "add [[faults]], or write during = \"baseline\"");
    else if (during.text == "recovery" && recovery <= 0)
      draft.issues.error(during.at, "during: a fault lasts to the end of the run, so there is no recovery",
                         "end it earlier, or give the run a longer duration");
    if (during.text == "baseline" && any && first_start == 0)
      draft.issues.error(during.at, "during: a fault starts at once, so there is no baseline",
                         "start the first fault later: start = \"5s\"");
    if (!hypothesis.recovers_within) continue;
    if (!any)
      draft.issues.error(recovers_at, "recovers_within: there is no fault to recover from", "add [[faults]]");
    else if (first_start < kSecond)
      draft.issues.error(
          recovers_at,
          fmt::format("recovers_within: a baseline of {} is too short to compare with", format_duration(first_start)),
          "start the first fault at 1s or later");
    if (any && recovery < *hypothesis.recovers_within)
      draft.issues.error(recovers_at,
                         fmt::format("recovers_within: the run ends {} after the last fault",
                                     format_duration(std::max<Ns>(0, recovery))),
                         "give the run a longer duration, or end the faults earlier");
  }
}

}  // namespace

void lay_out_time(Draft& draft) {
  draft.plan.scale = draft.options.scale.value_or(1);
  lay_out_duration(draft);
  for (auto& fault : draft.faults) lay_out_fault(draft, fault);
  check_probes(draft);
  check_phases(draft);
  check_hypothesis_windows(draft);
}

}  // namespace faultline::plan
