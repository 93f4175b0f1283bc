#include "tests/harness/steadiness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "faults/abi.h"
#include "tests/harness/unmade_suite.h"

namespace faultline::test {
namespace {

constexpr int kPlays = 3;
constexpr const char* kPlay = "FAULTLINE_TEST_PLAY";      // which one this process is; absent: the first
constexpr const char* kBegan = "FAULTLINE_TEST_BEGAN";    // when the first began, of CLOCK_MONOTONIC
constexpr const char* kCalm = "FAULTLINE_TEST_CALM";      // for tests of this: the machine is calm, whatever it is
constexpr const char* kFailed = "FAULTLINE_TEST_FAILED";  // an earlier play found what counts

constexpr Ns kNap = 2 * kMillisecond, kOverslept = 20 * kMillisecond;
constexpr double kOthers = 0.25;  ///< of all CPUs, used by others than the tests and what they started
constexpr Ns kPatience = 15 * kSecond;
constexpr Ns kLongest = 250 * kSecond;  ///< no play begins later than this after the first: ctest's limit is 600 s

std::mutex mutex;
std::string said;  // what disturbed the running test, by its own account

void nap(Ns time) {
  const timespec t{time / kSecond, time % kSecond};
  nanosleep(&t, nullptr);
}

Ns first_play() {
  static const char* const began = std::getenv(kBegan);
  static const Ns ours = monotonic_now();
  return began != nullptr ? std::atoll(began) : ours;
}

Ns ns_of(const timeval& t) { return t.tv_sec * kSecond + t.tv_usec * kMicrosecond; }

/// CPU time since some beginning: of the whole machine, what a hypervisor gave to others, and ours with our children's
/// (the living ones' is not known to us before they end, but for that which /proc tells).
struct Usage {
  Ns at = monotonic_now(), machine = 0, stolen = 0, ours = 0;

  static Usage now() {
    Usage usage;
    std::ifstream file("/proc/stat");
    std::string name;
    long user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0, steal = 0;
    file >> name >> user >> nice >> system >> idle >> waiting >> irq >> softirq >> steal;
    const Ns tick = kSecond / sysconf(_SC_CLK_TCK);
    // Interrupts serve packets, which are the tests' more often than not. What runs at a nice value gives way: such are
    // the virtual machines that tests/run plays beside us. If it does not give way, sleepers wake late.
    usage.machine = (user + system) * tick;
    usage.stolen = steal * tick;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
      rusage used{};
      getrusage(who, &used);
      usage.ours += ns_of(used.ru_utime) + ns_of(used.ru_stime);
    }
    return usage;
  }
};

/// What others used of the machine between two instants, as a share of all CPUs; what was stolen is theirs as well.
double share_of_others(const Usage& from, const Usage& to) {
  const auto all = static_cast<double>(to.at - from.at) * static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  return static_cast<double>((to.machine - from.machine) - (to.ours - from.ours) + (to.stolen - from.stolen)) / all;
}

/// A thread that sleeps a little, again and again, and notes how much too late it woke.
class Watch {
 public:
  Watch() : thread_([this] { watch(); }) {}
  ~Watch() {
    ending_ = true;
    thread_.join();
  }
  Ns take_worst() { return worst_.exchange(0); }

 private:
  void watch() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    prctl(PR_SET_TIMERSLACK, 1);
    while (!ending_) {
      const Ns before = monotonic_now();
      nap(kNap);
      const Ns late = monotonic_now() - before - kNap;
      for (Ns worst = worst_; late > worst && !worst_.compare_exchange_weak(worst, late);) {
      }
    }
  }
  std::atomic<bool> ending_ = false;
  std::atomic<Ns> worst_ = 0;
  std::thread thread_;
};

/// Notes for each test that failed whether the machine was disturbed meanwhile.
class Judge : public testing::EmptyTestEventListener {
 public:
  std::vector<std::string> again;  ///< failed and disturbed
  bool failed = false;             ///< something else failed

