// A channel is the impairment that a packet of one rule meets, as functions of time. Every fault kind compiles to a
// channel; the eBPF player knows nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "faults/abi.h"
#include "faults/answer.h"
#include "injector/base/units.h"

namespace faultline::faults {

/// A point of a piecewise-linear function. Two points with the same t make a jump.
struct Point {
  Ns t;          ///< since T0
  double value;  ///< nanoseconds (delay, jitter), bit/s (rate), else a probability 0..1
  bool operator==(const Point&) const = default;
};

/// Points in order of time. The function is 0 before the first point and from the last one on. Empty: always 0.
using Track = std::vector<Point>;

/// The value of a track at `t` (since T0): what the player computes, in floating point. For tests and drawings.
double value_at(const Track& track, Ns t);

/// A span of time since T0, end excluded.
struct Window {
  Ns start, end;
  bool operator==(const Window&) const = default;
};

/// Adds a rectangle of height `value` over `window` to an ordered track.
void add_step(Track& track, Window window, double value);

inline constexpr std::uint32_t kLargestPacket = 65536;  ///< bytes; no packet that a device carries is longer
inline constexpr std::uint32_t kFullFrame = 1514;       ///< bytes: of a packet of 1500 with its Ethernet header

/// How jitter is distributed. All but the uniform one and a table have mean 0 and standard deviation 1 before jitter
/// scales them.
enum class JitterShape : std::uint8_t { uniform, normal, pareto, pareto_normal, table };

/// The values of a table, each as probable as the others, in ascending order; in units of jitter. Shared by all who use
/// it.
using Deviations = std::shared_ptr<const std::vector<double>>;

/// A Gilbert-Elliott chain, a step per packet. Gilbert, "Capacity of a burst-noise channel", 1960; Elliott, "Estimates
/// of error rates for codes on burst-noise channels", 1963. Probabilities.
struct Bursts {
  double enter = 0, leave = 1;  ///< the bad state; p and r of the literature
  double good = 0, bad = 1;     ///< loss in each state; 1 - k and 1 - h
};

/// Ends an ordered track at `end` (since T0): what lies beyond a fault's window is not played. A jump at `end` is left
/// out.
void cut_track(Track& track, Ns end);

struct Channel {
  Track delay;    ///< ns added to each packet
  Track jitter;   ///< ns: half width if uniform, else the standard deviation; the sum with delay is clamped at 0
  Track loss;     ///< probability per wire packet; exactly 1 is a certain drop. With bursts: the factor on their loss
  Track flows;    ///< share of the connections whose every packet is dropped
  Track clients;  ///< share of the client addresses whose every packet is dropped
  Track duplicate, corrupt, reorder;  ///< probability per wire packet; reorder: to skip the delay
  Track rate;                         ///< bit/s of Ethernet frames; 0 is no limit
  JitterShape shape = JitterShape::uniform;
  Deviations table;        ///< of that shape; else null
  double correlation = 0;  ///< of successive jitters, -1..1
  std::optional<Bursts> bursts;
  Ns queue_time = 0;  ///< the longest wait in front of the rate; 0: see queue_bytes
  std::uint64_t queue_bytes = 0;
  bool valid_checksum = false;             ///< of what is corrupted
  bool turns = false;                      ///< delay only what turns the direction of a conversation
  bool turns_out = true, turns_in = true;  ///< of those, what leaves the site, what arrives
  bool free_order = false;                 ///< packets may overtake within their flow, as under netem
  /// Only wire packets whose IP packet is longer than this are met, in bytes; 0: all. Of a bundle each by itself.
  std::uint32_t above = 0;
  Answer answer;  ///< whom of the packets it is about, and what those that are lost are answered

  /// The spans in which the channel does anything, merged and in order.
  std::vector<Window> active() const;
  /// The longest that its queue holds a packet, with the time to send one of `packet` bytes: its limit at the lowest
  /// rate. 0 without a rate.
  Ns longest_queue(std::uint32_t packet = kLargestPacket) const;
};

/// A channel's tracks, in the order of the score's (FL_DELAY and so on, score_abi.h): the one list of them all.
inline constexpr std::array<Track Channel::*, FL_TRACKS> kTracks{
    &Channel::delay,     &Channel::jitter,  &Channel::loss,    &Channel::flows, &Channel::clients,
    &Channel::duplicate, &Channel::corrupt, &Channel::reorder, &Channel::rate};

}  // namespace faultline::faults
