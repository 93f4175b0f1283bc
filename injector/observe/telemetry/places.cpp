#include "injector/observe/telemetry/places.h"

#include <chrono>
#include <utility>

#include "injector/base/clock.h"
#include "injector/lab/lab.h"
#include "injector/plan/subjects.h"
#include "injector/site/find.h"
#include "injector/site/masks.h"

namespace faultline::observe {
namespace {

/// All processes are looked at, or a container runtime is asked.
bool is_costly_to_find(const plan::Target& target) {
  using Where = plan::Target::Where;
  return target.where == Where::process || target.where == Where::container || target.where == Where::pod;
}

}  // namespace

/// Where a target's sockets are now. Throws Failure(cannot_run) when it is not found.
std::set<Place> TelemetryPlaces::find(std::uint32_t index, const plan::Target& target) const {
  using Where = plan::Target::Where;
  std::set<Place> places;
  if (target.where == Where::host || target.where == Where::room) {
    for (const auto& host : site::labels_of(plan_, target)) places.insert({index, lab_->host_ns(host).inode(), 0, 0});
    return places;
  }
  for (const auto& spot : finder_.find(target)) {
    if (!spot.cgroups) places.insert({index, spot.ns.inode(), 0, 0});
    for (const auto& cgroup : spot.cgroups.value_or(std::vector<site::Cgroup>()))
      places.insert({index, spot.ns.inode(), cgroup.id, site::levels_of(cgroup)});
  }
  return places;
}

TelemetryPlaces::TelemetryPlaces(const plan::Plan& plan, const site::Finder& finder, const lab::Lab* lab)
    : plan_(plan), finder_(finder), lab_(lab) {
  const MutexLock lock(mutex_);
  for (std::uint32_t i = 0; i < plan.telemetry.size(); i++) {
    const plan::Target& target = *plan.find_target(plan.telemetry[i]);
    std::optional<Ns> seen;
    try {
      places_[i] = find(i, target);
      seen = monotonic_now();
    } catch (const Failure& failure) {
      missing_[target.name] = failure.what();
    }
    if (plan::comes_and_goes(target.where)) followed_.push_back({i, &target, places_[i], seen, monotonic_now()});
  }
}

std::set<Place> TelemetryPlaces::all() const {
  const MutexLock lock(mutex_);
  std::set<Place> all;
  for (const auto& [target, places] : places_) all.insert(places.begin(), places.end());
  return all;
}

void TelemetryPlaces::follow() {
  if (followed_.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& done) {
    while (!done.stop_requested()) {
      for (auto& one : followed_) look(one);
      MutexLock lock(mutex_);
      wake_.wait_for(lock, done, std::chrono::nanoseconds(kLookEvery), [] { return false; });
    }
  });
}

void TelemetryPlaces::look(Followed& followed) {
  const Ns now = monotonic_now();
  if (is_costly_to_find(*followed.target) && now - followed.last_sought < kSeekEvery) return;
  followed.last_sought = now;
  std::set<Place> found;
  try {
    found = find(followed.index, *followed.target);
  } catch (const std::exception&) {  // gone: it may come back
    return;
  }
  if (found.empty()) return;
  if (found != followed.places) {
    const MutexLock lock(mutex_);
    places_[followed.index] = found;
    moved_.push_back({followed.target->name, followed.last_seen});
    followed.places = std::move(found);
  }
  followed.last_seen = now;
}

std::vector<TelemetryPlaces::Moved> TelemetryPlaces::take_moved() {
  const MutexLock lock(mutex_);
  return std::exchange(moved_, {});
}

}  // namespace faultline::observe
