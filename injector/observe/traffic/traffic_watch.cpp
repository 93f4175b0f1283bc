#include "injector/observe/traffic/traffic_watch.h"

#include <algorithm>

#include "injector/pen/pen.h"
#include "injector/plan/plan.h"
#include "injector/record/events.h"

namespace faultline::observe {

void TrafficWatch::prepare(const Scene& scene) {
  plan_ = &scene.plan;
  journal_ = &scene.journal;
  clock_ = &scene.clock;
  for (std::size_t i = 0; i < plan_->faults.size(); i++) {
    const auto& fault = plan_->faults[i];
    const auto& all = plan_->hypotheses;
    if (std::any_of(all.begin(), all.end(),
                    [&](const plan::Hypothesis& h) { return h.detects_within && !h.event && h.during == fault.name; }))
      watched_.push_back({i, fault.start});
  }
}

/// What was matched since the last look. None is written down as well: somebody looked, and there was none.
void TrafficWatch::read(Watched& watched, Ns until) {
  const plan::Fault& fault = plan_->faults[watched.fault];
  const std::uint64_t met = pen_->packets_met(static_cast<std::uint32_t>(watched.fault));
  record::events::traffic(*journal_, {fault.name, watched.from, until, met - watched.met});
  watched.met = met;
  watched.from = until;
}

std::optional<Stop> TrafficWatch::tick(Ns now) {
  look(now);
  return {};
}

/// The faults are off: what they met since the last look they met before that.
void TrafficWatch::end() { look(monotonic_now()); }

void TrafficWatch::look(Ns now) {
  if (pen_ == nullptr || !clock_->has_begun()) return;
  const Ns t = std::min(clock_->since_t0(now), plan_->duration);
  for (auto& watched : watched_) {
    const Ns until = std::min(t, plan_->faults[watched.fault].end);
    if (until > watched.from) read(watched, until);
  }
}

}  // namespace faultline::observe
