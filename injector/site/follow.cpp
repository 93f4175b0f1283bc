#include "injector/site/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>

#include "injector/plan/subjects.h"
#include "injector/site/devices.h"

namespace faultline::site {
namespace {

bool has_rules(const auto& home, const std::string& target) {
  return std::any_of(home.rules.begin(), home.rules.end(), [&](const Rule& r) { return r.target == target; });
}

}  // namespace

Follower::Follower(const plan::Plan& plan, const Finder& finder, const std::vector<Site>& sites, Effects effects)
    : finder_(finder), effects_(std::move(effects)) {
  std::set<std::string> targets;
  for (const auto& site : sites) {
    homes_.push_back({site.name, site.ns.inode(), site.devices, site.every_device, site.rules});
    for (const auto& rule : site.rules) targets.insert(rule.target);
  }
  for (const auto& name : targets) {
    const plan::Target* target = plan.find_target(name);
    if (target == nullptr || !plan::comes_and_goes(target->where)) continue;
    Followed followed{target, {}, true, monotonic_now()};
    try {
      followed.whereabouts = Whereabouts::of(finder_.find(*target));
    } catch (const Failure&) {  // gone again: the first look says so
      followed.whereabouts.namespaces.emplace_back("", 1);
    }
    // What its rules say goes before what it is by now: the first look finds out what has changed since.
    std::vector<Cgroup> cgroups;
    for (const auto& home : homes_)
      for (const auto& rule : home.rules)
        if (rule.target == name && rule.match.cgroups)
          for (const auto& cgroup : *rule.match.cgroups) cgroups.push_back(cgroup);
    if (!cgroups.empty()) followed.whereabouts.cgroups = std::move(cgroups);
    all_.push_back(std::move(followed));
  }
}

void Follower::start() {
  if (all_.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& done) {
    MutexLock lock(mutex_);
    while (!wake_.wait_for(lock, done, std::chrono::nanoseconds(kLookEvery), [] { return false; }) &&
           !done.stop_requested()) {
      lock.unlock();
      look();
      lock.lock();
    }
  });
}

Follower::~Follower() = default;

std::vector<News> Follower::take_news() {
  const MutexLock lock(mutex_);
  return std::exchange(news_, {});
}

void Follower::look() {
  for (auto& followed : all_) {
    try {
      look_at(followed);
    } catch (const std::exception& e) {  // of the system: out of descriptors, say
      if (std::exchange(followed.there, false)) tell(followed, "lost", e.what());
    }
  }
}

void Follower::look_at(Followed& followed) {
  const Ns now = monotonic_now();
  const bool unchanged = followed.there && followed.whereabouts.hold_of(*followed.target, finder_);
  if (unchanged) followed.last_seen = now;
  if (now < followed.not_before ||
      (is_costly_to_seek(*followed.target) && !unchanged && now - followed.last_sought < kSeekEvery))
    return;
  if (unchanged) return;
  followed.last_sought = now;
  std::vector<Spot> spots;
  Whereabouts found;
  const Whereabouts& before = followed.whereabouts;
  try {
    spots = finder_.find(*followed.target);
    found = Whereabouts::of(spots);
    // One more namespace does not mean that a group has moved: a process in it may look around elsewhere.
    const bool same = found.cgroups == before.cgroups &&
                      (found.same_spaces(before) || (!found.cgroups.empty() && is_at_home(followed, spots)));
    followed.last_seen = same && followed.there ? now : take_over(followed, spots);
  } catch (const NotThere& failure) {
    if (now - followed.last_seen < kGoneAfter) return;  // it may be on its way back
    if (std::exchange(followed.there, false)) tell(followed, "gone", failure.what());
    return;
  } catch (const std::exception& failure) {
    if (spots.empty() && followed.there && before.cgroups.empty() && before.hold(finder_)) {
      followed.last_seen = now;  // somebody else looks around in its namespace, which is its own nonetheless
      return;
    }
    if (now - followed.last_seen < kGoneAfter) return;  // not all of it may be there yet
    followed.not_before = now + kTryEvery;
    if (std::exchange(followed.there, false))
      tell(followed, "lost", fmt::format("{}. Its rules stay where they were", failure.what()));
    return;
  }
  followed.whereabouts = std::move(found);
  followed.there = true;
}

/// Returns when it was done.
Ns Follower::take_over(Followed& followed, const std::vector<Spot>& spots) {
  for (const auto& spot : spots)
    if (!is_placed(followed, spot)) move(home_to_move(followed, spots, spot), followed, spot);
  const Ns now = monotonic_now();
  tell(followed, "replaced",
       fmt::format("{} was replaced; its traffic was not faulted for up to {} ms", spots.front().label,
                   (now - followed.last_seen) / kMillisecond),
       std::pair{followed.last_seen, now});
  return now;
}

