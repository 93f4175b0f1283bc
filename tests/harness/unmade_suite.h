// Suites whose set-up failed. GoogleTest skips their tests, and ctest takes a test for skipped once it prints that,
// whatever its exit status: a server that did not start would be a hole in CI that nobody sees. Here they fail.
#pragma once

#include <gtest/gtest.h>

namespace faultline::test {

/// Whether the set-up of the suite that runs now has failed.
inline bool suite_is_unmade() {
  const auto* suite = testing::UnitTest::GetInstance()->current_test_suite();
  return suite != nullptr && suite->ad_hoc_test_result().Failed();
}

/// The listener that fails them; to be appended before others that look at what failed.
class UnmadeSuites : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override {
    if (suite_is_unmade()) ADD_FAILURE() << "its suite could not be set up";
  }
};

}  // namespace faultline::test
