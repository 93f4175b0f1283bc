// Filters and qdiscs under clsact: ours come and go, other people's stay, and a kill leaves nothing. What is there is
// asked of the kernel through the same listing that the code uses, and once of `tc`, which knows nothing of it.
#include "injector/pen/clsact.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/base/rtnetlink.h"
#include "injector/pen/janitor.h"
#include "injector/pen/tc.h"
#include "tests/harness/passing_program.h"

namespace faultline::pen {
namespace {

constexpr Ns kWithin = 2 * kSecond;  // promised after a kill
constexpr Ns kPatience = 20 * kSecond;

bool eventually(Ns within, const std::function<bool()>& condition) {
  const Ns end = monotonic_now() + within;
  while (!condition()) {
    if (monotonic_now() > end) return false;
    usleep(2000);
  }
  return true;
}

int index_of(const std::string& device) { return static_cast<int>(if_nametoindex(device.c_str())); }

std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  char piece[512];
  while (fgets(piece, sizeof piece, pipe) != nullptr) output += piece;
  pclose(pipe);
  return output;
}

class Child {
 public:
  /// Runs `body` in a child; returns when it has called ready().
  explicit Child(const std::function<void(const std::function<void()>& ready)>& body) {
    int ends[2];
    check("pipe", pipe2(ends, O_CLOEXEC));
    Fd from(ends[0]), to(ends[1]);
    pid_ = static_cast<pid_t>(check("fork", fork()));
    if (pid_ == 0) {
      try {
        body([&] { check("tell the test", write(to.get(), "x", 1)); });
      } catch (const std::exception& e) {
        fprintf(stderr, "child: %s\n", e.what());
      }
      _exit(1);
    }
    to.reset();
    char x = 0;
    ready_ = read(from.get(), &x, 1) == 1;
  }
  ~Child() {
    if (pid_ > 0) kill_it();
  }
  bool ready() const { return ready_; }
  void kill_it() {
    ::kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
  bool ready_ = false;
};

struct ClsactTest : testing::Test {
  ClsactTest() {
    Inside in(ns);
    add_veth({"one", nullptr}, {"two", nullptr});
    one = index_of("one");
    two = index_of("two");
  }

  std::unique_ptr<ClassicFilter> attach(int ifindex, Hook hook, Janitor* janitor = nullptr) {
    Inside in(ns);
    return std::make_unique<ClassicFilter>(program.get(), ifindex, hook, ifindex == one ? "one" : "two", ns, janitor);
  }
  std::size_t filters(int ifindex, Hook hook) {
    Inside in(ns);
    const auto all = tc::list_filters(ifindex, hook);
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& f) { return f.handle != 0; }));
  }
  std::size_t all_filters() {
    return filters(one, Hook::ingress) + filters(one, Hook::egress) + filters(two, Hook::ingress) +
           filters(two, Hook::egress);
  }
  std::string qdisc(int ifindex) {
    Inside in(ns);
    return tc::ingress_qdisc(ifindex);
  }
  bool clean() { return all_filters() == 0 && qdisc(one).empty() && qdisc(two).empty(); }
  void foreign_filter(int ifindex, Hook hook, std::uint32_t priority) {
    Inside in(ns);
    const Fd theirs = test::passing_program();
    ASSERT_TRUE(tc::add_filter(ifindex, "x", hook, priority, theirs.get(), "theirs"));
  }
  std::string only_name(int ifindex, Hook hook) {
    Inside in(ns);
    std::string names;
    for (const auto& f : tc::list_filters(ifindex, hook)) {
      if (f.handle != 0) names += f.name.substr(0, f.name.find_first_of(":")) + "@" + std::to_string(f.priority) + " ";
    }
    return names;
  }

  NetNs ns = NetNs::create();
  int one = 0, two = 0;
  Fd program = test::passing_program();
};

TEST_F(ClsactTest, ComesAndGoesWithItsQdisc) {
  auto out = attach(one, Hook::egress);
  EXPECT_EQ(out->priority(), 1u);
  {
    Inside in(ns);
    EXPECT_NE(run("tc qdisc show dev one").find("qdisc clsact"), std::string::npos);
    const std::string shown = run("tc filter show dev one egress");
    EXPECT_NE(shown.find("faultline:"), std::string::npos) << shown;
    EXPECT_NE(shown.find("direct-action"), std::string::npos) << shown;
  }
  auto in = attach(one, Hook::ingress);
  EXPECT_EQ(filters(one, Hook::egress), 1u);
  EXPECT_EQ(filters(one, Hook::ingress), 1u);
  out->close();
  EXPECT_EQ(filters(one, Hook::egress), 0u);
  EXPECT_EQ(filters(one, Hook::ingress), 1u) << "the other one keeps the qdisc";
  in->close();
  EXPECT_TRUE(clean());
  EXPECT_NO_THROW(in->close());
}

