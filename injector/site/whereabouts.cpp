#include "injector/site/whereabouts.h"

#include <algorithm>
#include <string>

namespace faultline::site {

Whereabouts Whereabouts::of(const std::vector<Spot>& spots) {
  Whereabouts found;
  for (const auto& spot : spots) {
    if (!spot.path.empty()) found.namespaces.emplace_back(spot.path, spot.ns.inode());
    if (!spot.cgroups) continue;
    for (const auto& cgroup : *spot.cgroups)
      if (std::find(found.cgroups.begin(), found.cgroups.end(), cgroup) == found.cgroups.end())
        found.cgroups.push_back(cgroup);
  }
  return found;
}

bool Whereabouts::hold(const Finder& finder) const {
  for (const auto& [path, inode] : namespaces)
    if (NetNs::inode_of(path) != inode) return false;
  return std::all_of(cgroups.begin(), cgroups.end(), [&](const Cgroup& c) { return finder.still_there(c); });
}

bool Whereabouts::hold_of(const plan::Target& target, const Finder& finder) const {
  if (target.where == plan::Target::Where::process) return false;
  if (target.where == plan::Target::Where::pid &&
      !finder.processes().find(static_cast<pid_t>(std::stol(target.subject))))
    return false;
  return hold(finder);
}

bool Whereabouts::same_spaces(const Whereabouts& other) const {
  return std::equal(namespaces.begin(), namespaces.end(), other.namespaces.begin(), other.namespaces.end(),
                    [](const auto& a, const auto& b) { return a.second == b.second; });
}

bool is_costly_to_seek(const plan::Target& target) {
  using Where = plan::Target::Where;
  return target.where == Where::process || target.where == Where::container || target.where == Where::pod;
}

}  // namespace faultline::site
