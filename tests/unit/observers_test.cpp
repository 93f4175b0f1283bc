// The seam between a run and what watches it: in which order the calls come, and what a wait does to a run's clock.
#include "injector/observe/observers.h"

#include <gtest/gtest.h>

#include "injector/probe/probe.h"

namespace faultline::observe {
namespace {

using Calls = std::vector<std::string>;

class Noting : public Observer {
 public:
  Noting(Calls& calls, std::string name, std::string stops = {}, std::string fails = {})
      : calls_(calls), name_(std::move(name)), stops_(std::move(stops)), fails_(std::move(fails)) {}
  ~Noting() override { note("gone"); }

  void begin(Ns epoch) override { note("begin " + std::to_string(epoch)); }
  std::optional<Stop> tick(Ns) override {
    note("tick");
    return stops_.empty() ? std::nullopt : std::optional(Stop{record::events::By::target, stops_});
  }
  void sample(const probe::Sample& sample) override { note("sample " + std::to_string(sample.probe)); }
  void healed() noexcept override { note("healed"); }
  void end() override { note("end"); }
  void abort() override { note("abort"); }
  std::string failure() const override { return fails_; }
  void take_apart() noexcept override { note("apart"); }

 private:
  void note(const std::string& call) { calls_.push_back(name_ + " " + call); }

  Calls& calls_;
  const std::string name_, stops_, fails_;
};

TEST(Observers, ComeUpInTheirOrderAndGoDownInTheOppositeOne) {
  Calls calls;
  {
    Observers all;
    all.add<Noting>(calls, "a");
    all.add<Noting>(calls, "b");
    all.begin(7);
    EXPECT_FALSE(all.tick(8));
    probe::Sample sample;
    sample.probe = 3;
    all.sample(sample);
    all.healed();
    all.abort();
    all.end();
    EXPECT_EQ(all.failure(), "");
    EXPECT_EQ(calls, (Calls{"a begin 7", "b begin 7", "a tick", "b tick", "a sample 3", "b sample 3", "b healed",
                            "a healed", "b abort", "a abort", "b end", "a end"}));
    calls.clear();
  }
  // Whoever forgets to take them apart, or cannot, has it done: all of them before the first is gone.
  EXPECT_EQ(calls, (Calls{"b apart", "a apart", "b gone", "a gone"}));
}

TEST(Observers, TheFirstThatStopsTheRunIsTheReason) {
  Calls calls;
  Observers all;
  all.add<Noting>(calls, "a");
  all.add<Noting>(calls, "b", "b is gone");
  all.add<Noting>(calls, "c", "c is gone");
  const auto stop = all.tick(1);
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->reason, "b is gone");
  EXPECT_EQ(calls, (Calls{"a tick", "b tick"}));
}

TEST(Observers, TheFirstThatFailedIsToldOf) {
  Calls calls;
  Observers all;
  all.add<Noting>(calls, "a");
  all.add<Noting>(calls, "b", "", "b broke");
  all.add<Noting>(calls, "c", "", "c broke");
  EXPECT_EQ(all.failure(), "b broke");
}

TEST(RunClock, AWaitHasNotBeen) {
  RunClock clock;
  EXPECT_FALSE(clock.has_begun());
  clock.begin(1000);
  EXPECT_TRUE(clock.has_begun());
  EXPECT_EQ(clock.since_t0(1200), 200);
  clock.stop_at(300);  // reached at 1300
  clock.keep_still(1350);
  clock.keep_still(1400);
  EXPECT_EQ(clock.waited(), 100);
  EXPECT_EQ(clock.epoch(), 1100);
  EXPECT_EQ(clock.since_t0(1200), 200) << "before the wait";
  EXPECT_EQ(clock.since_t0(1350), 300) << "in it";
  EXPECT_EQ(clock.since_t0(1500), 400) << "after it";
  clock.stop_at(500);  // at 1600
  clock.keep_still(1700);
  EXPECT_EQ(clock.since_t0(1200), 200);
  EXPECT_EQ(clock.since_t0(1550), 450);
  EXPECT_EQ(clock.since_t0(1750), 550);
}

}  // namespace
}  // namespace faultline::observe
