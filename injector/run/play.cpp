// The middle of a run: from arming to healing. The kernel plays the score; this only looks, and ends it early when it
// must.
#include <fmt/format.h>

#include <algorithm>

#include "injector/base/error.h"
#include "injector/run/session.h"

namespace faultline::run {
namespace events = record::events;
namespace {

constexpr Ns kLeadTime = 50 * kMillisecond;  // from arming to T0: threads are under way by then

}  // namespace

void Session::play() {
  const Ns wall = wall_now(), now = monotonic_now();
  epoch_ = now + kLeadTime;
  if (options_.at) {
    if (*options_.at < wall + kLeadTime)
      throw Failure(Exit::invalid, "--at lies in the past: preparation was not finished by then. Choose a later time");
    epoch_ = now + (*options_.at - wall);
  }
  if (options_.steps) steps_.emplace(plan_);
  // After a lapse faults are off until this thread has seen it, and probes wait for locks that it holds.
  realtime::Urgent urgent(realtime::Rank::helper);
  hold_next();
  const bool holds_before_t0 = steps_ && steps_->next() && steps_->hold_at() <= 0;
  if (pen_ && !holds_before_t0) pen_->arm(epoch_);
  for (auto& prober : probers_) prober->start(epoch_, plan_.duration);
  events::t0(*journal_, epoch_, wall + (epoch_ - now));
  tell_refusal();
  control_->begin(epoch_);
  display_->begin(epoch_);
  const auto stop = watch(urgent);
  for (const auto& text : remarks_.due(monotonic_now(), true)) display_->note(text);
  if (stop) display_->stop_clock();
  heal();
  if (stop) {
    events::healed(*journal_, "abort");
    events::abort(*journal_, stop->by, stop->reason, monotonic_now() - epoch_);
    display_->note("stopped: " + stop->reason);
    for (auto& prober : probers_) prober->abort();
    return;
  }
  events::healed(*journal_, "end");
  finish_probes();
}

void Session::tell_refusal() {
  const realtime::Tally line = realtime::tally(realtime::Rank::line), others = realtime::tally(realtime::Rank::helper);
  const int error = line.error != 0 ? line.error : others.error;
  if (error == 0) return;
  const std::string text = fmt::format(
      "no real-time class ({}): on a busy machine packets may leave late and probes be sent late; `faultline doctor` "
      "says "
      "what helps",
      std::generic_category().message(error));
  events::warning(*journal_, text);
  display_->note(text);
}

std::optional<Stop> Session::watch(realtime::Urgent& urgent) {
  for (Ns now = monotonic_now(); now < epoch_ + plan_.duration || (steps_ && steps_->next()); now = monotonic_now()) {
    Ns until = std::min(epoch_ + plan_.duration, now + 100 * kMillisecond);
    if (steps_ && steps_->next()) until = std::min(until, epoch_ + steps_->hold_at());
    if (const auto stop = stops_.await(std::max<Ns>(until - now, 0))) return stop;
    if (const auto stop = confirm_step()) return stop;
    now = monotonic_now();
    urgent.look(now);
    mark_phases(now);
    display_->tick();
    if (pen_ && pen_->line_was_stopped()) {
      if (const auto stop = stops_.take()) return stop;
      if (stops_.was_continued())
        return Stop{events::By::lease, "the injector had been stopped (SIGSTOP, or Ctrl-Z); faults were off meanwhile"};
      // Nobody stopped us: a busy machine, a debugger or the freezer. What that spoiled is counted with the faults.
      for (const auto& lapse : pen_->take_lapses()) {
        const Ns from = since_t0(lapse.from), length = lapse.to - lapse.from;
        events::lapse(*journal_, from, length);
        tell({"", from, length});
      }
      pen_->resume_line();
    }
    if (const auto stop = look_after()) return stop;
  }
  guards_.close();
  if (const auto stop = stops_.take()) return stop;  // a guard's, at the last moment
  mark_phases(monotonic_now());
  display_->tick();
  return {};
}

/// What may happen at any time, also while the clock stands still.
std::optional<Stop> Session::look_after() {
  if (const auto stop = follow_targets()) return stop;
  if (pen_)
    if (const auto failure = pen_->line_failure(); !failure.empty()) throw std::runtime_error("the line: " + failure);
  if (journal_->failed()) return Stop{events::By::journal, "the journal cannot be written: " + journal_->failure()};
  const Ns now = monotonic_now();
  if (now < next_look_) return {};
  next_look_ = now + 500 * kMillisecond;
  if (lab_) {
    lab_->poll([this](const std::string& host, const std::string& event, const std::string& detail) {
      display_->note(tell_service(host, event, detail));
    });
  }
  if (pen_) {
    for (const auto& news : pen_->poll()) {
      events::warning(*journal_, news);
      tell({news, since_t0(now)});
    }
  }
  for (const auto& text : remarks_.due(now)) display_->note(text);
  return {};
}

/// To whoever watches: what comes again and again is summed up.
void Session::tell(record::Remark remark) {
  if (const auto text = remarks_.add(std::move(remark), monotonic_now())) display_->note(*text);
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
