#include "injector/run/guards.h"

#include "injector/record/run_events.h"
#include "injector/record/sighting_events.h"
#include "injector/record/verdict.h"

namespace faultline::run {

Guards::Guards(const plan::Plan& plan, Acted acted) : acted_(std::move(acted)) {
  const auto phases = record::phases(plan);
  for (const auto& guard : plan.guards) {
    Ns start = 0, end = guard.during.empty() ? plan.duration : 0;
    for (const auto& phase : phases)
      if (phase.name == guard.during) {
        start = phase.start;
        end = phase.end;
      }
    if (guard.telemetry || guard.event)
      guards_.push_back({&guard, std::nullopt, record::GuardWindow(guard, start, end)});
    for (std::size_t i = 0; i < plan.probes.size(); i++)
      if (plan.probes[i].name == guard.probe) guards_.push_back({&guard, i, record::GuardWindow(guard, start, end)});
  }
}

void Guards::sample(const probe::Sample& sample) {
  const MutexLock lock(mutex_);
  if (closed_) return;
  for (auto& armed : guards_) {
    if (armed.acted || armed.probe != sample.probe) continue;
    act(armed, armed.window.add(sample));
  }
}

void Guards::counted(const record::events::Telemetry& counted) {
  const MutexLock lock(mutex_);
  if (closed_) return;
  for (auto& armed : guards_) {
    if (armed.acted || armed.guard->telemetry != counted.target) continue;
    act(armed, armed.window.add(counted));
  }
}

void Guards::counted_until(Ns until) {
  const MutexLock lock(mutex_);
  if (closed_) return;
  for (auto& armed : guards_)
    if (!armed.acted && armed.guard->telemetry) act(armed, armed.window.counted_until(until));
}

void Guards::uncounted(const record::events::Uncounted& missing) {
  const MutexLock lock(mutex_);
  for (auto& armed : guards_)
    if (armed.guard->telemetry) armed.window.add(missing);
}

void Guards::seen(const record::events::Seen& seen) {
  const MutexLock lock(mutex_);
  if (closed_) return;
  for (auto& armed : guards_)
    if (!armed.acted && armed.guard->event == seen.name) act(armed, armed.window.add(seen));
}

void Guards::act(Armed& armed, const std::optional<record::GuardTrip>& trip) {
  if (!trip) return;
  armed.acted = true;
  acted_(*armed.guard, *trip);
}

std::vector<std::string> Guards::standings() {
  const MutexLock lock(mutex_);
  std::vector<std::string> all;
  for (const auto& armed : guards_) all.push_back(armed.window.standing());
  return all;
}

void Guards::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
}

}  // namespace faultline::run
