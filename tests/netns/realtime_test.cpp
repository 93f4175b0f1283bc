// Threads in a real-time class, as the kernel schedules them: what they start is ordinary, and neither one that takes
// all it can get nor one that forgets to look keeps the class. Where the class is refused, that is known, and nothing
// else.
#include "injector/base/realtime.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "injector/base/error.h"

namespace faultline::realtime {
namespace {

/// In a thread of its own, so that the test's is left as it is.
template <class Body>
void in_a_thread(const Body& body) {
  std::thread(body).join();
}

int policy() { return sched_getscheduler(0) & ~SCHED_RESET_ON_FORK; }

bool refused(const Urgent& urgent) {
  if (urgent.granted()) return false;
  EXPECT_NE(urgent.error(), 0) << "it says why";
  EXPECT_EQ(policy(), SCHED_OTHER);
  EXPECT_EQ(tally(Rank::line).error, urgent.error());
  return true;
}

void spin(Ns length, Urgent* looking) {
  for (const Ns end = monotonic_now() + length; monotonic_now() < end;)
    if (looking != nullptr) looking->look();
}

TEST(Realtime, AThreadHasItsRankWhileItLivesAndIsThenAsItWas) {
  in_a_thread([] {
    const int nice = getpriority(PRIO_PROCESS, 0);
    {
      const Urgent urgent(Rank::line);
      if (refused(urgent)) return;
      sched_param parameters{};
      sched_getparam(0, &parameters);
      EXPECT_EQ(policy(), SCHED_FIFO);
      EXPECT_EQ(parameters.sched_priority, 2);
    }
    EXPECT_EQ(policy(), SCHED_OTHER);
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), nice);
  });
}

TEST(Realtime, NothingThatAThreadStartsInheritsItsClassOrItsPriority) {
  in_a_thread([] {
    const Urgent urgent(Rank::line, {-20, 100 * kMicrosecond});
    if (refused(urgent)) return;
    const pid_t forked = fork();
    if (forked == 0) _exit(policy() == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 0 ? 0 : 1);
    int status = -1;
    waitpid(forked, &status, 0);
    EXPECT_EQ(status, 0) << "a fork";

    const char* const look = "set -- $(cat /proc/self/stat) && [ \"${40} ${41} ${19}\" = '0 0 0' ]";
    const char* const argv[] = {"sh", "-c", look, nullptr};
    pid_t spawned = -1;
    ASSERT_EQ(posix_spawnp(&spawned, "sh", nullptr, nullptr, const_cast<char**>(argv), environ), 0);
    waitpid(spawned, &status, 0);
    EXPECT_EQ(status, 0) << "a program";

    std::thread([] {
      EXPECT_EQ(policy(), SCHED_OTHER) << "a thread";
      EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 0);
    }).join();
  });
}

TEST(Realtime, OneThatTakesAllItCanGetIsOrdinaryForAWhileAndComesBack) {
  in_a_thread([] {
    Urgent urgent(Rank::line);
    if (refused(urgent)) return;
    const auto before = tally(Rank::line).fell_back;
    for (int rounds = 0; rounds < 200 && policy() == SCHED_FIFO; rounds++) spin(5 * kMillisecond, &urgent);
    EXPECT_EQ(policy(), SCHED_OTHER);
    EXPECT_GT(tally(Rank::line).fell_back, before);
    const timespec rest{0, 15 * kMillisecond};
    for (int rounds = 0; rounds < 200 && policy() == SCHED_OTHER; rounds++) {
      nanosleep(&rest, nullptr);
      urgent.look();
    }
    EXPECT_EQ(policy(), SCHED_FIFO);
    EXPECT_GT(tally(Rank::line).ordinary, 0);
  });
}

TEST(Realtime, OneThatForgetsToLookIsStoppedByTheKernelAndLivesOn) {
  in_a_thread([] {
    Urgent urgent(Rank::line);
    if (refused(urgent)) return;
    const auto before = tally(Rank::line).stopped;
    // The kernel counts ticks, and gives every other class its due meanwhile: seconds at most.
    for (const Ns end = monotonic_now() + 20 * kSecond; monotonic_now() < end && policy() == SCHED_FIFO;)
      spin(5 * kMillisecond, nullptr);
    EXPECT_EQ(policy(), SCHED_OTHER);
    urgent.look();
    EXPECT_EQ(tally(Rank::line).stopped, before + 1);
    rlimit limit{};
    getrlimit(RLIMIT_RTTIME, &limit);
    EXPECT_LT(limit.rlim_cur, 1'000'000u) << "and it would be so again";
    EXPECT_EQ(limit.rlim_max, RLIM_INFINITY) << "none that kills";
  });
}

}  // namespace
}  // namespace faultline::realtime
