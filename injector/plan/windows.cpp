// What only phases and probes can tell of hypotheses and guards: whether what is looked at fits into its phase, is
// enough to show something, and can come at all.
#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/passes.h"
#include "injector/probe/errors.h"

namespace faultline::plan {
namespace {

/// For how long at least the conditions of `eventually` have to be seen holding.
constexpr Ns kSeen = kSecond;
constexpr Ns kRequestsSeen = 5;

void check_hypothesis_window(const HypothesisDraft& draft_hypothesis, Issues& issues, Ns phase, Ns every) {
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
  if (h.stays && *h.stays < kRequestsSeen * every) {
    issues.error(draft_hypothesis.stays_at,
                 fmt::format("stays: {} {}, so that {} can be met by luck",
                             h.telemetry ? "connections are counted for each" : "the probe asks every",
                             format_duration(every), format_duration(*h.stays)),
                 fmt::format("write stays = \"{}\" or more", format_duration(kRequestsSeen * every)));
    return;
  }
  const Ns seen = h.stays.value_or(std::max(kSeen, kRequestsSeen * every));
  const auto [from, to] = h.window_in(0, phase);
  if (to - from < *h.eventually + seen)
    issues.error(draft_hypothesis.eventually_at,
                 fmt::format("eventually: {} are looked at, in which {} and then {} do not fit",
                             format_duration(to - from), format_duration(*h.eventually), format_duration(seen)),
                 "look for a longer time, or ask for it earlier");
}

bool asks_for_baseline(const Conditions& conditions) {
  const auto relative = [](const Bound& bound) { return bound.measure == Bound::Measure::times_baseline; };
  for (const auto& key : Conditions::keys())
    if (const auto& bound = conditions.*key.bound; bound && relative(*bound)) return true;
  if (conditions.errors)
    for (const auto& [error, bound] : *conditions.errors)
      if (relative(bound)) return true;
  return false;
}

void check_baseline(const HypothesisDraft& draft_hypothesis, Draft& draft) {
  const Hypothesis& h = draft_hypothesis.hypothesis;
  if (!asks_for_baseline(h)) return;
  if (h.during == "baseline") {
    draft.issues.error(h.at, "the baseline is compared with itself, which always holds",
                       "write the limit itself, or another phase");
    return;
  }
  const auto baseline = length_of_phase(draft, "baseline");
  if (baseline && *baseline < kSecond)
    draft.issues.error(h.at, fmt::format("a baseline of {} is too short to compare with", format_duration(*baseline)),
                       "start the first fault at 1s or later, or write the limit itself");
}

/// A bound on an error that this probe cannot have would always hold.
void check_errors(const Conditions& conditions, SourcePlace at, const Probe& probe, Issues& issues) {
  if (!conditions.errors || probe.kind == nullptr) return;
  for (const auto& [error, bound] : *conditions.errors) {
    if (probe::has_error(*probe.kind, error)) continue;
    const auto known = probe::error_names(*probe.kind);
    issues.error(at,
                 fmt::format("errors: probe \"{}\" asks by {}, and never has an error \"{}\"", probe.name,
                             probe.kind->name(), error),
                 issues.suggest(error, known, list_known("its errors are", known)));
  }
}

/// The same of an error that no attempt to open a connection can have.
void check_connection_errors(const Conditions& conditions, SourcePlace at, Issues& issues) {
  if (!conditions.errors) return;
  const auto& known = connection_errors();
  for (const auto& [error, bound] : *conditions.errors)
    if (std::find(known.begin(), known.end(), error) == known.end())
      issues.error(at, fmt::format("errors: no attempt to open a connection fails by \"{}\"", error),
                   issues.suggest(error, known, list_known("its errors are", known)));
}

/// `every`: how often there is something to look at.
void check_in_phase(const HypothesisDraft& hypothesis, Draft& draft, Ns every) {
  const std::string& during = hypothesis.hypothesis.during;
  if (during.empty()) return;
  const auto phase = length_of_phase(draft, during == "run" ? "" : during);
  if (phase && *phase > 0) check_hypothesis_window(hypothesis, draft.issues, *phase, every);
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
    check_baseline(hypothesis, draft);
    if (hypothesis.hypothesis.telemetry) {
      check_connection_errors(hypothesis.hypothesis, hypothesis.hypothesis.at, draft.issues);
      check_in_phase(hypothesis, draft, kTelemetrySpan);
      continue;
    }
    const auto probe = std::find_if(draft.probes.begin(), draft.probes.end(),
                                    [&](const ProbeDraft& p) { return p.probe.name == hypothesis.hypothesis.probe; });
    if (probe == draft.probes.end()) continue;  // a mistake already
    check_errors(hypothesis.hypothesis, hypothesis.hypothesis.at, probe->probe, draft.issues);
    check_in_phase(hypothesis, draft, probe->probe.every);
  }
}

void check_guard_errors(Draft& draft) {
  for (const auto& guard : draft.guards)
    if (guard.guard.telemetry) check_connection_errors(guard.guard, guard.guard.at, draft.issues);
  for (const auto& guard : draft.guards)
    for (const auto& probe : draft.probes)
      if (probe.probe.name == guard.guard.probe) check_errors(guard.guard, guard.guard.at, probe.probe, draft.issues);
}

}  // namespace faultline::plan
