// A TAP: a network device whose wire is a file descriptor. The line holds packets in user space with it, since a packet
// that entered a TAP no longer belongs to its sending socket and so does not throttle it while it waits.
#pragma once

#include <string>

#include "injector/base/fd.h"

namespace faultline {

/// Creates a TAP in the calling thread's network namespace and returns its descriptor, non-blocking and close-on-exec.
/// The device is down and vanishes with the descriptor. Frames carry the 10-byte virtio_net_hdr and no packet
/// information; the device takes checksums and TCP and, from kernel 6.2 on, UDP segmentation as offloaded.
/// `name_pattern` may hold one %d ("tap%d"); what became of it goes to `name` unless that is null.
/// Throws std::system_error.
Fd open_tap(const std::string& name_pattern, std::string* name);

}  // namespace faultline
