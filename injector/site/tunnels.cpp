#include "injector/site/tunnels.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <map>
#include <string>

#include "faults/abi.h"
#include "injector/base/error.h"
#include "injector/base/wireguard.h"

namespace faultline::site {
namespace {

constexpr std::uint64_t bit(int protocol) { return 1ull << protocol; }

/// By the kernel's name for the kind of device. None here: no tunnel, or one over UDP.
std::uint64_t protocols_of(const std::string& kind) {
  constexpr std::uint64_t ip = bit(IPPROTO_IPIP) | bit(IPPROTO_IPV6), gre = bit(IPPROTO_GRE),
                          ipsec = bit(IPPROTO_ESP) | bit(IPPROTO_AH);
  static const std::map<std::string, std::uint64_t> known{
      {"ipip", ip},    {"sit", ip},        {"ip6tnl", ip},     {"gre", gre},   {"gretap", gre}, {"erspan", gre},
      {"ip6gre", gre}, {"ip6gretap", gre}, {"ip6erspan", gre}, {"vti", ipsec}, {"vti6", ipsec}, {"xfrm", ipsec},
  };
  const auto found = known.find(kind);
  return found == known.end() ? 0 : found->second;
}

}  // namespace

Tunnels tunnels_of(const std::vector<Device>& devices) {
  Tunnels all;
  for (const auto& device : devices) {
    all.protocols |= protocols_of(device.kind);
    const std::uint16_t port = device.kind == "wireguard" ? wireguard_port(device.index) : device.tunnel_port;
    if (port != 0) all.ports.insert(port);
  }
  if (all.ports.size() > FL_MAX_TUNNEL_PORTS)
    throw Failure(Exit::cannot_run, fmt::format("the tunnels here have {} UDP ports; one site takes {}. Name the "
                                                "devices that the fault is about with `interface`",
                                                all.ports.size(), static_cast<int>(FL_MAX_TUNNEL_PORTS)));
  return all;
}

}  // namespace faultline::site
