// Receive packet steering (RPS) of a device of our own: all packets of a flow pass the device's backlog on one CPU,
// chosen by the flow's hash, whichever CPU sent them. Without it a veth has a backlog per sending CPU, and a TCP that
// sends from a system call on one CPU and from an acknowledgement on another has its segments overtake each other on
// the way. Kernel: Documentation/networking/scaling.rst.
#pragma once

#include <string>

namespace faultline {

/// Steers what `device`, in the calling thread's network namespace, receives over all CPUs by flow. Nothing to do on a
/// machine with one CPU. Throws std::system_error naming the device, for example when the kernel was built without RPS
/// (ENOENT).
void keep_flows_together(const std::string& device);

/// All of `cpus` processors as the kernel reads a CPU mask: groups of 32 bits in hexadecimal, the highest first, with
/// commas.
std::string cpu_mask(unsigned cpus);

}  // namespace faultline
