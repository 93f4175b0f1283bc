// What one end of a TCP connection sends, as its packets tell, and what becomes of it. Only what nothing is known of is
// looked at, and what is looked at is known then: the work grows with the packets, whatever a stranger's file holds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "injector/base/units.h"
#include "injector/sketch/capture.h"
#include "injector/sketch/measured.h"

namespace faultline::sketch {

class SentSegments {
 public:
  /// This end sent it.
  void sent(Ns at, const TcpSegment& segment);
  /// The other end sent it.
  void acknowledged(Ns at, const TcpSegment& by);

  /// Those that were answered or lost.
  std::vector<RoundTrip> trips() const;
  std::size_t count() const { return trips_.size(); }
  /// The shortest; empty: none was answered.
  std::optional<Ns> least() const;

  /// How many were sent again so soon after the first time.
  std::size_t sent_again_within(Ns time) const;

  /// How many an acknowledgement may have to look at.
  std::size_t on_their_way() const { return on_way_.size(); }

 private:
  enum class State : std::uint8_t { unknown, answered, lost };
  struct Segment {
    std::int64_t to;  ///< the place behind it
    std::size_t trip;
  };
  using OnWay = std::map<std::int64_t, Segment>;

  std::int64_t place_of(std::uint32_t sequence) const;
  void sent_again(Ns at, std::int64_t from, std::int64_t to);
  OnWay::iterator answered(OnWay::iterator one, Ns at);

  bool begun_ = false;
  std::uint32_t first_ = 0;        ///< the connection's first sequence number
  std::int64_t next_ = 0;          ///< the place behind all that was sent, counted from that
  OnWay on_way_;                   ///< of which nothing is known, by their places; they do not overlap
  std::set<std::int64_t> resent_;  ///< the ends of those that were sent again, until they are acknowledged
  std::vector<RoundTrip> trips_;
  std::vector<State> state_;
  std::vector<Ns> again_;  ///< of each that was sent again, after what time
};

}  // namespace faultline::sketch
