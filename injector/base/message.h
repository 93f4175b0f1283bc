// Whole messages over a SOCK_SEQPACKET unix socket, with descriptors beside them. The nursery, the janitor and a run's
// control socket speak in these.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "injector/base/fd.h"

namespace faultline {

struct Message {
  std::string bytes;
  std::vector<Fd> fds;
};

/// Throws std::system_error: EPIPE when the other side is gone, EMSGSIZE above some 200 kB, EAGAIN when a non-blocking
/// socket has no room.
void send_message(int socket, const std::string& bytes, const std::vector<int>& fds = {});
/// Waits for a message; empty when the other side is gone. EAGAIN (std::system_error) from a non-blocking socket
/// without one, or after its SO_RCVTIMEO.
std::optional<Message> receive_message(int socket);

/// Who made the other end, as the kernel has it; its pid is 0 when it is in a PID namespace that we do not see into.
std::optional<ucred> peer_of(int socket);

}  // namespace faultline
