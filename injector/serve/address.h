// Where a run's live page and metrics are to be had: an address and a port of this machine, as somebody writes it after
// --serve.
#pragma once

#include <netinet/in.h>

#include <string>

#include "injector/base/fd.h"
#include "injector/base/read.h"

namespace faultline::serve {

struct Address {
  sockaddr_storage where{};
  socklen_t length = 0;
  bool loopback = true;  ///< nobody but this machine reaches it
};

inline constexpr const char* kDefaultAddress = "127.0.0.1:9465";

/// "127.0.0.1:9465", "[::1]:9465", "9465" (of 127.0.0.1), "0.0.0.0:9465"; port 0 is any that is free. No names: what
/// they lead to may not be what was meant.
Read<Address> read_address(const std::string& text);

/// Listens there, without ever waiting. Throws std::system_error.
Fd listen_at(const Address& address);
/// Where a socket listens: "127.0.0.1:9465".
std::string address_of(const Fd& listening);

}  // namespace faultline::serve
