// What tests of real traffic ask of a bed at its end, and of the machine: a test whose line stood still is played once
// more.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/harness/traffic_bed.h"
#include "tests/harness/undisturbed.h"

namespace faultline::test {

/// Beside a fixture.
class SteadyBed {
 protected:
  /// Nothing was lost on the way through the pen, nothing passed it by, nothing is left.
  void expect_clean(const Bed& bed, const std::vector<faults::Account>& counts) {
    steady_ &= bed.steady();
    EXPECT_TRUE(bed.failures.empty()) << bed.failures[0];
    for (const auto& c : counts) {
      EXPECT_EQ(c.undelivered.total(), 0u)
          << "full " << c.undelivered.full << " overdue " << c.undelivered.overdue << " refused "
          << c.undelivered.refused << " queue " << c.undelivered.tap_queue << " transit " << c.undelivered.in_transit
          << " unreturned " << c.undelivered.unaccounted << "; longest stall of the line " << bed.line.stalled << " ns";
      EXPECT_EQ(c.passed_by_safety, 0u);
      EXPECT_EQ(c.undelivered.untaken, 0u);
    }
  }
  /// Once more if the machine stood still.
  void again(const std::function<void()>& body) {
    undisturbed([&] {
      steady_ = true;
      body();
      return steady_;
    });
  }

 private:
  bool steady_ = true;
};

}  // namespace faultline::test
