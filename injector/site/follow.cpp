#include "injector/site/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "injector/plan/subjects.h"

namespace faultline::site {
namespace {

void remember(const std::vector<Spot>& spots, std::vector<Cgroup>& cgroups, std::vector<std::pair<std::string, std::uint64_t>>& namespaces) {
  cgroups.clear();
  namespaces.clear();
  for (const auto& spot : spots) {
    if (!spot.path.empty()) namespaces.emplace_back(spot.path, spot.ns.inode());
    if (spot.cgroups)
      for (const auto& cgroup : *spot.cgroups)
        if (std::find(cgroups.begin(), cgroups.end(), cgroup) == cgroups.end()) cgroups.push_back(cgroup);
  }
}

}  // namespace

Follower::Follower(const plan::Plan& plan, const Finder& finder, const std::vector<Site>& sites, Apply apply) : finder_(finder), apply_(std::move(apply)) {
  std::set<std::string> targets;
  for (const auto& site : sites) {
    Home home{site.ns.inode(), {}};
    for (const auto& rule : site.rules) {
      Rule own{rule.fault, rule.link, {}, rule.target};
      own.match.cgroups = rule.match.cgroups;
      home.rules.push_back(std::move(own));
      targets.insert(rule.target);
    }
    homes_.push_back(std::move(home));
  }
  for (const auto& name : targets) {
    const plan::Target* target = plan.find_target(name);
    if (target == nullptr || !plan::comes_and_goes(target->where)) continue;
    // What it is now is what its rules say; the first look finds out what has changed since.
    Followed followed{target, {}, {}, true, monotonic_now(), 0};
    for (const auto& home : homes_)
      for (const auto& rule : home.rules)
        if (rule.target == name && rule.match.cgroups)
          for (const auto& cgroup : *rule.match.cgroups) followed.cgroups.push_back(cgroup);
    if (followed.cgroups.empty()) {
      try {
        const auto spots = finder_.find(*target);
        remember(spots, followed.cgroups, followed.namespaces);
      } catch (const Failure&) {  // gone again: the first look says so
        followed.namespaces.emplace_back("", 1);
      }
    }
    all_.push_back(std::move(followed));
  }
}

void Follower::start() {
  if (all_.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& done) {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, done, std::chrono::nanoseconds(kLookEvery), [] { return false; }) && !done.stop_requested()) {
      lock.unlock();
      look();
      lock.lock();
    }
  });
}

Follower::~Follower() = default;

std::vector<News> Follower::take_news() {
  const std::lock_guard lock(mutex_);
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

bool Follower::is_unchanged(const Followed& followed) const {
  // A name may stand for more processes by now than it did.
  if (followed.target->where == plan::Target::Where::process) return false;
  if (followed.target->where == plan::Target::Where::pid && !finder_.processes().find(static_cast<pid_t>(std::stol(followed.target->subject)))) return false;
  for (const auto& [path, inode] : followed.namespaces)
    if (NetNs::inode_of(path) != inode) return false;
  return std::all_of(followed.cgroups.begin(), followed.cgroups.end(), [&](const Cgroup& c) { return finder_.still_there(c); });
}

bool Follower::is_costly_to_seek(const Followed& followed) const {
  const auto where = followed.target->where;
  return where == plan::Target::Where::process || where == plan::Target::Where::container;
}

void Follower::look_at(Followed& followed) {
  if (is_costly_to_seek(followed) && monotonic_now() - followed.last_sought < kSeekEvery && (!followed.there || !is_unchanged(followed))) return;
  if (followed.there && is_unchanged(followed)) {
    followed.last_seen = monotonic_now();
    return;
  }
  followed.last_sought = monotonic_now();
  std::vector<Spot> spots;
  try {
    spots = finder_.find(*followed.target);
  } catch (const NotThere& failure) {
    if (monotonic_now() - followed.last_seen < kGoneAfter) return;  // it may be on its way back
    if (std::exchange(followed.there, false)) tell(followed, "gone", failure.what());
    return;
  } catch (const Failure& failure) {
    if (std::exchange(followed.there, false)) tell(followed, "lost", failure.what());
    return;
  }
  std::vector<Cgroup> cgroups;
  std::vector<std::pair<std::string, std::uint64_t>> namespaces;
  remember(spots, cgroups, namespaces);
  const bool same_spaces = std::equal(namespaces.begin(), namespaces.end(), followed.namespaces.begin(), followed.namespaces.end(),
                                      [](const auto& a, const auto& b) { return a.second == b.second; });
  const bool same = cgroups == followed.cgroups && (same_spaces || !cgroups.empty());
  if (!same || !followed.there) take_over(followed, spots);
  followed.cgroups = std::move(cgroups);
  followed.namespaces = std::move(namespaces);
  followed.there = true;
  followed.last_seen = monotonic_now();
}

void Follower::take_over(Followed& followed, const std::vector<Spot>& spots) {
  std::string unreached;
  for (const auto& spot : spots) {
    bool placed = false;
    for (std::size_t i = 0; i < homes_.size(); i++) {
      if (homes_[i].ns != spot.ns.inode()) continue;
      bool changed = false;
      for (auto& rule : homes_[i].rules) {
        if (rule.target != followed.target->name || rule.match.cgroups.has_value() != spot.cgroups.has_value()) continue;
        placed = true;
        changed |= rule.match.cgroups != spot.cgroups;
        rule.match.cgroups = spot.cgroups;
      }
      if (changed && apply_) apply_(i, homes_[i].rules);
    }
    if (!placed) unreached = spot.label;
  }
  const auto gap = (monotonic_now() - followed.last_seen) / kMillisecond;
  if (!unreached.empty())
    tell(followed, "lost", fmt::format("{} is in another network namespace than before: its traffic is not faulted any more", unreached));
  else
    tell(followed, "replaced", fmt::format("{} was replaced; its traffic was not faulted for up to {} ms", spots.front().label, gap));
}

void Follower::tell(const Followed& followed, const std::string& what, const std::string& text) {
  const bool aborts = followed.target->if_gone == plan::Target::IfGone::abort && what != "replaced";
  const std::lock_guard lock(mutex_);
  news_.push_back({followed.target->name, what, text, aborts});
}

}  // namespace faultline::site
