// The middle of a run: from arming to healing. The kernel plays the score; this only looks, and ends it early when it
// must.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/base/error.h"
#include "injector/run/session.h"

namespace faultline::run {
namespace events = record::events;
namespace {

constexpr Ns kLeadTime = 50 * kMillisecond;  // from arming to T0: threads are under way by then
constexpr Ns kBeforehand = 30 * kMillisecond;

/// Just before each fault begins and as soon as it ends: what came between a packet and the fault before or after that
/// must not look as if it had been there during it.
std::vector<Ns> edges_of(const plan::Plan& plan) {
  std::set<Ns> edges;
  for (const auto& fault : plan.faults) {
    edges.insert(fault.start - kBeforehand);
    edges.insert(fault.end);
  }
  return {edges.begin(), edges.end()};
}

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
  edges_ = edges_of(plan_);
  hold_next();
  const bool holds_before_t0 = steps_ && steps_->next() && steps_->hold_at() <= 0;
  if (pen_ && !holds_before_t0) pen_->arm(epoch_);
  for (auto& prober : probers_) prober->start(epoch_, plan_.duration);
  events::t0(*journal_, epoch_, wall + (epoch_ - now));
  tell_refusal();
  control_->begin(epoch_);
  display_->begin(epoch_);
  const auto stop = watch(urgent);
  inspect(pen::Pen::Look::last);
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
    if (edge_ < edges_.size()) until = std::min(until, epoch_ + edges_[edge_]);
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
  const bool at_edge = edge_ < edges_.size() && now >= epoch_ + edges_[edge_];
  while (edge_ < edges_.size() && now >= epoch_ + edges_[edge_]) edge_++;
  if (at_edge || now >= next_inspection_) {
    next_inspection_ = now + 90 * kMillisecond;  // somewhat less than between two of our rounds
    inspect(at_edge ? pen::Pen::Look::all : pen::Pen::Look::in_turn);
  }
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

/// What packets may go by the faults, is written down and said at once.
void Session::inspect(pen::Pen::Look look) {
  if (!pen_) return;
  for (const auto& escape : pen_->inspect(look)) {
    record::Escape told{escape.site, escape.device, escape.hook, escape.why};
    told.from = escape.from == 0 ? 0 : std::max<Ns>(0, since_t0(escape.from));
    if (escape.until) told.until = since_t0(*escape.until);
    told.packets = escape.packets;
    told.bytes = escape.bytes;
    told.bounded = escape.bounded;
    for (const auto fault : escape.faults)
      if (fault < plan_.faults.size()) told.faults.push_back(plan_.faults[fault].name);
    if (told.faults.empty()) continue;  // a standing condition of the lab alone
    events::escape(*journal_, told);
    if (look != pen::Pen::Look::last) display_->note(record::escape_text(told));
  }
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
