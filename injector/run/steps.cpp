#include "injector/run/steps.h"
#include "injector/base/visible_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "injector/run/session.h"

namespace faultline::run {
namespace events = record::events;
namespace {

enum class Answer { none, go_on, ended };

/// What standard input says by now: a line, whatever is in it, means to go on.
Answer read_answer() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 0) > 0) {
    char byte = 0;
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got == 1 && byte == '\n') return Answer::go_on;
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return Answer::ended;
  }
  return Answer::none;
}

}  // namespace

Steps::Steps(const plan::Plan& plan) {
  std::vector<const plan::Fault*> faults;
  for (const auto& fault : plan.faults) faults.push_back(&fault);
  std::stable_sort(faults.begin(), faults.end(), [](const auto* a, const auto* b) { return a->start < b->start; });
  Ns end = 0;  // of what is in force
  for (const auto* fault : faults) {
    if (all_.empty() || fault->start - kLead >= end) all_.push_back({fault->start, {}});
    all_.back().faults.push_back(fault->name);
    end = std::max(end, fault->end);
  }
}

/// The kernel itself waits for the next step: a run that is late to look cannot miss it.
void Session::hold_next() {
  const Step* step = steps_ ? steps_->next() : nullptr;
  if (pen_) pen_->hold_at(step ? std::max<Ns>(steps_->hold_at(), 1) : 0);
  journal_->hold_at(step ? std::optional(steps_->hold_at()) : std::nullopt);
  if (step)
    for (auto& prober : probers_) prober->hold(epoch_ + steps_->hold_at());
}

void Session::ask(const std::string& question) {
  sigset_t background, before;  // from the background a terminal is left as it is, instead of stopping us
  sigemptyset(&background);
  sigaddset(&background, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &background, &before);
  tcflush(STDIN_FILENO, TCIFLUSH);  // of a terminal: what was typed before the question is no answer to it
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (options_.quiet)
    print(stderr, shown("{}\n", question));
  else
    display_->note(question);
}

void Session::move_clock(Ns epoch) {
  epoch_ = epoch;
  journal_->set_epoch(epoch);
  control_->begin(epoch);
  display_->set_epoch(epoch);
}

/// Waits, once a step is reached, with the run's clock standing still, until it is confirmed. T0 has then moved on by
/// the wait: to the rest of the run, and to the kernel, it is as if it had not been.
std::optional<Stop> Session::confirm_step() {
  const Step* step = steps_ ? steps_->next() : nullptr;
  if (!step || monotonic_now() < epoch_ + steps_->hold_at()) return {};
  const Ns at = steps_->hold_at();
  waits_.emplace_back(epoch_ + at, epoch_ + at);
  const auto stand_still = [&] {
    waits_.back().second = monotonic_now();
    move_clock(waits_.back().second - at);
  };
  stand_still();
  events::hold(*journal_, step->faults);
  control_->waiting(fmt::format("{}", fmt::join(step->faults, ", ")));
  struct NoLonger {
    Control& control;
    ~NoLonger() { control.waiting(""); }
  } const no_longer{*control_};
  ask(fmt::format("next: {}. Enter goes on, Ctrl-C heals and ends the run", fmt::join(step->faults, ", ")));
  for (Answer answer = read_answer(); answer != Answer::go_on; answer = read_answer()) {
    if (answer == Answer::ended) {
      stand_still();  // nothing of the step has begun
      return Stop{events::By::user, "nobody confirms the next step: standard input has ended"};
    }
    // Nothing is drawn between an Enter, whose echo moves the cursor, and its being read: what is above the frame, a
    // note perhaps, would be taken for a row of it.
    display_->tick();
    const auto stop = stops_.await(50 * kMillisecond);
    stand_still();
    if (stop) return stop;
    if (const auto ended = look_after()) return ended;
    if (pen_ && pen_->line_was_stopped()) {  // who stops us here (Ctrl-Z) lifts no fault
      pen_->take_lapses();
      pen_->resume_line();
    }
  }
  if (isatty(STDIN_FILENO) != 0) display_->typed_line();
  stand_still();
  events::go_on(*journal_, step->faults, waits_.back().second - waits_.back().first);
  steps_->confirm();
  if (pen_) pen_->arm(epoch_);  // first: with the old T0 the time of the next step, too, may have come
  for (auto& prober : probers_) prober->go_on(epoch_);
  hold_next();
  return {};
}

}  // namespace faultline::run
