// A machine that stands still for longer than the line's lease voids what a test measures: faults were off meanwhile,
// as they have to be. Such a test is played again, and what it found does not count.
#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <functional>

namespace faultline::test {

/// Runs `body` until it returns true ("nothing disturbed it"), three times at most. The last one's findings count.
inline void undisturbed(const std::function<bool()>& body) {
  for (int left = 3;; left--) {
    testing::TestPartResultArray results;
    bool valid = false;
    {
      const testing::ScopedFakeTestPartResultReporter capture(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
      valid = body();
    }
    if (!valid && left > 1) continue;
    for (int i = 0; i < results.size(); i++) {
      const auto& r = results.GetTestPartResult(i);
      if (r.failed()) ADD_FAILURE_AT(r.file_name(), r.line_number()) << r.message();
    }
    return;
  }
}

}  // namespace faultline::test
