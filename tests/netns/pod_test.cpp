// Pods, as far as that goes without a kubelet: real processes in real cgroups that are named as the kubelet names them,
// and a command called crictl that answers as crictl does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/harness/command.h"
#include "tests/harness/leftovers.h"
#include "tests/harness/played_plan.h"
#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

std::string with_underscores(std::string uid) {
  std::replace(uid.begin(), uid.end(), '-', '_');
  return uid;
}

class PodTest : public testing::Test {
 protected:
  static constexpr Ns kDelay = 100 * kMillisecond;

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  void TearDown() override { setenv("PATH", path.c_str(), 1); }

  static std::string text(const std::string& pod, const std::string& more = "") {
    return fmt::format(
        "duration = \"60s\"\n[targets.a]\npod = \"{}\"\n{}\n[[faults]]\nkind = \"degrade\"\non = \"a\"\nstart = "
        "\"0s\"\nfor = \"run\"\ndelay = \"100ms\"\n",
        pod, more);
  }
  /// From here on there is a crictl that knows one pod, shop/web-0, in place of what it said before.
  void crictl_knows(const std::string& uid) {
    folder.write(
        "pods.json",
        fmt::format(
            R"({{"items":[{{"id":"1","metadata":{{"name":"web-0","uid":"{}","namespace":"shop","attempt":0}},"state":"SANDBOX_READY"}}]}})",
            uid));
    const auto command = folder.write(
        "crictl", fmt::format("#!/bin/sh\n[ \"$*\" = \"pods -o json\" ] && exec cat {}/pods.json\nexit 1\n",
                              folder.path().string()));
    std::filesystem::permissions(command, std::filesystem::perms::owner_all);
    setenv("PATH", (folder.path().string() + ":" + path).c_str(), 1);
  }
  static bool takes(const TwoNamespaces& place, std::uint16_t port, int times) {
    return eventually([&] {
      const Ns took = echo_time(place.there, SOCK_DGRAM, address("10.7.0.1", port));
      return took >= std::max<Ns>(0, times * kDelay - kMillisecond) && took < (times + 1) * kDelay;
    });
  }
  static std::string refusal(const std::string& plan) {
    try {
      PlayedPlan played(plan);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), Exit::cannot_run);
      return failure.what();
    }
    ADD_FAILURE() << "not refused";
    return {};
  }

  const std::string path = std::getenv("PATH");
  const std::string uid = fmt::format("0a1b2c3d-0a1b-0a1b-0a1b-{:012x}", getpid());
  TemporaryFolder folder;
  Bed bed;
};

TEST_F(PodTest, IsItsNetworkNamespaceWhicheverDriverNamedIt) {
  const ScratchCgroup systemd("kubepods.slice"), cgroupfs("kubepods");
  for (const auto& [above, name] :
       {std::pair{&systemd, "kubepods-pod" + with_underscores(uid) + ".slice"}, std::pair{&cgroupfs, "pod" + uid}}) {
    SCOPED_TRACE(name);
    const ScratchCgroup pod(name, above->path());
    ScratchCgroup pause("cri-containerd-1.scope", pod.path()), web("cri-containerd-2.scope", pod.path());
    EchoProcess first(&pause, bed.here, 7000), second(&web, bed.here, 7001);
    PlayedPlan played(text(uid));
    EXPECT_TRUE(takes(bed, 7000, 2));
    EXPECT_TRUE(takes(bed, 7001, 2));
    played.finish();
  }
  const ScratchCgroup empty("pod" + uid, cgroupfs.path());
  EXPECT_NE(refusal(text(uid)).find("has no process"), std::string::npos);
}

TEST_F(PodTest, InTheHostsNetworkIsItsCgroup) {
  ScratchCgroup above("kubepods"), pod("pod" + uid, above.path()), web("4711", pod.path());
  EchoProcess inside(&web, bed.here, 7000), outside(nullptr, bed.here, 7001);
  PlayedPlan played(text(uid));
  EXPECT_TRUE(takes(bed, 7000, 2));
  EXPECT_TRUE(takes(bed, 7001, 0));
  played.finish();
}

TEST_F(PodTest, IsFoundByNameThroughCrictl) {
  ScratchCgroup above("kubepods"), pod("pod" + uid, above.path()), web("4711", pod.path());
  EchoProcess inside(&web, bed.here, 7000);
  crictl_knows(uid);
  for (const char* name : {"web-0", "shop/web-0"}) {
    PlayedPlan played(text(name));
    EXPECT_TRUE(takes(bed, 7000, 2));
    played.finish();
  }
  EXPECT_NE(refusal(text("bank/web-0")).find("there is no pod bank/web-0"), std::string::npos);
  crictl_knows("1" + uid.substr(1));
  EXPECT_NE(refusal(text("web-0")).find("does not run on this machine"), std::string::npos);
}

TEST_F(PodTest, ByNameNeedsCrictl) {
  if (std::system("command -v crictl >/dev/null 2>&1") == 0) GTEST_SKIP() << "there is one";
  EXPECT_NE(refusal(text("web-0")).find("crictl, which is not installed"), std::string::npos);
}

TEST_F(PodTest, MadeAgainUnderItsNameIsFollowed) {
  const std::string next = "1" + uid.substr(1);
  TwoNamespaces again;
  ScratchCgroup above("kubepods");
  auto pod = std::make_unique<ScratchCgroup>("pod" + uid, above.path());
  auto server = std::make_unique<EchoProcess>(pod.get(), bed.here, 7000);
  crictl_knows(uid);
  const auto out = folder.path() / "run";
  Command run = Command::run(folder.write("plan.toml", text("shop/web-0")), out);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  EXPECT_TRUE(takes(bed, 7000, 2));
  server.reset();
  pod.reset();
  pod = std::make_unique<ScratchCgroup>("pod" + next, above.path());
  server = std::make_unique<EchoProcess>(pod.get(), again.here, 7000);
  crictl_knows(next);
  EXPECT_TRUE(await_event(out, "target", "replaced")) << run.errors();
  EXPECT_TRUE(takes(again, 7000, 2));
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(20 * kSecond), 5) << run.errors();
  for (const NetNs* place : {&bed.here, &again.here})
    EXPECT_EQ(left_in(*place, {"lo", "eth0"}), std::vector<std::string>{});
}

}  // namespace
}  // namespace faultline::test
