#include "injector/record/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/record/contention.h"
#include "injector/record/evidence.h"
#include "injector/record/faithful.h"
#include "injector/record/hypothesis.h"
#include "injector/record/sightings.h"
#include "injector/record/windows.h"

namespace faultline::record {
namespace {

constexpr double kLeftOutAllowed = 0.01;  // of what was matched or left out
constexpr double kSteady = 0.95;          // of a hypothesis's probe, before the first fault
constexpr Ns kSteadyNeeds = kSecond;      // a shorter baseline says nothing about steadiness

class Findings {
 public:
  void add(Exit exit, std::string reason) { all_.push_back({exit, std::move(reason)}); }
  Exit exit() const {
    Exit worst = Exit::passed;
    for (const auto& f : all_) worst = graver(worst, f.exit);
    return worst;
  }
  std::vector<std::string> reasons() {
    std::stable_sort(all_.begin(), all_.end(), [](const Finding& a, const Finding& b) { return a.exit > b.exit; });
    std::vector<std::string> texts;
    for (const auto& f : all_)
      if (!f.reason.empty()) texts.push_back(f.reason);
    return texts;
  }

 private:
  struct Finding {
    Exit exit;
    std::string reason;
  };
  std::vector<Finding> all_;
};

std::string left_out_text(const faults::Counts& counts) {
  std::string text;
  for (const auto& one : faults::kLeftOut)
    if (const auto n = counts.*one.in; n > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : "; ", thousands(n), one.why);
  return text;
}

/// "" while the run went to its end.
std::string stop_text(const Recording& r) {
  const std::string after = r.begun ? "after " + short_duration(r.observed_until()) : "before it began";
  if (r.stop) return "the run was aborted " + after;
  if (!r.troubles.empty() && !r.begun) return kNeverBegan;
  if (!r.ended && !r.under_way) return "the run was interrupted " + after;
  return {};
}

void look_at_run(const Recording& r, Findings& findings) {
  for (const auto& trouble : r.troubles) findings.add(trouble.status, trouble.message);
  if (r.unreadable > 0)
    findings.add(Exit::failed, fmt::format("the journal is damaged: {} lines cannot be read", r.unreadable));
  if (r.cleanup && !r.cleanup->ok)
    for (const auto& what : r.cleanup->failures) findings.add(Exit::failed, "cleanup: " + what);
  if (r.cleanup && !r.cleanup->ok && r.cleanup->failures.empty()) findings.add(Exit::failed, "cleanup was incomplete");
  if (r.ended && r.begun && !r.cleanup) findings.add(Exit::failed, "cleanup was not recorded");
  if (r.stop) findings.add(Exit::aborted, fmt::format("{} ({}): {}", stop_text(r), r.stop->by, r.stop->reason));
  if (!r.ended && !r.under_way && !r.stop && r.troubles.empty())
    findings.add(Exit::aborted, stop_text(r) + ": its journal has no end");
  if (r.ended && !r.begun && !r.stop && r.troubles.empty()) findings.add(Exit::failed, "the run ended before it began");
}

void look_at_fault(const Recording& r, const FaultRecord& fault, Findings& findings,
                   std::vector<std::string>& warnings) {
  const auto inconclusive = [&](const std::string& what) {
    findings.add(Exit::inconclusive, fmt::format("fault \"{}\" {}", fault.name, what));
  };
  if (fault.start >= r.observed_until()) return;  // an early end has a finding of its own
  if (!fault.account) {
    if (r.ended) inconclusive("left no counts");
    return;
  }
  const Account& account = *fault.account;
  if (account.matched == 0 && account.left_out == 0 && !fault.idle)
    inconclusive("met no packet");  // what asks for nothing meets none
  if (static_cast<double>(account.left_out) > kLeftOutAllowed * static_cast<double>(account.matched + account.left_out))
    inconclusive(fmt::format("left out {} of {} packets, which would not have survived being held: {}",
                             thousands(account.left_out), thousands(account.matched + account.left_out),
                             left_out_text(account)));
  if (account.untracked > 0)
    inconclusive(
        fmt::format("let {} packets pass of connections that it could not follow: it has room for {} (narrow its "
                    "`on` or `peer`, by a port for instance)",
                    thousands(account.untracked), thousands(FL_MAX_FOLLOWED)));
  if (account.matched > 0 && !fault.on_any)
    for (const auto& one : account.targets)
      if (one.matched == 0)
        inconclusive(fmt::format("met no packet of its target \"{}\" (if one of them is enough, say on_any = true)",
                                 one.target));
  for (const auto& idle : idleness(fault)) {
    if (idle.material)
      inconclusive(idle.text);
    else
      warnings.push_back(fmt::format("fault \"{}\" {}", fault.name, idle.text));
  }
  if (const auto late = lateness_finding(r, fault)) inconclusive(*late);
}

/// Packets that did not get what was asked for them.
void look_at_strays(const Recording& r, const FaultRecord& fault, Findings& findings,
                    std::vector<std::string>& warnings) {
  if (fault.start >= r.observed_until()) return;
  Strays found = strays(r, fault);
  for (auto& reason : found.reasons) findings.add(Exit::inconclusive, std::move(reason));
  for (auto& warning : found.warnings) warnings.push_back(std::move(warning));
}

/// Targets that were there while the fault was in force, out of its reach. One that is gone sends nothing to be missed.
void look_at_losses(const Recording& r, const FaultRecord& fault, Findings& findings) {
  const Ns end = std::min(fault.end, r.observed_until());
  for (const auto& loss : r.losses) {
    if (std::find(fault.on.begin(), fault.on.end(), loss.target) == fault.on.end()) continue;
    if (loss.from >= end || (loss.until && *loss.until <= fault.start)) continue;
    findings.add(Exit::inconclusive, fmt::format("fault \"{}\" lost its target \"{}\" after {}: {}", fault.name,
                                                 loss.target, short_duration(loss.from), loss.why));
  }
}

void look_at_probe(const Recording& r, const ProbeRecord& probe, Findings& findings) {
  if (probe.late.count() == 0) {
    if (stop_text(r).empty()) findings.add(Exit::inconclusive, fmt::format("probe \"{}\" never ran", probe.name));
    return;
  }
  if (probe.late.quantile(990) > late_limit(probe))
    findings.add(Exit::inconclusive,
                 fmt::format("probe \"{}\" was sent late: p99 {}, at most {} is allowed", probe.name,
                             short_duration(probe.late.quantile(990)), short_duration(late_limit(probe))));

  const bool judged = std::any_of(r.hypotheses.begin(), r.hypotheses.end(), [&](const plan::Hypothesis& h) {
    return h.probe == probe.name && (h.during != "baseline" || h.recovers_within);
  });
  const auto base = find_phase(r, "baseline");
  if (!judged || r.faults.empty() || !base || base->end - base->start < kSteadyNeeds) return;
  const PhaseStats before = stats_in(probe, base->start, std::min(base->end, r.observed_until()));
  if (before.sent > 0 && before.success() < kSteady)
    findings.add(Exit::inconclusive, fmt::format("the service was not steady before the fault: \"{}\" had {} success",
                                                 probe.name, percent(before.success())));
}

/// A guard that could not see its event guarded nothing: a run to the end says nothing about what it would have met.
void look_at_guard(const Recording& r, const GuardRecord& record, Findings& findings) {
  if (!record.guard.event || record.trip || !stop_text(r).empty()) return;
  const EventRecord* event = find_event(r, *record.guard.event);
  const std::string lack = event == nullptr ? "there is no such event" : lack_of(*event);
  if (!lack.empty())
    findings.add(Exit::inconclusive, fmt::format("guard \"{}\" could not see its event: {}", record.guard.name, lack));
}

}  // namespace

const char* word(Exit exit) {
  switch (exit) {
    case Exit::passed:
      return "passed";
    case Exit::deviated:
      return "deviated";
    case Exit::inconclusive:
      return "inconclusive";
    case Exit::invalid:
      return "invalid";
    case Exit::cannot_run:
      return "cannot_run";
    case Exit::aborted:
      return "aborted";
    case Exit::failed:
      break;
  }
  return "failed";
}

const char* Verdict::word() const {
  return exit == Exit::passed && hypotheses.empty() ? "completed" : record::word(exit);
}

Exit graver(Exit a, Exit b) { return std::max(a, b); }  // the statuses are numbered by precedence

Verdict judge(const Recording& r) {
  Verdict verdict;
  Findings findings;
  look_at_run(r, findings);
  if (r.begun) {
    for (const auto& fault : r.faults) {
      look_at_fault(r, fault, findings, verdict.warnings);
      look_at_strays(r, fault, findings, verdict.warnings);
      look_at_losses(r, fault, findings);
    }
    for (const auto& probe : r.probes) look_at_probe(r, probe, findings);
    for (const auto& guard : r.guards) look_at_guard(r, guard, findings);
  }
  const std::string stopped = stop_text(r);
  for (const auto& hypothesis : r.hypotheses) {
    verdict.hypotheses.push_back(judge_hypothesis(r, hypothesis, stopped));
    Judgement& j = verdict.hypotheses.back();
    j.expected_to_fail =
        std::find(r.expected_to_fail.begin(), r.expected_to_fail.end(), j.name) != r.expected_to_fail.end();
    if (!j.held)
      findings.add(Exit::inconclusive, fmt::format("hypothesis \"{}\" could not be judged: {}", j.name, j.reason));
    else if (!j.as_expected())
      findings.add(Exit::deviated, j.expected_to_fail
                                       ? fmt::format("hypothesis \"{}\" held, and arm \"{}\" is expected to break it",
                                                     j.name, r.arm.value_or(""))
                                       : std::string());
  }
  rank_broken(r, verdict.hypotheses);
  if (auto busy = busy_warning(r, verdict.hypotheses)) verdict.warnings.push_back(std::move(*busy));
  verdict.exit = findings.exit();
  verdict.reasons = findings.reasons();
  return verdict;
}

}  // namespace faultline::record
