#include "injector/run/step_wait.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "injector/base/visible_text.h"
#include "injector/record/events.h"

namespace faultline::run {
namespace events = record::events;
namespace {

enum class Confirmation { none, go_on, ended };

/// What standard input says by now: a line, whatever is in it, means to go on.
Confirmation read_answer() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 0) > 0) {
    char byte = 0;
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got == 1 && byte == '\n') return Confirmation::go_on;
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return Confirmation::ended;
  }
  return Confirmation::none;
}

}  // namespace

StepWait::StepWait(const plan::Plan& plan, const RunOptions& options, const Clocks& clocks)
    : quiet_(options.quiet), c_(clocks) {
  if (options.steps) steps_.emplace(plan);
}

std::optional<Ns> StepWait::hold_at() const {
  return steps_ && steps_->next() ? std::optional(steps_->hold_at()) : std::nullopt;
}

void StepWait::hold_next() {
  const auto at = hold_at();
  if (c_.pen) c_.pen->hold_at(at ? std::max<Ns>(*at, 1) : 0);
  c_.journal.hold_at(at);
  if (at) c_.observers.hold(c_.clock.epoch() + *at);
}

void StepWait::ask(const std::string& question) {
  sigset_t background, before;  // from the background a terminal is left as it is, instead of stopping us
  sigemptyset(&background);
  sigaddset(&background, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &background, &before);
  tcflush(STDIN_FILENO, TCIFLUSH);  // what was typed into a terminal before the question does not answer it
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (quiet_)
    print(stderr, shown("{}\n", question));
  else
    c_.display.note(question);
}

void StepWait::keep_still() {
  c_.clock.keep_still(monotonic_now());
  const Ns epoch = c_.clock.epoch();
  c_.journal.set_epoch(epoch);
  c_.observers.wait(epoch);
  c_.display.set_epoch(epoch);
}

std::optional<Stop> StepWait::confirm(const std::function<std::optional<Stop>()>& look_after) {
  const auto at = hold_at();
  if (!at || monotonic_now() < c_.clock.epoch() + *at) return {};
  const auto& faults = steps_->next()->faults;
  const std::string awaited = fmt::format("{}", fmt::join(faults, ", "));
  c_.clock.stop_at(*at);
  keep_still();
  events::hold(c_.journal, faults);
  c_.control.waiting(awaited);
  struct NoLonger {
    Control& control;
    ~NoLonger() { control.waiting(""); }
  } const no_longer{c_.control};
  ask(fmt::format("next: {}. Enter goes on, Ctrl-C heals and ends the run", awaited));
  for (Confirmation answer = read_answer(); answer != Confirmation::go_on; answer = read_answer()) {
    if (answer == Confirmation::ended) {
      keep_still();  // nothing of the step has begun
      return Stop{events::By::user, "nobody confirms the next step: standard input has ended"};
    }
    // Nothing is drawn between an Enter, whose echo moves the cursor, and its being read: what is above the frame, a
    // note perhaps, would be taken for a row of it.
    c_.display.tick();
    const auto stop = c_.stops.await(50 * kMillisecond);
    keep_still();
    if (stop) return stop;
    if (const auto ended = look_after()) return ended;
    if (c_.pen && c_.pen->line_was_stopped()) {  // who stops us here (Ctrl-Z) lifts no fault
      c_.pen->take_lapses();
      c_.pen->resume_line();
    }
  }
  if (isatty(STDIN_FILENO) != 0) c_.display.typed_line();
  keep_still();
  events::go_on(c_.journal, faults, c_.clock.waited());
  steps_->confirm();
  if (c_.pen) c_.pen->arm(c_.clock.epoch());  // first: with the old T0 the time of the next step, too, may have come
  c_.observers.go_on(c_.clock.epoch());
  hold_next();
  return {};
}

}  // namespace faultline::run
