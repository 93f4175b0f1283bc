#include "injector/record/contention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/record/hypothesis.h"
#include "injector/record/recording.h"

namespace faultline::record {

std::string Waiting::text() const {
  const auto tenths = [](Ns time) { return std::round(seconds(time) * 10) / 10; };  // a window may be half a second
  return fmt::format("in {:g} s of {:g} s {} waited for a CPU a tenth of the time or more, {:.0f}% at the worst",
                     tenths(busy), tenths(looked), programs ? "a program of this run" : "Faultline", worst * 100);
}

double share_waited(const CpuWaits& waits, Ns length) {
  return length <= 0 ? 0 : std::min(1.0, static_cast<double>(waits.longest) / static_cast<double>(length));
}

std::optional<Waiting> waiting_in(const Recording& r, Ns from, Ns to) {
  std::vector<const events::Contention*> within;
  bool programs = false;
  for (const auto& one : r.contention) {
    if (one.from >= to || one.from + one.length <= from) continue;
    within.push_back(&one);
    programs |= one.programs.turns > 0;
  }
  if (within.empty()) return {};
  Waiting waiting{programs};
  for (const auto* one : within) {
    const double share = share_waited(programs ? one->programs : one->own, one->length);
    const Ns length = std::min(one->from + one->length, to) - std::max(one->from, from);
    waiting.looked += length;
    if (share >= kBusy) waiting.busy += length;
    waiting.worst = std::max(waiting.worst, share);
  }
  return waiting;
}

std::optional<std::string> busy_warning(const Recording& r, const std::vector<Judgement>& judgements) {
  const Judgement* first = nullptr;
  std::optional<Waiting> worst;
  std::size_t others = 0;
  for (const auto& one : judgements) {
    if (one.held != false || one.expected_to_fail || !one.start || !one.end) continue;
    const auto waiting = waiting_in(r, *one.start, *one.end);
    if (!waiting || !waiting->matters()) continue;
    if (first == nullptr)
      first = &one;
    else
      others++;
    if (!worst || waiting->worst > worst->worst) worst = waiting;
  }
  if (first == nullptr) return {};
  return fmt::format(
      "this machine was busy: while \"{}\"{} broke, {}. The machine may be what broke it: play it again on a quieter "
      "one",
      first->name, others == 0 ? "" : fmt::format(" (and {} more)", others), worst->text());
}

}  // namespace faultline::record
