// A fault whose values are all zero asks for nothing: no mistake, since a sweep may begin there, but told.
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

std::string idle_fault(const std::string& keys) {
  return "[targets.shop]\nnetns = \"shop\"\n[targets.b]\nnetns = \"b\"\n[[faults]]\nstart = \"5s\"\nfor = \"10s\"\n" +
         keys;
}

TEST(Idle, ZeroIsAValueLikeAnyOther) {
  const std::string degrade = "kind = \"degrade\"\non = \"shop\"\n";
  for (const std::string& keys :
       {degrade + "loss = \"0%\"\n", degrade + "delay = \"0ms\"\n", degrade + "jitter = \"0s\"\n",
        degrade + "flows = \"0%\"\nclients = \"0%\"\n", degrade + "duplicate = \"0%\"\ncorrupt = \"0%\"\n",
        // what goes with a value of zero is no mistake either
        degrade + "jitter = \"0ms\"\ndistribution = \"normal\"\ncorrelation = \"25%\"\n",
        degrade + "delay = \"0ms\"\nreorder = \"5%\"\nper = \"turn\"\n",
        degrade + "corrupt = \"0%\"\nchecksum = \"valid\"\n", degrade + "reorder = \"0%\"\ndelay = \"0s\"\n",
        degrade + "bursts = { enter = \"0%\", leave = \"20%\" }\n",
        degrade + "bursts = { good = \"5s\", bad = \"1s\", loss = \"0%\" }\n",
        degrade + "loss = \"0%\"\nramp = \"2s\"\n",
        degrade + "profile = [{ at = \"0s\", delay = \"0s\" }, { at = \"5s\", loss = \"0%\" }]\n",
        std::string("kind = \"flap\"\non = \"shop\"\ndown = \"1s\"\nup = \"1s\"\nloss = \"0%\"\n"),
        std::string("kind = \"partition\"\non = [\"shop\", \"b\"]\nshape = \"halves\"\ndelay = \"0s\"\n"),
        std::string(
            "kind = \"machine-room-jitter\"\non = \"shop\"\nepisodes = { every = \"2s\", last = \"1s\" }\ndelay "
            "= \"0s\"\nloss = \"0%\"\n")}) {
    const auto parsed = parse(idle_fault(keys));
    EXPECT_TRUE(parsed.ok()) << keys << render(parsed);
    ASSERT_EQ(parsed.remarks.size(), 1u) << keys;
    EXPECT_NE(render_remarks(parsed).find("/plans/shop.toml:5:1: remark: fault \""), std::string::npos)
        << render_remarks(parsed);
    EXPECT_TRUE(parsed.plan.faults.at(0).idle) << keys;
  }
}

TEST(Idle, WhatDoesSomethingIsNot) {
  const std::string degrade = "kind = \"degrade\"\non = \"shop\"\n";
  for (const std::string& keys :
       {degrade + "loss = \"0%\"\ndelay = \"1ms\"\n",
        degrade + "bursts = { enter = \"0%\", leave = \"20%\", between = \"1%\" }\n",
        degrade + "loss = \"0%\"\nprofile = [{ at = \"0s\", delay = \"0s\" }, { at = \"5s\", delay = \"1s\" }]\n",
        degrade + "loss = \"1%\"\nprofile = [{ at = \"0s\", delay = \"0s\" }]\n",
        std::string("kind = \"flap\"\non = \"shop\"\ndown = \"1s\"\nup = \"1s\"\n"),
        std::string("kind = \"sever\"\non = \"shop\"\n")}) {
    const auto parsed = parse(idle_fault(keys));
    EXPECT_TRUE(parsed.ok()) << keys << render(parsed);
    EXPECT_TRUE(parsed.remarks.empty()) << keys << render_remarks(parsed);
    EXPECT_FALSE(parsed.plan.faults.at(0).idle) << keys;
  }
}

TEST(Idle, ThatNothingIsAskedAtAllIsAMistake) {
  only_mistake(idle_fault("kind = \"degrade\"\non = \"shop\"\n"), "does nothing");
  only_mistake(idle_fault("kind = \"degrade\"\non = \"shop\"\nloss = \"1%\"\ndistribution = \"normal\"\n"),
               "no jitter");
}

}  // namespace
}  // namespace faultline::plan