/// Whether it is still wherever rules of it are in force.
bool Follower::is_at_home(const Followed& followed, const std::vector<Spot>& spots) const {
  return std::all_of(homes_.begin(), homes_.end(), [&](const Home& home) {
    return !has_rules(home, followed.target->name) ||
           std::any_of(spots.begin(), spots.end(), [&](const Spot& s) { return s.ns.inode() == home.ns; });
  });
}

/// Whether it is where rules of it are in force; they are about its cgroups of now from here on.
bool Follower::is_placed(const Followed& followed, const Spot& spot) {
  bool placed = false;
  for (std::size_t i = 0; i < homes_.size(); i++) {
    if (homes_[i].ns != spot.ns.inode()) continue;
    bool changed = false;
    auto rules = homes_[i].rules;
    for (auto& rule : rules) {
      if (rule.target != followed.target->name || rule.match.cgroups.has_value() != spot.cgroups.has_value()) continue;
      placed = true;
      changed |= rule.match.cgroups != spot.cgroups;
      rule.match.cgroups = spot.cgroups;
    }
    if (changed && effects_.set_cgroups) effects_.set_cgroups(i, rules);
    homes_[i].rules = std::move(rules);  // the selector has been told: if it could not be, the next look tries again
  }
  return placed;
}

/// The site that `to` replaces: the target has left it.
std::size_t Follower::home_to_move(const Followed& followed, const std::vector<Spot>& spots, const Spot& to) const {
  for (const auto& home : homes_)
    if (home.ns == to.ns.inode())
      throw Failure(
          Exit::cannot_run,
          fmt::format("{} is now in the network namespace of {}, which has faults of its own", to.label, home.name));
  if (to.cgroups &&
      std::none_of(to.cgroups->begin(), to.cgroups->end(), [&](const Cgroup& c) { return finder_.still_there(c); }))
    throw NotThere(fmt::format("there is no process in {}", to.label));
  for (std::size_t i = 0; i < homes_.size(); i++) {
    if (has_rules(homes_[i], followed.target->name) &&
        std::none_of(spots.begin(), spots.end(), [&](const Spot& s) { return s.ns.inode() == homes_[i].ns; }))
      return i;
  }
  throw Failure(Exit::cannot_run, fmt::format("{} is in one more network namespace than at the start", to.label));
}

/// All of a site moves, so all of its targets must be there.
void Follower::move(std::size_t index, const Followed& followed, const Spot& to) {
  Home home = homes_[index];
  home.ns = to.ns.inode();
  Site place{home.name, to.ns.duplicate(), {}, {}};
  place.every_device = home.every_device;
  {
    Inside inside(to.ns);
    if (home.every_device) place.devices = l3_devices();
    for (auto& device : home.devices) {
      if (std::none_of(home.rules.begin(), home.rules.end(),
                       [&](const Rule& r) { return r.match.device == device.index; }))
        continue;
      auto found = l3_devices(device.name);
      if (found.empty()) throw NotThere(fmt::format("there is no device {} where {} is now", device.name, to.label));
      for (auto& rule : home.rules)
        if (rule.match.device == device.index)
          rule.match.device = -found.front().index;  // negative: not to be taken for an old one
      if (!home.every_device) place.devices.push_back(std::move(found.front()));
    }
  }
  std::map<std::string, Spot> spots;
  for (auto& rule : home.rules) {
    rule.match.device = std::abs(rule.match.device);
    const Spot* spot = &to;
    if (rule.target != followed.target->name) {
      const auto target =
          std::find_if(all_.begin(), all_.end(), [&](const Followed& f) { return f.target->name == rule.target; });
      if (target == all_.end())
        throw Failure(Exit::cannot_run,
                      fmt::format("{} has a fault that is on something else, too, and does not move", home.name));
      auto known = spots.find(rule.target);
      if (known == spots.end())
        for (auto& one : finder_.find(*target->target))
          if (one.ns.inode() == home.ns) known = spots.emplace(rule.target, std::move(one)).first;
      if (known == spots.end())
        throw Failure(Exit::cannot_run,
                      fmt::format("{} is in another network namespace than target {}, with which it shared one",
                                  to.label, rule.target));
      spot = &known->second;
    }
    rule.match.cgroups = spot->cgroups;
    if (!spot->cgroups && home.ns == initial_namespace())
      throw Failure(Exit::cannot_run, fmt::format("{} is now in this machine's initial network namespace: a fault on "
                                                  "all of it would cut off whoever operates this machine",
                                                  to.label));
  }
  home.devices = place.devices;
  place.rules = home.rules;
  effects_.move(index, std::move(place));
  homes_[index] = std::move(home);
}

void Follower::tell(const Followed& followed, const std::string& what, const std::string& text,
                    std::optional<std::pair<Ns, Ns>> gap) {
  const bool aborts = followed.target->if_gone == plan::Target::IfGone::abort && what != "replaced";
  const MutexLock lock(mutex_);
  news_.push_back({followed.target->name, what, text, aborts, gap});
}

}  // namespace faultline::site
