// A channel is the impairment that a packet of one rule meets, as functions of time. Every fault kind compiles to a
// channel; the eBPF player knows nothing else.
#pragma once

#include <vector>

#include "faults/units.h"

namespace faultline::faults {

/// A point of a piecewise-linear function. Two points with the same t make a jump.
struct Point {
  Ns t;          ///< since T0
  double value;  ///< nanoseconds (delay, jitter) or a probability 0..1 (loss)
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

struct Channel {
  Track delay;   ///< ns added to each packet
  Track jitter;  ///< half width, ns: uniform in delay ± jitter, clamped at 0
  Track loss;    ///< probability per wire packet; exactly 1 is a certain drop
  bool free_order = false;  ///< packets may overtake within their flow, as under netem

  /// The spans in which the channel does anything, merged and in order.
  std::vector<Window> active() const;
};

}  // namespace faultline::faults
