// The end of a run: from healing to where nothing of it is left.
#include <fmt/format.h>

#include "injector/run/session.h"

namespace faultline::run {
namespace events = record::events;

/// Waits for the answers still due; who asks the run to end also ends the wait.
void Session::finish_probes() {
  {
    const std::jthread listener = stops_.listen([this] {
      for (auto& prober : probers_) prober->abort();
    });
    for (auto& prober : probers_) prober->finish();
  }
  if (const auto& asked = stops_.taken()) events::abort(*journal_, asked->by, asked->reason, monotonic_now() - epoch_);
}

void Session::settle() {
  for (std::size_t i = 0; i < probers_.size(); i++)
    if (const auto failure = probers_[i]->failure(); !failure.empty())
      throw std::runtime_error(fmt::format("probe \"{}\": {}", plan_.probes[i].name, failure));
  if (!pen_) return;
  pen_->drain();
  report_counts();
}

void Session::report_counts() {
  const auto counts = pen_->counts(plan_.faults.size());
  for (std::size_t i = 0; i < counts.size(); i++) {
    const pen::FaultCount& c = counts[i];
    record::FaultResult r;
    r.fault = plan_.faults[i].name;
    r.matched = c.matched;
    r.bytes = c.bytes;
    r.dropped = c.dropped;
    r.delayed = c.delayed;
    r.composed = c.composed;
    r.passed_by_safety = c.passed_by_safety;
    r.released_at_end = c.released_at_end;
    r.duplicated = c.duplicated;
    r.corrupted = c.corrupted;
    r.reordered = c.reordered;
    r.answered = c.answered;
    r.queue_dropped = c.queue_dropped;
    r.undelivered = {c.undelivered.full,      c.undelivered.overdue,    c.undelivered.refused,
                     c.undelivered.tap_queue, c.undelivered.in_transit, c.undelivered.unreturned + c.untaken};
    r.applied_delay = {c.applied.p50, c.applied.p90, c.applied.p99, c.applied.max, c.applied.count};
    r.lateness = {c.lateness.p50, c.lateness.p90, c.lateness.p99, c.lateness.max, c.lateness.count};
    r.planned_onset = composition_.onsets[i];
    r.first_affected = c.first_affected;
    r.last_affected = c.last_affected;
    events::fault_result(*journal_, r);
  }
  const auto line = pen_->line_stats();
  events::line(*journal_, {{"read", line.read},
                           {"written", line.written},
                           {"frames_read", line.frames_read},
                           {"frames_written", line.frames_written},
                           {"bytes_read", line.bytes_read},
                           {"merged", line.merged},
                           {"held_max_bytes", line.held_max_bytes},
                           {"stalled_us", line.stalled / kMicrosecond},
                           {"lost",
                            {{"full", line.losses.full},
                             {"overdue", line.losses.overdue},
                             {"refused", line.losses.refused},
                             {"stamp", line.losses.stamp}}}});
}

void Session::close_everything() {
  std::vector<std::string> failures;
  const auto add = [&](std::vector<std::string> more) { failures.insert(failures.end(), more.begin(), more.end()); };
  probers_.clear();
  follower_.reset();
  names_.reset();
  if (pen_) add(pen_->close());
  pen_.reset();
  control_->drop_locks();
  control_->set_lab(nullptr);
  if (lab_) add(lab_->stop());
  lab_.reset();
  nursery_.reset();
  janitor_.reset();
  for (const auto& failure : failures) display_->note("cleanup: " + failure);
  events::cleanup(*journal_, failures);
}

}  // namespace faultline::run
