// Damage to a packet that the player chose: one bit flipped, as a bad cable or memory does it. Done here and not in
// eBPF, since a packet on its way through veth and lo has no checksum yet (CHECKSUM_PARTIAL): flipped there, its
// checksum would be computed over the damage, and nobody would notice.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline::line {

/// Finishes the checksum of `frame` (`length` bytes, the virtio header included) and flips one bit of what its
/// transport header carries; which one follows from its content. `valid`: the checksum is then made to fit, so that the
/// damage reaches the application, as damage done before checksumming does. Without: the receiver's kernel finds it,
/// and drops the packet. A TCP or UDP packet that carries nothing gets a wrong checksum, or with `valid` stays as it is
/// (TCP: a bit of its window changes). What is not IP, and what is too short, stays as it is.
void corrupt(std::byte* frame, std::uint32_t length, bool valid);

}  // namespace faultline::line
