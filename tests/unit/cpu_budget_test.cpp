// The budget of a thread in a real-time class, by clocks that the test moves.
#include "injector/base/cpu_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/unit/milliseconds.h"

namespace faultline::realtime {
namespace {

/// A thread that uses `share` of a CPU for `length`, looking every 500 µs. How long it was urgent.
struct Thread {
  explicit Thread(CommonPurse* common = nullptr) : budget({}, common) { budget.begin(now, cpu); }
  Ns use(double share, Ns length) {
    Ns urgent = 0;
    for (const Ns end = now + length; now < end;) {
      now += kStep;
      cpu += static_cast<Ns>(share * static_cast<double>(kStep));
      if (budget.look(now, cpu)) urgent += kStep;
    }
    return urgent;
  }
  static constexpr Ns kStep = 500 * kMicrosecond;
  Ns now = kSecond, cpu = 0;
  CpuBudget budget;
};

TEST(CpuBudget, AModestThreadStaysUrgent) {
  Thread thread;
  EXPECT_EQ(thread.use(0.45, 10 * kSecond), 10 * kSecond);
  EXPECT_EQ(thread.budget.fell_back(), 0u);
}

TEST(CpuBudget, OneThatTakesAllFallsBackAfterTenMilliseconds) {
  Thread thread;
  EXPECT_NEAR(static_cast<double>(thread.use(1, 50 * kMs)), 10e6, 1e6);
  EXPECT_FALSE(thread.budget.urgent());
  EXPECT_EQ(thread.budget.fell_back(), 1u);
}

TEST(CpuBudget, AndStaysSoWhileItGetsItsShareAsAnOrdinaryThread) {
  Thread thread;
  thread.use(1, kSecond);
  EXPECT_FALSE(thread.budget.urgent());
  EXPECT_EQ(thread.budget.fell_back(), 1u);
}

TEST(CpuBudget, OneThatIsStarvedComesBackAfterTenMilliseconds) {
  Thread thread;
  thread.use(1, 10 * kMs);
  ASSERT_FALSE(thread.budget.urgent());
  EXPECT_EQ(thread.use(0.2, 9 * kMs), 0);
  EXPECT_GT(thread.use(0.2, 3 * kMs), 0);
  EXPECT_TRUE(thread.budget.urgent());
  EXPECT_NEAR(static_cast<double>(thread.budget.ordinary()), 10e6, 1e6);
}

/// What others are left with, whatever the thread wants: at most half of the time is the thread's as an urgent one.
TEST(CpuBudget, NeverTakesMoreThanHalfOfTheTimeForLong) {
  Thread thread;
  Ns used = 0;
  for (int i = 0; i < 1000; i++) {
    const Ns before = thread.cpu;
    const bool urgent = thread.budget.urgent();
    thread.use(urgent ? 1 : 0.05, kMs);  // it is starved whenever it is not urgent
    if (urgent) used += thread.cpu - before;
  }
  EXPECT_LE(used, 550 * kMs);
  EXPECT_GE(used, 400 * kMs) << "it did not come back";
}

TEST(CpuBudget, ABurstAfterALongRestIsLittleAndARestEarnsNoMore) {
  Thread thread;
  thread.now += 3600 * kSecond;
  thread.use(0, kMs);
  EXPECT_LE(thread.use(1, kSecond), 11 * kMs);
}

TEST(CpuBudget, AThreadThatLooksSeldomIsJudgedByAllThatItUsed) {
  Thread thread;
  thread.now += 10 * kSecond;
  thread.cpu += 20 * kMs;  // 0.2 % of a CPU
  EXPECT_TRUE(thread.budget.look(thread.now, thread.cpu));
  thread.now += 20 * kMs;
  thread.cpu += 20 * kMs;
  EXPECT_FALSE(thread.budget.look(thread.now, thread.cpu));
}

TEST(CpuBudget, MadeOrdinaryByTheKernelItComesBackLikewise) {
  Thread thread;
  thread.budget.fall(thread.now, thread.cpu);
  EXPECT_EQ(thread.use(0.1, 9 * kMs), 0);
  thread.use(0.1, 3 * kMs);
  EXPECT_TRUE(thread.budget.urgent());
  EXPECT_EQ(thread.budget.fell_back(), 1u);
}

TEST(CpuBudget, ManyTogetherTakeNoMoreThanTheirCommonPurseHolds) {
  CommonPurse common(0.5, 10 * kMs);
  std::vector<std::unique_ptr<Thread>> threads;
  for (int i = 0; i < 10; i++) threads.push_back(std::make_unique<Thread>(&common));
  Ns used = 0;
  for (int i = 0; i < 1000; i++)
    for (auto& thread : threads) {
      const bool urgent = thread->budget.urgent();
      thread->use(urgent ? 0.4 : 0.01, kMs);  // each within its own
      if (urgent) used += static_cast<Ns>(0.4 * kMs);
    }
  EXPECT_LE(used, 750 * kMs) << "ten that would take four CPUs";
  EXPECT_GE(used, 200 * kMs);
}

TEST(CpuBudget, AFewModestOnesDoNotFeelTheCommonPurse) {
  CommonPurse common(0.5, 10 * kMs);
  Thread a(&common), b(&common);
  for (int i = 0; i < 1000; i++) {
    a.use(0.2, kMs);
    b.use(0.2, kMs);
  }
  EXPECT_EQ(a.budget.fell_back() + b.budget.fell_back(), 0u);
}

}  // namespace
}  // namespace faultline::realtime
