#include "injector/serve/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "injector/base/error.h"

namespace faultline::serve {
namespace {

constexpr int kBacklog = 32;

Read<Address> wrong(const std::string& text) {
  return {std::nullopt, fmt::format("\"{}\" is no address to listen at", text),
          fmt::format("write an address and a port: {}, [::1]:9465, 0.0.0.0:9465; where a plan follows, put the option "
                      "behind it",
                      kDefaultAddress)};
}

}  // namespace

Read<Address> read_address(const std::string& text) {
  const auto colon = text.rfind(':');
  std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c); });
  if (!digits || std::stoi(port) > 65535) return wrong(text);
  const auto number = htons(static_cast<std::uint16_t>(std::stoi(port)));
  Address address;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (sockaddr_in v4{}; !bracketed && inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = number;
    address.loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    std::memcpy(&address.where, &v4, address.length = sizeof v4);
  } else if (sockaddr_in6 v6{}; bracketed && inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = number;
    address.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    std::memcpy(&address.where, &v6, address.length = sizeof v6);
  } else {
    return wrong(text);
  }
  return {address, {}, {}};
}

Fd listen_at(const Address& address) {
  Fd fd(static_cast<int>(check("open a socket to serve at",
                               ::socket(address.where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))));
  const int on = 1;
  check("set SO_REUSEADDR", ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  check("bind the address to serve at",
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.where), address.length));
  check("listen at the address to serve at", ::listen(fd.get(), kBacklog));
  return fd;
}

std::string address_of(const Fd& listening) {
  sockaddr_storage where{};
  socklen_t length = sizeof where;
  check("ask for a socket's address", ::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&where), &length));
  char text[INET6_ADDRSTRLEN] = {};
  if (where.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &where, sizeof v4);
    return fmt::format("{}:{}", inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text), ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &where, sizeof v6);
  return fmt::format("[{}]:{}", inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text), ntohs(v6.sin6_port));
}

}  // namespace faultline::serve
