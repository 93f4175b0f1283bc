// Two network namespaces joined by a veth, as a plan sees them: `here` (10.7.0.1, fd07::1) is the target, `there`
// (10.7.0.2, fd07::2) its peer. They have no names: a plan reaches one by the path of our descriptor, and they vanish with
// this process, whatever becomes of the test.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <set>
#include <string>

#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"

namespace faultline::test {

inline std::set<std::string> device_names(const NetNs& ns) {
  const Inside in(ns);
  std::set<std::string> names;
  for (const auto& device : list_devices()) names.insert(device.name);
  return names;
}

struct TwoNamespaces {
  enum class Family { both, v6_only };

  /// Not joined yet: see join().
  struct Apart {};
  explicit TwoNamespaces(Apart) {}
  explicit TwoNamespaces(Family family = Family::both, unsigned mtu = 1500) { join(family, mtu); }

  void join(Family family = Family::both, unsigned mtu = 1500) {
    add_veth({"eth0", &here, mtu}, {"eth0", &there, mtu});
    for (const auto& [ns, last] : {std::pair{&here, "1"}, std::pair{&there, "2"}}) {
      Inside in(*ns);
      set_up("lo");
      set_up("eth0");
      if (family == Family::both) add_address("eth0", *IpPrefix::parse(std::string("10.7.0.") + last + "/24"));
      add_address("eth0", *IpPrefix::parse(std::string("fd07::") + last + "/64"));
    }
  }

  /// For `netns = "…"` in a plan, and for nsenter.
  static std::string path(const NetNs& ns) { return fmt::format("/proc/{}/fd/{}", getpid(), ns.fd()); }
  std::string path() const { return path(here); }

  NetNs here = NetNs::create(), there = NetNs::create();
};

}  // namespace faultline::test
