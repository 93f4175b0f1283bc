// Traffic whose every packet is known by a number and by the time it was sent at: what arrived, what did not, in which
// order and how late, as seen by the receiving socket. None of it relies on what Faultline counts; that is what it is
// compared with.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "tests/harness/udp.h"

namespace faultline::test {

struct Stream {
  std::size_t count = 1000;  ///< datagrams
  std::size_t size = 64;     ///< bytes each, 16 at least
  Ns gap = kMillisecond;     ///< between groups
  std::size_t together = 1;  ///< datagrams in a group, sent back to back
  bool gso = false;          ///< a group is one send with UDP_SEGMENT
  std::size_t extra = 0;     ///< datagrams that may come beyond `count`: they are waited for
};

struct Arrival {
  std::uint64_t number;
  Ns sent, took;
};

/// How much earlier than asked a packet may be: the line may let a segment go 20 us early; the rest is rounding.
constexpr Ns kTooEarly = 100 * kMicrosecond;

struct Arrivals {
  std::vector<Arrival> all;  ///< in order of arrival
  std::size_t asked = 0;
  std::size_t refused = 0;  ///< sends that failed
  std::size_t damaged = 0;  ///< of another size, or with other bytes than were sent

  std::set<std::uint64_t> lost() const;
  Ns least() const { return quantile(0); }
  Ns quantile(double q) const;    ///< of the time on the way
  std::size_t overtaken() const;  ///< arrivals with a lower number than one before them
};

/// One end of a flow.
struct End {
  const NetNs* ns;
  Address at;
};

/// Sends in the calling thread, receives in another, and returns when all are there or none has come for `quiet`.
Arrivals send_stream(const End& from, const End& to, const Stream& stream, Ns quiet = 700 * kMillisecond);

struct Transfer {
  std::size_t connections = 1;
  std::size_t bytes = 1 << 20;  ///< each way and connection
  bool both_ways = false;
  Ns longest = 60 * kSecond;  ///< given up after this long
};

struct Transferred {
  bool complete = false;  ///< every byte arrived, and no more
  bool intact = true;     ///< and was the one that was sent in this place
  std::size_t bytes = 0;  ///< that arrived, both ways
  Ns took = 0;
  /// What the kernel's TCP says, summed over the connections: of the end that connects, and of the one that listens.
  /// Wire packets, retransmitted ones and bare acknowledgements among them.
  std::uint64_t sent = 0, retransmitted = 0, received_there = 0, retransmitted_there = 0;
};

/// TCP: `from` connects to `to` and sends; bytes follow a sequence that tells every place from every other.
Transferred transfer(const End& from, const End& to, const Transfer& what);

/// A counter of /proc/net/snmp or /proc/net/netstat in `ns`, such as ("Tcp", "RetransSegs") or ("TcpExt",
/// "TCPOFOQueue").
std::uint64_t protocol_counter(const NetNs& ns, const std::string& table, const std::string& name);
/// Packets that `device` of `ns` received, as /proc/net/dev has it.
std::uint64_t packets_received(const NetNs& ns, const std::string& device);

/// Whether `hits` of `n` is within `deviations` standard deviations of a binomial with `p`. 2.576 make 99 %.
bool plausible(std::uint64_t hits, std::uint64_t n, double p, double deviations = 2.576);

}  // namespace faultline::test
