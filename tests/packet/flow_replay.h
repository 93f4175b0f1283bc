// What the player knows of a flow, kept natively: with faults/flow.h it gives the key, stream and number that chance
// draws on for each packet, so that a test can say beforehand what happens to it.
#pragma once

#include <arpa/inet.h>

#include <cstring>
#include <unordered_map>

#include "faults/abi.h"
#include "faults/chance.h"
#include "faults/flow.h"
#include "tests/harness/packet.h"

namespace faultline::test {

class FlowReplay {
 public:
  explicit FlowReplay(std::uint32_t site) : site_(site) {}

  struct Turn {
    std::uint64_t key = 0;
    std::uint32_t number = 0, stream = 0;
    std::uint64_t client = 0;  ///< key of the client's address
  };

  /// The next packet of its flow. For packets without extension headers.
  Turn next(const Packet& p) {
    const bool fragment = p.more_fragments || p.fragment_offset != 0;
    const bool ports = !fragment && (p.l4 == L4::tcp || p.l4 == L4::udp);
    const fl_endpoint a = endpoint(p.source, ports ? p.source_port : 0);
    const fl_endpoint b = endpoint(p.destination, ports ? p.destination_port : 0);
    const std::uint8_t proto = fragment ? 0 : protocol_number(p.l4);
    int a_first = 0;
    State& flow = flows_[fl_flow_bucket(fl_flow_hash(site_, proto, &a, &b, &a_first))];
    const bool opens = ports && p.l4 == L4::tcp && (p.tcp_flags & 0x12) == 0x02;
    const std::uint32_t sequence = ports && p.l4 == L4::tcp ? p.sequence : 0;
    if (flow.key == 0 || (opens && flow.syn != sequence)) {
      const int a_client = fl_flow_client(opens, &a, &b, a_first);
      const std::uint64_t service = fl_flow_service(proto, a_client ? &a : &b, a_client ? &b : &a);
      flow = {fl_flow_key(service, ordinals_[fl_flow_bucket(service)]++),
              {0, 0},
              sequence,
              a_client == a_first,
              fl_flow_client_key(a_client ? &a : &b)};
    }
    const unsigned from_client = (a_first != 0) == flow.client_first;
    return {flow.key, flow.count[from_client]++, from_client * FL_STREAM_FROM_CLIENT, flow.client};
  }

 private:
  struct State {
    std::uint64_t key = 0;
    std::uint32_t count[2] = {0, 0};
    std::uint32_t syn = 0;
    bool client_first = false;
    std::uint64_t client = 0;
  };

  static fl_endpoint endpoint(const std::string& address, std::uint16_t port) {
    fl_endpoint e{0, 0, port};
    std::uint8_t bytes[16];
    if (address.find(':') != std::string::npos) {
      inet_pton(AF_INET6, address.c_str(), bytes);
      std::memcpy(&e.high, bytes, 8);
      std::memcpy(&e.low, bytes + 8, 8);
    } else {
      inet_pton(AF_INET, address.c_str(), bytes);
      std::memcpy(&e.low, bytes, 4);
    }
    return e;
  }

  std::uint32_t site_;
  std::unordered_map<std::uint32_t, State> flows_;
  std::unordered_map<std::uint32_t, std::uint32_t> ordinals_;
};

}  // namespace faultline::test
