// Whether the pen's table of losses (faults/losses_abi.h) still has all that a retransmission may be about. The kernel
// forgets the oldest blocks when it is full, and tells nobody: but how many were added is known, and how long TCP waits
// at most before it sends again.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "injector/base/units.h"

namespace faultline::observe {

class LossWatch {
 public:
  static constexpr Ns kLongestWait = 120 * kSecond;  ///< TCP_RTO_MAX, include/net/tcp.h
  /// `most` blocks are remembered at least.
  explicit LossWatch(std::uint64_t most) : most_(most) {}

  /// By `now` (ascending) so many were ever added. Whether one of the last kLongestWait may have been forgotten.
  bool forgets(Ns now, std::uint64_t added) {
    while (seen_.size() > 1 && seen_[1].first <= now - kLongestWait) seen_.pop_front();
    if (seen_.empty() || now - seen_.back().first >= kSecond) seen_.emplace_back(now, added);
    return added - seen_.front().second > most_;
  }

 private:
  std::uint64_t most_;
  std::deque<std::pair<Ns, std::uint64_t>> seen_ = {{0, 0}};  // once a second; nothing was there at first
};

}  // namespace faultline::observe
