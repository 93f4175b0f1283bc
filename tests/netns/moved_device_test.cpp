// A device that leaves its network namespace during a fault takes nothing of ours along, whatever it is and wherever it
// goes: in the new namespace its traffic is untouched at once, and soon nothing is attached to it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <time.h>

#include "injector/base/clock.h"
#include "injector/pen/chain.h"
#include "injector/pen/tc.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

struct MovedDeviceTest : testing::TestWithParam<const char*> {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (GetParam() == std::string("tcx") && pen::probe_features().engine() != pen::Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
  }

  static std::string shell(const NetNs& ns, const std::string& script) {
    Inside in(ns);
    Command command({"sh", "-c", script + " 2>&1"});
    command.wait(30 * kSecond);
    return command.out();
  }
  /// What is attached to a device of the namespace, ours or not.
  static std::size_t attached(const NetNs& ns, const char* device) {
    Inside in(ns);
    const int index = static_cast<int>(if_nametoindex(device));
    std::size_t n = 0;
    for (const auto hook : {pen::Hook::ingress, pen::Hook::egress}) {
      if (const auto chain = pen::tcx_chain(index, hook)) n += chain->entries.size();
      n += pen::tc::list_filters(index, hook).size();
    }
    return n + !pen::tc::ingress_qdisc(index).empty();
  }

  /// Plays a run of 8 s with a fault that loses everything on `net.here`, moves `device` into `to` in the middle of it,
  /// and expects that nothing is lost there.
  void play(const std::string& device, const NetNs& to, const std::string& more = "") {
    VictimPlan plan{.netns = net.path()};
    plan.duration = "6s";
    plan.length = "5s";
    plan.effect = "kind = \"sever\"";
    Command run = Command::run(folder.write("plan.toml", plan.text()), out, {"--engine", GetParam()});
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    ASSERT_GT(attached(net.here, device.c_str()), 0u);
    const std::string moved =
        shell(net.here, fmt::format("ip link set {} netns /proc/{}/fd/{}", device, getpid(), to.fd()));
    ASSERT_EQ(moved, "");
    const std::string pings =
        shell(to, fmt::format("ip addr add 10.7.0.1/24 dev {0}; ip link set {0} up; {1} ping -c3 -i.2 -W1 -q 10.7.0.2",
                              device, more));
    EXPECT_NE(pings.find("3 received"), std::string::npos) << pings;
    EXPECT_TRUE(eventually([&] { return attached(to, device.c_str()) == 0; })) << "nothing is left on it";
    EXPECT_TRUE(await_event(out, "fault_end"));
    run.wait(30 * kSecond);
    const auto summary = summary_of(out);
    EXPECT_NE(summary["warnings"].dump().find("was moved out"), std::string::npos) << summary["warnings"];
    EXPECT_EQ(summary["cleanup"]["ok"], true) << summary["cleanup"];
  }

  TwoNamespaces net;
  NetNs elsewhere = NetNs::create();
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

INSTANTIATE_TEST_SUITE_P(Engines, MovedDeviceTest, testing::Values("tcx", "clsact"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(MovedDeviceTest, a_veth_into_a_namespace_that_nobody_knows) { play("eth0", elsewhere); }

/// Where the number of our own veth is somebody else's device, which must not get the packets.
TEST_P(MovedDeviceTest, where_another_device_has_the_number_of_ours) {
  shell(elsewhere,
        "for i in $(seq 40); do ip link add d$i index $((100 + i)) type dummy; ip link set d$i up; done;"
        "for i in $(seq 2 60); do ip link add e$i index $i type dummy && ip link set e$i up; done");
  play("eth0", elsewhere);
}

TEST_P(MovedDeviceTest, a_device_over_another) {
  // The macvlan moves away from the veth that it is on; its traffic goes on over it.
  shell(net.here,
        "ip addr flush dev eth0; ip link set eth0 up; ip link add link eth0 name over type macvlan mode bridge; "
        "ip addr add 10.7.0.1/24 dev over; ip link set over up");
  play("over", elsewhere);
}

}  // namespace
}  // namespace faultline::test
