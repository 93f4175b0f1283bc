#include "injector/observe/telemetry/telemetry.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/clock.h"
#include "injector/lab/lab.h"
#include "injector/plan/plan.h"
#include "injector/record/events.h"
#include "injector/site/find.h"
#include "injector/site/masks.h"

namespace faultline::observe {
namespace {

/// Where a target's sockets are now. Throws Failure(cannot_run) when it is not found.
void add_places(std::uint32_t index, const plan::Target& target, const Scene& scene, std::vector<Place>& places) {
  using Where = plan::Target::Where;
  if (target.where == Where::host || target.where == Where::room) {
    for (const auto& host : site::labels_of(scene.plan, target))
      places.push_back({index, scene.lab->host_ns(host).inode(), 0, 0});
    return;
  }
  for (const auto& spot : scene.finder.find(target)) {
    if (!spot.cgroups) places.push_back({index, spot.ns.inode(), 0, 0});
    for (const auto& cgroup : spot.cgroups.value_or(std::vector<site::Cgroup>()))
      places.push_back({index, spot.ns.inode(), cgroup.id, site::levels_of(cgroup)});
  }
}

}  // namespace

Telemetry::Telemetry() = default;
Telemetry::~Telemetry() = default;

void Telemetry::warn(const std::string& what) {
  record::events::warning(*journal_, "telemetry: " + what);
  note_("telemetry: " + what);
}

void Telemetry::attempt(const std::function<void()>& what) noexcept {
  try {
    try {
      what();
    } catch (const std::exception& e) {
      counter_.reset();
      warn(fmt::format("nothing is counted from here on: {}", e.what()));
    }
  } catch (...) {  // not even said: no memory
    counter_.reset();
  }
}

void Telemetry::prepare(const Scene& scene) {
  if (scene.plan.telemetry.empty()) return;
  plan_ = &scene.plan;
  journal_ = &scene.journal;
  clock_ = &scene.clock;
  note_ = scene.note;
  scene.progress("loading the telemetry");
  attempt([&] {
    const auto support = probe_telemetry();
    if (const auto lack = support.lack(); !lack.empty()) warn(lack);
    if (!support.any()) return;
    std::vector<Place> places;
    for (std::uint32_t i = 0; i < plan_->telemetry.size(); i++) {
      const std::string& name = plan_->telemetry[i];
      try {
        add_places(i, *plan_->find_target(name), scene, places);
      } catch (const Failure& failure) {
        warn(fmt::format("target \"{}\" is not counted: {}", name, failure.what()));
      }
    }
    if (!places.empty())
      counter_ =
          std::make_unique<TelemetryCounter>(static_cast<std::uint32_t>(plan_->telemetry.size()), places, support);
  });
}

/// Counts to the run's end, or to where a run in steps stands still.
void Telemetry::count() {
  if (!counter_ || epoch_ == 0) return;
  const Ns end = epoch_ + plan_->duration;
  attempt([&] { counter_->count_in(epoch_, held_ ? std::min(end, *held_) : end); });
}

void Telemetry::begin(Ns epoch) {
  epoch_ = epoch;
  count();
}

void Telemetry::hold(Ns instant) {  // may come before begin()
  held_ = instant;
  count();
}

void Telemetry::go_on(Ns epoch) {
  held_.reset();
  begin(epoch);
}

void Telemetry::healed() noexcept {
  if (counter_) attempt([&] { counter_->count_in(epoch_, 0); });
}

/// Those before `bucket`.
void Telemetry::write_until(std::uint64_t bucket) {
  for (; next_ < bucket; next_++)
    for (std::uint32_t i = 0; i < plan_->telemetry.size(); i++) {
      auto read = counter_->read(i, next_);
      overwritten_ += read.overwritten;
      if (!read.counted) continue;
      read.counted->target = plan_->telemetry[i];
      record::events::telemetry(*journal_, *read.counted);
    }
}

std::optional<Stop> Telemetry::tick(Ns now) {
  if (!counter_ || epoch_ == 0) return {};
  // One that has just ended may still be added to.
  const auto over = clock_->since_t0(now) / TelemetryCounter::kBucket - 1;
  if (over > 0) attempt([&] { write_until(static_cast<std::uint64_t>(over)); });
  return {};
}

void Telemetry::write_all() {
  if (!counter_ || epoch_ == 0) return;
  const Ns last = std::min(clock_->since_t0(monotonic_now()), plan_->duration);
  attempt([&] {
    if (last > 0)
      write_until(static_cast<std::uint64_t>((last + TelemetryCounter::kBucket - 1) / TelemetryCounter::kBucket));
    if (overwritten_ > 0)
      warn(fmt::format("{} spans of 100 ms are incomplete: this process did not run for seconds", overwritten_));
  });
  counter_.reset();
}

void Telemetry::end() { write_all(); }
void Telemetry::take_apart() noexcept { write_all(); }

}  // namespace faultline::observe
