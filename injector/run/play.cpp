#include "injector/run/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "injector/base/error.h"
#include "injector/record/events.h"

namespace faultline::run {
namespace events = record::events;
namespace {

constexpr Ns kLeadTime = 50 * kMillisecond;  // from arming to T0: threads are under way by then
constexpr Ns kRound = 100 * kMillisecond;

}  // namespace

Play::Play(const Stage& stage)
    : stage_(stage),
      steps_(stage.plan, stage.options,
             {stage.stops, stage.clock, stage.journal, stage.display, stage.control, stage.observers, stage.pen}),
      begun_(stage.plan.faults.size()),
      ended_(stage.plan.faults.size()) {}

std::optional<Stop> Play::play(realtime::Urgent& urgent) {
  begin();
  return watch(urgent);
}

void Play::begin() {
  const Ns wall = wall_now(), now = monotonic_now();
  Ns epoch = now + kLeadTime;
  if (const auto at = stage_.options.at) {
    if (*at < wall + kLeadTime)
      throw Failure(Exit::invalid, "--at lies in the past: preparation was not finished by then. Choose a later time");
    epoch = now + (*at - wall);
  }
  stage_.clock.begin(epoch);
  steps_.hold_next();
  const bool holds_before_t0 = steps_.hold_at() && *steps_.hold_at() <= 0;
  if (stage_.pen && !holds_before_t0) stage_.pen->arm(epoch);
  events::t0(stage_.journal, epoch, wall + (epoch - now));
  stage_.observers.begin(epoch);
  tell_refusal();
  stage_.display.begin(epoch);
}

void Play::tell_refusal() {
  const realtime::Tally line = realtime::tally(realtime::Rank::line), others = realtime::tally(realtime::Rank::helper);
  const int error = line.error != 0 ? line.error : others.error;
  if (error == 0) return;
  stage_.telling.warn(
      fmt::format("no real-time class ({}): on a busy machine packets may leave late and probes be sent late; "
                  "`faultline doctor` says what helps",
                  std::generic_category().message(error)));
}

std::optional<Stop> Play::watch(realtime::Urgent& urgent) {
  const auto end = [this] { return stage_.clock.epoch() + stage_.plan.duration; };
  for (Ns now = monotonic_now(); now < end() || steps_.hold_at(); now = monotonic_now()) {
    Ns until = stage_.pen_watch.next_edge(std::min(end(), now + kRound));
    if (const auto hold_at = steps_.hold_at()) until = std::min(until, stage_.clock.epoch() + *hold_at);
    if (const auto stop = stage_.stops.await(std::max<Ns>(until - now, 0))) return stop;
    if (const auto stop = steps_.confirm([this] { return look_after(); })) return stop;
    now = monotonic_now();
    urgent.look(now);
    mark_phases(now);
    stage_.display.set_guards([this] { return stage_.guards.standings(); });
    stage_.display.tick();
    if (const auto stop = look_at_line()) return stop;
    if (const auto stop = look_after()) return stop;
  }
  stage_.guards.close();
  if (const auto stop = stage_.stops.take()) return stop;  // a guard's, at the last moment
  mark_phases(monotonic_now());
  stage_.display.tick();
  return {};
}

/// Whether the line stood still, and faults were off meanwhile.
std::optional<Stop> Play::look_at_line() {
  if (stage_.pen == nullptr || !stage_.pen->line_was_stopped()) return {};
  if (const auto stop = stage_.stops.take()) return stop;
  if (stage_.stops.was_continued())
    return Stop{events::By::lease, "the injector had been stopped (SIGSTOP, or Ctrl-Z); faults were off meanwhile"};
  // Nobody stopped us: a busy machine, a debugger or the freezer. What that spoiled is counted with the faults.
  stage_.pen_watch.tell_lapses();
  stage_.pen->resume_line();
  return {};
}

/// What may happen at any time, also while the clock stands still.
std::optional<Stop> Play::look_after() {
  if (stage_.journal.failed())
    return Stop{events::By::journal, "the journal cannot be written: " + stage_.journal.failure()};
  const Ns now = monotonic_now();
  if (auto stop = stage_.observers.tick(now)) return stop;
  if (now < next_told_) return {};
  next_told_ = now + 500 * kMillisecond;
  stage_.telling.tell_due();
  return {};
}

void Play::mark_phases(Ns now) {
  const Ns t = now - stage_.clock.epoch();
  for (std::size_t i = 0; i < stage_.plan.faults.size(); i++) {
    const auto& fault = stage_.plan.faults[i];
    if (!begun_[i] && t >= fault.start) {
      begun_[i] = true;
      events::fault_begin(stage_.journal, fault.name, fault.start);
    }
    if (!ended_[i] && t >= fault.end) {
      ended_[i] = true;
      events::fault_end(stage_.journal, fault.name, fault.end);
    }
  }
}

}  // namespace faultline::run
