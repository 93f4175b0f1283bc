// What comes before the faults on a device whatever Faultline does: XDP programs see what arrives before any other
// program, and nftables' egress hook what leaves. Packets that they drop or answer never meet a fault; they are named,
// so that nobody has to guess.
#pragma once

#include <string>
#include <vector>

#include "injector/base/rtnetlink.h"

namespace faultline::pen {

/// In the calling thread's network namespace, one sentence each: "XDP program guard (id 17) on eth0 sees what arrives
/// before the faults do". Nothing where it cannot be asked.
std::vector<std::string> others_before_faults(const std::vector<Device>& devices);

}  // namespace faultline::pen
