#include "injector/run/telling.h"

#include "injector/base/error.h"
#include "injector/record/events.h"

namespace faultline::run {
namespace events = record::events;

void Telling::step(const std::string& what) {
  if (const auto stop = stops_.take()) throw Failure(Exit::aborted, stop->reason);
  wait_to_tell(kEvery);
  events::step(journal_, what);
  control_.preparing(what);
  display_.step(what);
}

void Telling::advance(const std::string& what) {
  if (monotonic_now() >= next_told_) return step(what);
  if (const auto stop = stops_.take()) throw Failure(Exit::aborted, stop->reason);
}

void Telling::take_apart(const std::string& what, const observe::RunClock& clock) {
  if (monotonic_now() < next_told_) return;
  wait_to_tell(2 * kEvery);
  control_.preparing(what);
  if (!clock.has_begun()) return display_.step(what);
  display_.note(what);
  display_.tick();
}

void Telling::wait_to_tell(Ns length) { next_told_ = monotonic_now() + length; }

void Telling::warn(const std::string& text) {
  events::warning(journal_, text);
  display_.note(text);
}

void Telling::remark(record::Remark remark) {
  if (const auto text = remarks_.add(std::move(remark), monotonic_now())) display_.note(*text);
}

void Telling::tell_due(bool end) {
  for (const auto& text : remarks_.due(monotonic_now(), end)) display_.note(text);
}

}  // namespace faultline::run
