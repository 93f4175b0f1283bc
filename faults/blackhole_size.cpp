// blackhole-size: a path whose MTU is smaller than its ends believe, and that tells nobody: packets above a length
// vanish, without the ICMP message that would say so. What is small passes, so that all seems well until somebody sends
// much.
#include "faults/kind.h"

namespace faultline::faults {
namespace {

constexpr Ns kSmallestMtu = 68;     // of IPv4: RFC 791, section 3.2
constexpr Ns kLongest = 65535 - 1;  // an IP packet has 65,535 bytes at most: above that there is none

Channel compile(const Request& request) {
  Channel channel;
  channel.above = static_cast<std::uint32_t>(request.params.bytes("above"));
  add_step(channel.loss, request.window, 1.0);
  return channel;
}

}  // namespace

Kind blackhole_size() {
  return {
      .name = "blackhole-size",
      .summary = "packets above a size vanish, and nobody is told: an MTU black hole",
      .keys = {{.name = "above",
                .type = ValueType::bytes,
                .doc = "The longest IP packet that passes, as an MTU is: longer ones vanish without an ICMP message; "
                       "of a bundle of the kernel each packet that it is on the wire counts by itself.",
                .example = "\"1400B\"",
                .required = true,
                .min = kSmallestMtu,
                .max = kLongest}},
      .validate = [](const Params&, Ns) { return std::vector<Problem>{}; },
      .compile = compile,
      .cuts = true};
}

}  // namespace faultline::faults
