#include "injector/observe/telemetry/places.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "injector/base/clock.h"
#include "injector/lab/lab.h"
#include "injector/plan/subjects.h"
#include "injector/site/find.h"
#include "injector/site/masks.h"

namespace faultline::observe {

/// Where a target's sockets are now. Throws Failure(cannot_run) when it is not found.
std::set<Place> TelemetryPlaces::find(Followed& followed) const {
  using Where = plan::Target::Where;
  const plan::Target& target = *followed.target;
  const std::uint32_t index = followed.index;
  std::set<Place> places;
  if (target.where == Where::host || target.where == Where::room) {
    for (const auto& host : site::labels_of(plan_, target)) places.insert({index, lab_->host_ns(host).inode(), 0, 0});
    return places;
  }
  const auto spots = finder_.find(target);
  for (const auto& spot : spots) {
    if (!spot.cgroups) places.insert({index, spot.ns.inode(), 0, 0});
    for (const auto& cgroup : spot.cgroups.value_or(std::vector<site::Cgroup>()))
      places.insert({index, spot.ns.inode(), cgroup.id, site::levels_of(cgroup)});
  }
  // Of a group that nobody is in yet the namespaces are not known: it is sought again until somebody is.
  followed.whereabouts = site::Whereabouts::of(spots);
  followed.settled = followed.whereabouts.hold_of(target, finder_);
  return places;
}

TelemetryPlaces::TelemetryPlaces(const plan::Plan& plan, const site::Finder& finder, const lab::Lab* lab)
    : plan_(plan), finder_(finder), lab_(lab) {
  const MutexLock lock(mutex_);
  for (std::uint32_t i = 0; i < plan.telemetry.size(); i++) {
    Followed one{i, plan.find_target(plan.telemetry[i])};
    one.last_sought = monotonic_now();
    try {
      places_[i] = one.places = find(one);
      one.last_seen = monotonic_now();
    } catch (const Failure& failure) {
      missing_[one.target->name] = failure.what();
    }
    if (plan::comes_and_goes(one.target->where)) followed_.push_back(std::move(one));
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
      wake_.wait_for(lock, done, std::chrono::nanoseconds(site::kLookEvery), [] { return false; });
    }
  });
}

void TelemetryPlaces::look(Followed& followed) {
  const Ns now = monotonic_now();
  if (followed.settled && followed.whereabouts.hold_of(*followed.target, finder_)) {
    followed.last_seen = now;
    // A group may come to be in one namespace more.
    constexpr Ns kLookAnew = 2 * kSecond;
    if (now - followed.last_sought < kLookAnew) return;
  }
  if (site::is_costly_to_seek(*followed.target) && now - followed.last_sought < site::kSeekEvery) return;
  followed.last_sought = now;
  std::set<Place> found;
  try {
    found = find(followed);
  } catch (const std::exception&) {  // gone: it may come back
    return;
  }
  if (found.empty()) return;
  if (found != followed.places) {
    const MutexLock lock(mutex_);
    places_[followed.index] = found;
    changes_.any = true;
    if (gains(followed.places, found)) changes_.moved.push_back({followed.target->name, followed.last_seen});
    followed.places = std::move(found);
  }
  followed.last_seen = now;
}

TelemetryPlaces::Changes TelemetryPlaces::take_changes() {
  const MutexLock lock(mutex_);
  return std::exchange(changes_, {});
}

bool gains(const std::set<Place>& before, const std::set<Place>& now) {
  return !std::includes(before.begin(), before.end(), now.begin(), now.end());
}

}  // namespace faultline::observe