 private:
  void OnTestSuiteStart(const testing::TestSuite&) override { begin(); }
  void OnTestStart(const testing::TestInfo&) override {
    unmade_ = suite_is_unmade();
    if (!unmade_) begin();  // else what disturbed the set-up is what counts
  }
  void begin() {
    begin_ = Usage::now();
    watch_.take_worst();
    worst_ = 0;
    const std::lock_guard lock(mutex);
    said.clear();
  }
  void OnTestEnd(const testing::TestInfo& info) override {
    const Ns overslept = worst_ = std::max(worst_, watch_.take_worst());
    if (!info.result()->Failed()) return;
    const double others = share_of_others(begin_, Usage::now());
    std::string why;
    {
      const std::lock_guard lock(mutex);
      why = said;
    }
    const bool look = std::getenv(kCalm) == nullptr;
    if (look && overslept > kOverslept) why += fmt::format("; a sleeper woke {} ms late", overslept / kMillisecond);
    if (look && others > kOthers) why += fmt::format("; others used {:.0f} % of the CPUs", others * 100);
    const std::string name = std::string(info.test_suite_name()) + "." + info.name();
    if (why.empty()) {
      failed = true;
      return;
    }
    fmt::print("[DISTURBED ] {}: {}\n", name, why.starts_with("; ") ? why.substr(2) : why);
    again.push_back(name);
  }
  void OnTestSuiteEnd(const testing::TestSuite& suite) override {
    // Of one that could not be set up the tests have failed, each of them: they are what is played again.
    failed |= suite.ad_hoc_test_result().Failed() && !std::exchange(unmade_, false);
  }

  Usage begin_;
  Ns worst_ = 0;
  bool unmade_ = false;  // the suite that runs
  Watch watch_;
};

/// Ahead of whatever else the machine does: by our nice value, and where the kernel groups processes by session, by a
/// session of our own and its group's. What tests start inherits both. (Services of a lab run at nice 0 as ever.)
void be_urgent() {
  setpriority(PRIO_PROCESS, 0, -20);
  std::ifstream file("/proc/" + std::to_string(getppid()) + "/comm");
  std::string parent;
  // Ctrl-C does not reach another session. Under ctest we end with it instead; a shell's session is its own.
  if (!std::getline(file, parent) || parent != "ctest" || setsid() == -1) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::ofstream("/proc/self/autogroup") << -20;
}

void await_calm() {
  for (const Ns end = monotonic_now() + kPatience; monotonic_now() < end;) {
    const Usage before = Usage::now();
    nap(500 * kMillisecond);
    if (share_of_others(before, Usage::now()) < kOthers) return;
  }
}

[[noreturn]] void play_again(const std::vector<std::string>& tests, int play, bool failed, int argc, char** argv) {
  if (std::getenv(kCalm) == nullptr) await_calm();
  std::string filter = "--gtest_filter=";
  for (const auto& test : tests) filter += test + ":";
  fmt::print("[   AGAIN  ] play {} of {}\n", play, kPlays);
  std::fflush(nullptr);
  setenv(kPlay, std::to_string(play).c_str(), 1);
  setenv(kBegan, std::to_string(first_play()).c_str(), 1);
  if (failed) setenv(kFailed, "1", 1);
  std::vector<char*> arguments{argv[0]};
  for (int i = 1; i < argc; i++) {
    const std::string argument = argv[i];
    if (!argument.starts_with("--gtest_filter") && !argument.starts_with("--gtest_repeat"))
      arguments.push_back(argv[i]);
  }
  arguments.push_back(filter.data());
  arguments.push_back(nullptr);
  execv("/proc/self/exe", arguments.data());
  std::perror("play again");
  std::exit(1);
}

}  // namespace

void disturbed(const std::string& why) {
  const std::lock_guard lock(mutex);
  said += "; " + why;
}

void disturbed_if_stalled(Ns stalled) {
  if (stalled >= static_cast<Ns>(FL_LEASE_NS))
    disturbed(fmt::format("the line stood still for {} ms", stalled / kMillisecond));
}

int run_all_steadily(int argc, char** argv) {
  std::vector<std::string> given(argv, argv + argc);  // InitGoogleTest takes its own arguments out
  std::vector<char*> copy;
  for (auto& argument : given) copy.push_back(argument.data());
  testing::InitGoogleTest(&argc, argv);
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();

  first_play();
  be_urgent();
  auto* judge = new Judge;  // GoogleTest's, from here on
  testing::UnitTest::GetInstance()->listeners().Append(judge);
  const int status = RUN_ALL_TESTS();
  const bool failed = judge->failed || std::getenv(kFailed) != nullptr;
  if (judge->again.empty()) return failed ? 1 : status;
  const char* play = std::getenv(kPlay);
  const int next = (play != nullptr ? std::atoi(play) : 1) + 1;
  if (next <= kPlays && monotonic_now() - first_play() < kLongest)
    play_again(judge->again, next, failed, static_cast<int>(copy.size()), copy.data());
  fmt::print("[  FAILED  ] {} plays, and each time the machine was disturbed: it is too busy for this test\n",
             next - 1);
  return 1;
}

}  // namespace faultline::test
