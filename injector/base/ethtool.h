// Device features as `ethtool -K` sets them. The one use: a veth whose segmentation offloads are off splits large (GSO)
// packets into wire packets, so that what happens per packet happens per *wire* packet. Scatter-gather and checksum
// offload stay on, since the split packets are then cheaper and carry NEEDS_CSUM.
#pragma once

#include <string>

namespace faultline {

/// Turns every segmentation offload of a device in the calling thread's network namespace off: TCP, UDP and generic.
/// A feature that this kernel does not know is skipped. Throws std::system_error naming the device, also (ENOTSUP) when
/// the device keeps one of them on.
void set_offloads_off(const std::string& device);

}  // namespace faultline
