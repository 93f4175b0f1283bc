// Requests by groups that are drawn again and again, such as the blocks of time of a phase, and by how long they took:
// what a bootstrap adds up a thousand times. Of each group it is known how many requests stand at a place of the scale
// of latencies or before it, so that a quantile of any mix of groups is found by a look at a few places.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "injector/base/quantile.h"
#include "injector/report/kept_run.h"

namespace faultline::report {

/// At the scale's last place are the requests that failed.
class Groups {
 public:
  Groups(std::size_t groups, std::size_t places) : groups_(groups), places_(places), upto_(groups * places) {}
  /// `scale` is ascending; what a request that failed counts is its last.
  void count(std::size_t group, const KeptBlock& block, const std::vector<double>& scale) {
    std::uint64_t ok = 0;
    auto at = scale.begin();
    for (std::size_t k = 0; k < block.latency_ms.size(); k++) {
      at = std::lower_bound(at, scale.end() - 1, block.latency_ms[k]);
      upto_[static_cast<std::size_t>(at - scale.begin()) * groups_ + group] += block.answers[k];
      ok += block.answers[k];
    }
    upto_[(places_ - 1) * groups_ + group] += block.sent - std::min(ok, block.sent);
  }
  /// Once all are counted.
  void add_up() {
    for (std::size_t i = groups_; i < upto_.size(); i++) upto_[i] += upto_[i - groups_];
  }
  /// So many neighbours as one; what is left over belongs to the last.
  Groups joined(std::size_t together) const {
    Groups fewer(groups_ / together, places_);
    for (std::size_t place = 0; place < places_; place++)
      for (std::size_t i = 0; i < groups_; i++)
        fewer.upto_[place * fewer.groups_ + std::min(i / together, fewer.groups_ - 1)] += upto_[place * groups_ + i];
    return fewer;
  }

  std::size_t size() const { return groups_; }
  std::size_t last() const { return places_ - 1; }
  std::uint64_t upto(std::size_t group, std::size_t place) const { return upto_[place * groups_ + group]; }
  /// Of a mix that has each group as often as `times` says.
  std::uint64_t upto(const std::vector<std::uint64_t>& times, std::size_t place) const {
    const std::uint64_t *known = upto_.data() + place * groups_, *often = times.data();
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < groups_; i++) sum += often[i] * known[i];
    return sum;
  }

 private:
  std::size_t groups_, places_;
  std::vector<std::uint64_t> upto_;  ///< place by place, in it group by group
};

/// Groups, each so many times. What it is made of outlives it.
class Mix {
 public:
  Mix(const Groups& groups, const std::vector<std::uint64_t>& times)
      : groups_(groups), times_(times), all_(groups.upto(times, groups.last())) {}
  std::uint64_t all() const { return all_; }
  double success() const {
    const std::uint64_t ok = groups_.last() == 0 ? 0 : groups_.upto(times_, groups_.last() - 1);
    return 1 - static_cast<double>(all_ - ok) / static_cast<double>(all_);
  }
  /// Where in the scale a quantile stands; quickest where that is near. There is a request in the mix.
  std::size_t place(unsigned per_mille, std::size_t near) const {
    const std::uint64_t rank = quantile_rank(all_, per_mille);
    const auto reaches = [&](std::size_t at) { return groups_.upto(times_, at) >= rank; };
    std::size_t low = near, high = near;  // it is between them, or at one of them
    if (reaches(near)) {
      for (std::size_t step = 1; low > 0 && reaches(low - 1); step *= 2) {
        high = low - 1;
        low = high - std::min(step, high);
      }
    } else {
      low = high = std::min(near + 1, groups_.last());
      for (std::size_t step = 1; high < groups_.last() && !reaches(high); step *= 2) {
        low = high + 1;
        high = std::min(high + step, groups_.last());
      }
    }
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (reaches(middle))
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

 private:
  const Groups& groups_;
  const std::vector<std::uint64_t>& times_;
  std::uint64_t all_;
};

}  // namespace faultline::report
