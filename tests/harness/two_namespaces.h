// Two network namespaces joined by a veth or by a wire without Ethernet headers, as a plan sees them: `here` (10.7.0.1,
// fd07::1) is the target, `there` (10.7.0.2, fd07::2) its peer. They have no names: a plan reaches one by the path of
// our descriptor, and they vanish with this process, whatever becomes of the test.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "injector/base/clock.h"
#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/tun_wire.h"

namespace faultline::test {

inline std::set<std::string> device_names(const NetNs& ns) {
  const Inside in(ns);
  std::set<std::string> names;
  for (const auto& device : list_devices()) names.insert(device.name);
  return names;
}

/// The kernel gives a device its link-local address when it finds the time after it is up. A test must not depend on
/// whether that was before or after it looked. False: there was none within 5 s, as on a kernel without IPv6.
inline bool await_link_local(const std::string& device) {
  for (const Ns end = monotonic_now() + 5 * kSecond; monotonic_now() < end; usleep(1000)) {
    std::ifstream addresses("/proc/thread-self/net/if_inet6");
    if (!addresses) return false;
    for (std::string line; std::getline(addresses, line);)
      if (line.starts_with("fe80") && line.ends_with(" " + device)) return true;
  }
  return false;
}

enum class Wire { ethernet, bare };

struct TwoNamespaces {
  enum class Family { both, v6_only };

  /// Not joined yet: see join().
  struct Apart {};
  explicit TwoNamespaces(Apart) : device("eth0") {}
  explicit TwoNamespaces(Family family = Family::both, unsigned mtu = 1500, Wire wire = Wire::ethernet)
      : device(wire == Wire::bare ? "tun0" : "eth0") {
    join(family, mtu, wire);
  }

  void join(Family family = Family::both, unsigned mtu = 1500, Wire wire = Wire::ethernet) {
    if (wire == Wire::bare)
      bare_ = std::make_unique<TunWire>(here, there, device);
    else
      add_veth({device, &here, mtu}, {device, &there, mtu});
    for (const auto& [ns, last] : {std::pair{&here, "1"}, std::pair{&there, "2"}}) {
      Inside in(*ns);
      set_up("lo");
      set_mtu(device, mtu);
      set_up(device);
      if (family == Family::both) add_address(device, *IpPrefix::parse(std::string("10.7.0.") + last + "/24"));
      add_address(device, *IpPrefix::parse(std::string("fd07::") + last + "/64"));
    }
    if (wire == Wire::bare) return;
    for (const NetNs* ns : {&here, &there}) {
      Inside in(*ns);
      await_link_local(device);
    }
  }

  /// For `netns = "…"` in a plan, and for nsenter.
  static std::string path(const NetNs& ns) { return fmt::format("/proc/{}/fd/{}", getpid(), ns.fd()); }
  std::string path() const { return path(here); }

  const std::string device;  ///< what the wire's ends are called
  NetNs here = NetNs::create(), there = NetNs::create();

 private:
  std::unique_ptr<TunWire> bare_;
};

}  // namespace faultline::test
