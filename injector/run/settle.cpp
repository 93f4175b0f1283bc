// The end of a run: from healing to where nothing of it is left.
#include <fmt/format.h>

#include <stdexcept>
#include <thread>

#include "injector/base/realtime.h"
#include "injector/record/events.h"
#include "injector/run/session.h"

namespace faultline::run {
namespace events = record::events;
namespace {

void report_counts(record::Journal& journal, const plan::Plan& plan, const Composition& composition,
                   const pen::Pen& pen) {
  auto accounts = pen.accounts(plan.faults.size());
  for (std::size_t i = 0; i < accounts.size(); i++) {
    accounts[i].fault = plan.faults[i].name;
    accounts[i].planned_onset = composition.onsets[i];
    events::fault_result(journal, accounts[i]);
  }
  const auto line = pen.line_stats();
  const auto urgency = [](realtime::Rank rank) {
    const realtime::Tally t = realtime::tally(rank);
    record::LineStats::Urgency urgency{t.threads, t.refused};
    if (t.error != 0) urgency.error = std::generic_category().message(t.error);
    urgency.fell_back = t.fell_back;
    urgency.stopped_by_kernel = t.stopped;
    urgency.ordinary_us = t.ordinary / kMicrosecond;
    return urgency;
  };
  record::LineStats stats;
  stats.read = line.read;
  stats.written = line.written;
  stats.frames_read = line.frames_read;
  stats.frames_written = line.frames_written;
  stats.bytes_read = line.bytes_read;
  stats.merged = line.merged;
  stats.held_max_bytes = line.held_max_bytes;
  stats.stalled_us = line.stalled / kMicrosecond;
  stats.lost = {line.losses.full, line.losses.overdue, line.losses.refused, line.losses.stamp};
  stats.full = {line.full_time / kMicrosecond, line.full_packets, line.full_bytes};
  stats.realtime = {urgency(realtime::Rank::line), urgency(realtime::Rank::helper)};
  events::line(journal, stats);
}

}  // namespace

/// Waits for what is still due, as answers are; who asks the run to end also ends the wait.
void Session::end() {
  {
    const std::jthread listener = stops_.listen([this] { observers_.abort(); });
    observers_.end();
  }
  if (const auto& asked = stops_.taken())
    events::abort(*journal_, asked->by, asked->reason, monotonic_now() - clock_.epoch());
}

void Session::settle() {
  if (const auto failure = observers_.failure(); !failure.empty()) throw std::runtime_error(failure);
  if (!pen_) return;
  pen_->drain();
  report_counts(*journal_, plan_, composition_, *pen_);
}

/// Down, whatever came before: see session.h.
void Session::take_apart() {
  telling_->wait_to_tell(kSecond);
  std::vector<std::string> failures;
  const auto add = [&](std::vector<std::string> more) { failures.insert(failures.end(), more.begin(), more.end()); };
  observers_.take_apart();
  spare_.give_up();  // by now no thread of theirs takes them for something else
  if (pen_) add(pen_->close([this](const std::string& what) { telling_->take_apart(what, clock_); }));
  pen_.reset();
  control_->drop_locks();
  add(grounds_->leave());
  nursery_.reset();
  janitor_.reset();
  for (const auto& failure : failures) display_->note("cleanup: " + failure);
  events::cleanup(*journal_, failures);
}

}  // namespace faultline::run
