// Both kinds of attachment: suites that run once with TCX and once with clsact. On a kernel without TCX the first half
// is skipped.
#pragma once

#include <gtest/gtest.h>

#include "injector/pen/attach.h"

namespace faultline::test {

class EngineTest : public testing::TestWithParam<pen::Engine> {
 protected:
  /// Who overrides it goes on only where !IsSkipped().
  void SetUp() override {
    if (GetParam() == pen::Engine::tcx && pen::probe_features().engine() != pen::Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
  }
};

}  // namespace faultline::test

#define FAULTLINE_WITH_BOTH_ENGINES(suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(                                                                         \
      Engines, suite, testing::Values(faultline::pen::Engine::tcx, faultline::pen::Engine::clsact), \
      [](const auto& info) { return info.param == faultline::pen::Engine::tcx ? "tcx" : "clsact"; })
