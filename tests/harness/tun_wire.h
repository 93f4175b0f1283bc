// A wire between two namespaces whose ends have no Ethernet header: a tun device in each, and a thread that carries
// packets from one to the other, bundles whole. What WireGuard's and other tunnels' devices look like, without a module
// for them.
#pragma once

#include <string>
#include <thread>

#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::test {

/// A tun device in the calling thread's namespace, down, with checksum and segmentation offloads. It vanishes with the
/// descriptor.
Fd open_tun(const std::string& name);

class TunWire {
 public:
  /// Makes `name` in both, down.
  TunWire(const NetNs& a, const NetNs& b, const std::string& name);
  TunWire(const TunWire&) = delete;
  TunWire& operator=(const TunWire&) = delete;
  ~TunWire();

 private:
  void carry();
  Fd ends_[2], stop_;
  std::thread thread_;
};

}  // namespace faultline::test
