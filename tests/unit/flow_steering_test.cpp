#include "injector/base/flow_steering.h"

#include <gtest/gtest.h>

namespace faultline {
namespace {

TEST(FlowSteering, AMaskHasGroupsOf32BitsTheHighestFirst) {
  EXPECT_EQ(cpu_mask(1), "1");
  EXPECT_EQ(cpu_mask(2), "3");
  EXPECT_EQ(cpu_mask(31), "7fffffff");
  EXPECT_EQ(cpu_mask(32), "ffffffff");
  EXPECT_EQ(cpu_mask(36), "f,ffffffff");
  EXPECT_EQ(cpu_mask(96), "ffffffff,ffffffff,ffffffff");
}

}  // namespace
}  // namespace faultline
