// Where a probe's requests go: reading "host:port", and finding a host's address once, before the run. Names of lab
// hosts come first; what the lab does not know is asked of the system's resolver, inside the probe's network namespace.
#pragma once

#include <sys/socket.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/read.h"

namespace faultline::probe {

struct Endpoint {
  std::string host;  ///< a name or an address, without brackets
  std::string port;  ///< 1 to 65535
};

/// Reads "host:port", "10.0.0.1:80" or "[::1]:80". Empty when it is none of these.
std::optional<Endpoint> read_endpoint(const std::string& text);

/// The same as a plan's value, with the host as read_asked() has it.
Read<std::string> read_host_and_port(const std::string& text);

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// The first address of `host`; `port` may be empty. Failure(cannot_run) names the probe and the host when there is
/// none.
Address resolve(const std::string& probe, const std::string& host, const std::string& port,
                const std::map<std::string, std::string>& names);

/// "10.0.0.1", "fd00::1".
std::string text_of(const Address& address);

/// Those of `addresses` that are of this family, to be bound to, with port 0.
std::vector<Address> of_family(const std::vector<std::string>& addresses, int family);

}  // namespace faultline::probe