TEST_F(ClsactTest, AForeignQdiscStaysThoughEmpty) {
  {
    Inside in(ns);
    ASSERT_TRUE(tc::add_clsact(one, "one"));
  }
  auto ours = attach(one, Hook::egress);
  auto also = attach(one, Hook::ingress);
  ours->close();
  also->close();
  EXPECT_EQ(all_filters(), 0u);
  EXPECT_EQ(qdisc(one), "clsact");
}

TEST_F(ClsactTest, ForeignFiltersKeepTheirPlaces) {
  {
    Inside in(ns);
    ASSERT_TRUE(tc::add_clsact(one, "one"));
  }
  foreign_filter(one, Hook::egress, 1);
  foreign_filter(one, Hook::egress, 2);
  foreign_filter(one, Hook::egress, 7);
  foreign_filter(one, Hook::ingress, 9);
  auto out = attach(one, Hook::egress);
  auto in = attach(one, Hook::ingress);
  EXPECT_EQ(out->priority(), 3u);
  EXPECT_EQ(in->priority(), 1u);
  EXPECT_EQ(only_name(one, Hook::egress), "theirs@1 theirs@2 faultline@3 theirs@7 ");
  EXPECT_EQ(only_name(one, Hook::ingress), "faultline@1 theirs@9 ");
  out->close();
  in->close();
  EXPECT_EQ(only_name(one, Hook::egress), "theirs@1 theirs@2 theirs@7 ");
  EXPECT_EQ(only_name(one, Hook::ingress), "theirs@9 ");
}

TEST_F(ClsactTest, AForeignFilterAddedLaterKeepsOurQdiscAlive) {
  auto ours = attach(one, Hook::egress);
  foreign_filter(one, Hook::ingress, 5);
  ours->close();
  EXPECT_EQ(only_name(one, Hook::ingress), "theirs@5 ");
  EXPECT_EQ(filters(one, Hook::egress), 0u);
}

TEST_F(ClsactTest, AForeignChainKeepsOurQdiscAlive) {
  auto ours = attach(one, Hook::egress);
  {
    Inside in(ns);
    ASSERT_EQ(run("tc chain add dev one ingress chain 3"), "");
  }
  ours->close();
  EXPECT_EQ(qdisc(one), "clsact");
  EXPECT_EQ(all_filters(), 0u);
}

TEST_F(ClsactTest, WhatOthersTookAwayIsNotOursToRemoveAgain) {
  auto ours = attach(one, Hook::egress);
  {
    Inside in(ns);
    tc::delete_clsact(one, "one");
    ASSERT_TRUE(tc::add_clsact(one, "one"));  // theirs now
  }
  EXPECT_NO_THROW(ours->close());
  EXPECT_EQ(qdisc(one), "clsact");
}

TEST_F(ClsactTest, ADeviceThatIsGoneIsNoError) {
  Janitor* none = nullptr;
  auto ours = attach(one, Hook::egress, none);
  {
    Inside in(ns);
    delete_device(one);
  }
  EXPECT_NO_THROW(ours->close());
}

TEST_F(ClsactTest, AnIngressQdiscServesIngressAndIsNamedWhenItCannotServe) {
  {
    Inside in(ns);
    ASSERT_EQ(run("tc qdisc add dev one ingress"), "");
  }
  auto in = attach(one, Hook::ingress);
  EXPECT_EQ(filters(one, Hook::ingress), 1u);
  try {
    attach(one, Hook::egress);
    ADD_FAILURE() << "attached to egress";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::cannot_run);
    EXPECT_NE(std::string(failure.what()).find("one"), std::string::npos);
  }
  in->close();
  EXPECT_EQ(qdisc(one), "ingress");
  EXPECT_EQ(filters(one, Hook::ingress), 0u);
}

