// A run in steps (`--step`): it waits before each fault until somebody says so. Faults that overlap are one step, since
// a fault that is in force ends by the kernel's clock and cannot be made to wait.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::run {

struct Step {
  Ns start = 0;                     ///< since T0, of its first fault
  std::vector<std::string> faults;  ///< in the order of their starts
};

class Steps {
 public:
  explicit Steps(const plan::Plan& plan);

  /// The one to be confirmed next; null when all were.
  const Step* next() const { return at_ < all_.size() ? &all_[at_] : nullptr; }
  void confirm() { at_++; }
  /// When the run's clock stands still for it, since T0: a moment before it begins. May lie before T0.
  Ns hold_at() const { return next()->start - kLead; }

  /// From going on to the fault: threads are under way by then.
  static constexpr Ns kLead = 50 * kMillisecond;

 private:
  std::vector<Step> all_;
  std::size_t at_ = 0;
};

}  // namespace faultline::run
