// Where a target was found, kept so that whether it is still there can be asked again and again: that takes a look at a
// file or two. To find it anew may take a walk over all processes, or the answer of a container runtime.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "injector/site/find.h"

namespace faultline::site {

struct Whereabouts {
  std::vector<Cgroup> cgroups = {};                                    ///< each once
  std::vector<std::pair<std::string, std::uint64_t>> namespaces = {};  ///< by which path, and which it was

  static Whereabouts of(const std::vector<Spot>& spots);
  /// Whether all of it is what it was, and somebody in its groups.
  bool hold(const Finder& finder) const;
  /// The same of a target that was found there. Of some this is never sure: a name may stand for more processes by now.
  bool hold_of(const plan::Target& target, const Finder& finder) const;
  bool same_spaces(const Whereabouts& other) const;
};

constexpr Ns kLookEvery = 200 * kMillisecond;  ///< whether a target is still there
constexpr Ns kSeekEvery = 400 * kMillisecond;  ///< for one that is_costly_to_seek(), where it may be instead

/// All processes are looked at, or a container runtime is asked.
bool is_costly_to_seek(const plan::Target& target);

}  // namespace faultline::site