TEST_F(ClsactTest, ARefusedAttachmentLeavesNothing) {
  const auto janitor = Janitor::start();
  Inside in(ns);
  const Fd no_program = Fd(static_cast<int>(check("open", ::open("/dev/null", O_RDONLY | O_CLOEXEC))));
  EXPECT_THROW(ClassicFilter(no_program.get(), one, Hook::egress, "one", ns, janitor.get()), std::system_error);
  EXPECT_EQ(tc::ingress_qdisc(one), "");
  EXPECT_THROW(ClassicFilter(program.get(), 4711, Hook::egress, "gone", ns, janitor.get()), std::system_error);
}

TEST_F(ClsactTest, TheJanitorCleansUpAfterAKill) {
  Child child([&](const auto& ready) {
    const auto janitor = Janitor::start();
    auto a = attach(one, Hook::egress, janitor.get()), b = attach(one, Hook::ingress, janitor.get());
    auto c = attach(two, Hook::egress, janitor.get()), d = attach(two, Hook::ingress, janitor.get());
    ready();
    for (;;) pause();
  });
  ASSERT_TRUE(child.ready());
  EXPECT_EQ(all_filters(), 4u);
  EXPECT_EQ(qdisc(one), "clsact");
  EXPECT_EQ(qdisc(two), "clsact");
  foreign_filter(two, Hook::ingress, 9);
  child.kill_it();
  EXPECT_TRUE(eventually(kWithin, [&] { return all_filters() == 1 && qdisc(one).empty(); }));
  EXPECT_EQ(only_name(two, Hook::ingress), "theirs@9 ") << "the foreign filter keeps the qdisc";
}

TEST_F(ClsactTest, AKillAtAnyInstantLeavesNothing) {
  std::mt19937 random(7);
  for (int i = 0; i < 60; i++) {
    Child child([&](const auto& ready) {
      const auto janitor = Janitor::start();
      ready();
      for (;;) {
        auto a = attach(one, Hook::egress, janitor.get()), b = attach(two, Hook::ingress, janitor.get());
      }
    });
    ASSERT_TRUE(child.ready());
    usleep(random() % 3000);
    child.kill_it();
    ASSERT_TRUE(eventually(kWithin, [&] { return clean(); })) << "attempt " << i;
  }
}

TEST_F(ClsactTest, SignalsForTheSessionDoNotEndTheJanitor) {
  Child child([&](const auto& ready) {
    const auto janitor = Janitor::start();
    auto a = attach(one, Hook::egress, janitor.get());
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::kill(janitor->pid(), signal);
    auto b = attach(two, Hook::egress, janitor.get());
    ready();
    for (;;) pause();
  });
  ASSERT_TRUE(child.ready());
  child.kill_it();
  EXPECT_TRUE(eventually(kWithin, [&] { return clean(); }));
}

TEST_F(ClsactTest, TheJanitorEndsWithItsParentSLastWord) {
  auto janitor = Janitor::start();
  const pid_t pid = janitor->pid();
  { auto a = attach(one, Hook::egress, janitor.get()); }
  EXPECT_TRUE(clean());
  janitor.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(ClsactTest, NothingIsAttachedWhenTheJanitorIsGone) {
  const auto janitor = Janitor::start();
  ::kill(janitor->pid(), SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] {
    try {
      attach(one, Hook::egress, janitor.get());
      return false;
    } catch (const std::system_error&) {
      return true;
    }
  }));
  EXPECT_TRUE(clean());
}

TEST_F(ClsactTest, WithoutItsJanitorAFilterStillCleansUpAfterItself) {
  const auto janitor = Janitor::start();
  auto ours = attach(one, Hook::egress, janitor.get());
  ::kill(janitor->pid(), SIGKILL);
  siginfo_t info;  // waits without reaping, which is the destructor's
  check("wait", waitid(P_PID, static_cast<id_t>(janitor->pid()), &info, WEXITED | WNOWAIT));
  EXPECT_NO_THROW(ours->close());
  EXPECT_TRUE(clean());
}

TEST_F(ClsactTest, LeftoversOfADeadRunWhoseJanitorDiedTooAreRemoved) {
  Child child([&](const auto& ready) {
    auto a = attach(one, Hook::egress), b = attach(one, Hook::ingress);
    ready();
    for (;;) pause();
  });
  ASSERT_TRUE(child.ready());
  child.kill_it();
  EXPECT_EQ(all_filters(), 2u);
  auto ours = attach(one, Hook::egress);
  EXPECT_EQ(ours->priority(), 1u);
  EXPECT_EQ(all_filters(), 1u);
  ours->close();
  EXPECT_TRUE(clean()) << "the leftover said that its qdisc was ours";
}

}  // namespace
}  // namespace faultline::pen
