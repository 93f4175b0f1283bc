// The middle of a run: from arming to healing. The kernel plays the score; this only looks, and ends it early when it
// must.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <thread>

#include "injector/base/error.h"
#include "injector/run/session.h"

namespace faultline::run {
namespace events = record::events;
namespace {

constexpr Ns kLeadTime = 50 * kMillisecond;  // from arming to T0: threads are under way by then

}  // namespace

void Session::play() {
  Ns wall = wall_now();
  const Ns now = monotonic_now();
  epoch_ = now + kLeadTime;
  if (options_.at) {
    if (*options_.at < wall + kLeadTime) throw Failure(Exit::invalid, "--at lies in the past: preparation was not finished by then");
    epoch_ = now + (*options_.at - wall);
  }
  if (pen_) pen_->arm(epoch_);
  armed_ = true;
  for (auto& prober : probers_) prober->start(epoch_, plan_.duration);
  events::t0(*journal_, epoch_, wall + (epoch_ - now));
  control_->begin(epoch_);
  display_->begin(epoch_);
  if (const auto stop = watch()) {
    if (pen_) pen_->stop();
    control_->healed();
    events::healed(*journal_, "abort");
    events::abort(*journal_, stop->by, stop->reason, monotonic_now() - epoch_);
    display_->note("stopped: " + stop->reason);
    for (auto& prober : probers_) prober->abort();
    return;
  }
  if (pen_) pen_->stop();
  control_->healed();
  events::healed(*journal_, "end");
  finish_probes();
}

/// Waits for the answers still due; who asks the run to end also ends the wait.
void Session::finish_probes() {
  std::optional<Stop> asked;
  {
    std::jthread listener([&](const std::stop_token& done) {
      pollfd wish{stops_.fd(), POLLIN, 0};
      while (!done.stop_requested()) {
        if (::poll(&wish, 1, 50) != 1 || !(asked = stops_.take())) continue;
        for (auto& prober : probers_) prober->abort();
        return;
      }
    });
    for (auto& prober : probers_) prober->finish();
  }
  if (asked) events::abort(*journal_, asked->by, asked->reason, monotonic_now() - epoch_);
}

std::optional<Stop> Session::watch() {
  pollfd wish{stops_.fd(), POLLIN, 0};
  const Ns end = epoch_ + plan_.duration;
  Ns next_look = 0;
  for (Ns now = monotonic_now(); now < end; now = monotonic_now()) {
    const Ns wait = std::min(end - now, 100 * kMillisecond);
    const timespec pause{0, static_cast<long>(wait)};
    if (ppoll(&wish, 1, &pause, nullptr) > 0)
      if (const auto stop = stops_.take()) return stop;
    now = monotonic_now();
    if (const auto stop = follow_targets()) return stop;
    mark_phases(now);
    display_->tick();
    if (pen_ && pen_->line_was_stopped()) {
      if (const auto stop = stops_.take()) return stop;
      if (stops_.was_continued())
        return Stop{events::By::lease, "the injector had been stopped (SIGSTOP, or Ctrl-Z); faults were off meanwhile"};
      // Nobody stopped us: a busy machine, a debugger or the freezer. What that spoiled is counted with the faults.
      const std::string lapse = fmt::format("the injector got no CPU for up to {} ms: the lease lapsed, faults were off meanwhile",
                                            pen_->line_stats().stalled / kMillisecond);
      events::warning(*journal_, lapse);
      display_->note(lapse);
      pen_->resume_line();
    }
    if (pen_)
      if (const auto failure = pen_->line_failure(); !failure.empty()) throw std::runtime_error("the line: " + failure);
    if (journal_->failed()) return Stop{events::By::journal, "the journal cannot be written: " + journal_->failure()};
    if (now < next_look) continue;
    next_look = now + 500 * kMillisecond;
    if (lab_) {
      lab_->poll([this](const std::string& host, const std::string& event, const std::string& detail) {
        events::service(*journal_, host, event, detail);
        display_->note(detail.empty() ? fmt::format("{} {}", host, event) : fmt::format("{} {} ({})", host, event, detail));
      });
    }
    if (pen_) {
      for (const auto& news : pen_->poll()) {
        events::warning(*journal_, news);
        display_->note(news);
      }
    }
  }
  guards_.close();
  if (const auto stop = stops_.take()) return stop;  // a guard's, at the last moment
  mark_phases(monotonic_now());
  display_->tick();
  return {};
}

void Session::mark_phases(Ns now) {
  for (std::size_t i = 0; i < plan_.faults.size(); i++) {
    const auto& fault = plan_.faults[i];
    if (!begun_[i] && now >= epoch_ + fault.start) {
      begun_[i] = true;
      events::fault_begin(*journal_, fault.name, fault.start);
    }
    if (!ended_[i] && now >= epoch_ + fault.end) {
      ended_[i] = true;
      events::fault_end(*journal_, fault.name, fault.end);
    }
  }
}

}  // namespace faultline::run
