// What one fault would do to a packet, and by that to what a user waits for: a TCP handshake, a request, a request on a
// connection that is open already. It exists because most surprises with injected faults are arithmetic: a delay is met
// by every packet, each way, so that 100 ms make a page 400 ms slower. Pure functions of the plan; nothing is looked
// up.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/asked.h"
#include "injector/plan/plan.h"

namespace faultline::explain {

/// Time that is added: at the least, in the middle, and at the most.
struct Added {
  Ns least = 0, middle = 0, most = 0;
  bool operator==(const Added&) const = default;
};
Added times(const Added& added, int n);
/// "+200 ms", "+120 to 280 ms", "nothing".
std::string text_of(const Added& added);

struct Effect {
  std::vector<plan::Given> asked;
  std::vector<faults::Window> active;  ///< when it does something: its episodes, or all of its window
  bool steady = true;                  ///< figures hold for all of `active`; false: they are its height
  int ways = 2;                        ///< 2: a packet and its answer both meet it; 1: one of them does
  bool turns = false;                  ///< only what turns the direction of a conversation is delayed
  Added packet;                        ///< what a packet that meets it is held
  bool unbounded = false;              ///< the distribution has a tail: few packets wait longer than `most`
  bool waits = false;                  ///< for the slowest before it in its flow: the jitter is wide, the order kept
  bool cuts = false;                   ///< it lets nothing through, or answers by itself
  Ns down = 0;                         ///< the longest cut in a row, of a fault that also lets packets through; else 0
  std::string of;                      ///< which packets it is about; empty: all. Loss and delay are theirs
  double loss = 0;                     ///< chance of a packet to be dropped, at its height
  double dead_flows = 0, dead_clients = 0;  ///< shares of connections and of client addresses that get nothing at all
  std::uint32_t above = 0;                  ///< only packets that are longer are met, in bytes; 0: all. Then lost
  double rate = 0;                          ///< the lowest, bit/s; 0: no limit
  Ns queue = 0;                             ///< the longest wait in front of the rate
  /// For people, one sentence each, in the order: round trip, handshake, request. Fewer, or others, where these do not
  /// apply.
  struct Line {
    std::string what, then;
  };
  std::vector<Line> lines;

  Added round_trip() const { return times(packet, ways); }
};

/// `links` are the names of the places that the fault is on, as its kind is given them (site::Rule::link); the height
/// is that of the worst. Empty: a place without a name.
Effect effect_of(const plan::Plan& plan, const plan::Fault& fault, const std::vector<std::string>& links);

}  // namespace faultline::explain
