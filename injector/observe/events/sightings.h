// How sightings of one event are told: the first ten of a second each with its line, the rest as numbers for each
// 100 ms. A service may write any number of lines, and the journal stays small. A number is cut at the edges of phases
// and windows, so that a line never counts in one in which it was not seen.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "injector/record/sighting_events.h"

namespace faultline::observe {

class Sightings {
 public:
  static constexpr int kToldInASecond = 10;
  static constexpr std::size_t kLongestTold = 300;  ///< bytes of a line

  static constexpr Ns kSpan = 100 * kMillisecond;  ///< that a number is of, at most

  /// `edges`: where numbers are cut, since T0, in order.
  Sightings(std::string name, std::vector<Ns> edges) : name_(std::move(name)), edges_(std::move(edges)) {}

  /// A line was seen, at `when` (since T0). Returns what is to be written now.
  std::vector<record::events::Seen> add(Ns when, std::string_view line);
  /// What was counted and not yet written, where it is older than `before` (since T0).
  std::optional<record::events::Seen> counted(Ns before);

 private:
  /// Where the number that a line of this instant belongs to begins.
  Ns span_of(Ns when) const;

  const std::string name_;
  const std::vector<Ns> edges_;
  Ns second_ = 0;  ///< that is being told
  int told_ = 0;   ///< in it
  std::optional<record::events::Seen> rest_;
};

}  // namespace faultline::observe
