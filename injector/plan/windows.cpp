// How long phases last, and whether what a hypothesis looks at fits into its phase.
#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// For how long at least the conditions of `eventually` have to be seen holding.
constexpr Ns kSeen = kSecond;

void check_hypothesis_window(const HypothesisDraft& draft_hypothesis, Issues& issues, Ns phase) {
  const Hypothesis& h = draft_hypothesis.hypothesis;
  const auto lasts = [&] { return fmt::format("\"{}\" lasts {}", h.during, format_duration(phase)); };
  if (h.after >= phase && draft_hypothesis.after_at.line) {
    issues.error(draft_hypothesis.after_at, fmt::format("after: {}, so that nothing is left of it", lasts()),
                 "begin earlier");
    return;
  }
  if (h.length && h.after + *h.length > phase) {
    issues.error(draft_hypothesis.for_at,
                 fmt::format("for: {}; this ends {} later", lasts(), format_duration(h.after + *h.length - phase)),
                 "look for a shorter time, or leave \"for\" out: to the end of the phase");
    return;
  }
  if (!h.eventually) return;
  const auto [from, to] = h.window_in(0, phase);
  if (to - from < *h.eventually + h.stays.value_or(kSeen))
    issues.error(
        draft_hypothesis.eventually_at,
        fmt::format("eventually: {} are looked at, in which {} and then {} do not fit", format_duration(to - from),
                    format_duration(*h.eventually), format_duration(h.stays.value_or(kSeen))),
        "look for a longer time, or ask for it earlier");
}

}  // namespace

std::optional<Ns> length_of_phase(const Draft& draft, const std::string& during) {
  const Ns duration = draft.plan.duration;
  if (draft.duration_at.line && !draft.duration) return {};
  if (during.empty()) return duration;
  Ns first = duration, last = 0;
  std::optional<Ns> own;
  for (const auto& fault : draft.faults) {
    if (!fault.start || (!fault.length && !fault.for_run)) return {};
    first = std::min(first, fault.fault.start);
    last = std::max(last, fault.fault.end);
    if (fault.fault.name == during) own = fault.fault.end - fault.fault.start;
  }
  if (during == "baseline") return first;
  if (during == "recovery") return draft.faults.empty() ? 0 : std::max<Ns>(0, duration - last);
  return own;
}

void check_hypothesis_windows(Draft& draft) {
  for (const auto& hypothesis : draft.hypotheses) {
    const std::string& during = hypothesis.hypothesis.during;
    if (during.empty()) continue;
    const auto phase = length_of_phase(draft, during == "run" ? "" : during);
    if (phase && *phase > 0) check_hypothesis_window(hypothesis, draft.issues, *phase);
  }
}

}  // namespace faultline::plan
