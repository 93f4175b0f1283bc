#include "injector/record/contention.h"

#include <fmt/format.h>

#include "injector/base/text.h"
#include "injector/record/hypothesis.h"
#include "injector/record/recording.h"

namespace faultline::record {
namespace {

constexpr std::uint64_t kFew = 50;  // turns, of which an average says little

}  // namespace

std::string Waiting::text() const {
  return fmt::format("{} waited {} for a CPU each time, on average", who, short_duration(waits.mean()));
}

std::optional<Waiting> waiting_in(const Recording& r, Ns from, Ns to) {
  CpuWaits own, programs;
  for (const auto& one : r.contention) {
    if (one.from >= to || one.from + one.length <= from) continue;
    own.add(one.own);
    programs.add(one.programs);
  }
  if (programs.turns >= kFew) return Waiting{"the programs of this run", programs};
  if (own.turns >= kFew) return Waiting{"Faultline", own};
  return {};
}

std::optional<std::string> busy_warning(const Recording& r, const std::vector<Judgement>& judgements) {
  const Judgement* first = nullptr;
  std::optional<Waiting> worst;
  std::size_t others = 0;
  for (const auto& one : judgements) {
    if (one.held != false || !one.start || !one.end) continue;
    const auto waiting = waiting_in(r, *one.start, *one.end);
    if (!waiting || !waiting->busy()) continue;
    if (first == nullptr)
      first = &one;
    else
      others++;
    if (!worst || waiting->waits.mean() > worst->waits.mean()) worst = waiting;
  }
  if (first == nullptr) return {};
  return fmt::format(
      "this machine was busy: while \"{}\"{} broke, {}. The machine may be what broke it: play it again on a quieter "
      "one",
      first->name, others == 0 ? "" : fmt::format(" (and {} more)", others), worst->text());
}

}  // namespace faultline::record
