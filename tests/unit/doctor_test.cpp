// What the doctor says of machines that are not at hand.
#include "injector/doctor/doctor.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>

#include "injector/probe/library.h"

namespace faultline::doctor {
namespace {

Facts healthy() {
  Facts facts;
  facts.kernel = "6.12.1";
  facts.major = 6;
  facts.minor = 12;
  facts.cpus = 4;
  facts.root = true;
  facts.capabilities = ~0ull;
  facts.features = {.tcx = true, .owner_check = true, .btf = true};
  facts.telemetry.btf = true;
  facts.tun = Facts::Tun::usable;
  facts.cgroup2 = true;
  facts.network_namespace = facts.process_namespace = facts.bridge = facts.steering = facts.realtime = facts.whole = "";
  return facts;
}

const Finding* find(const Report& report, const std::string& topic) {
  const auto found =
      std::find_if(report.findings.begin(), report.findings.end(), [&](const Finding& f) { return f.topic == topic; });
  return found == report.findings.end() ? nullptr : &*found;
}

TEST(Doctor, AHealthyMachineHasNothingToComplainOf) {
  const Report report = examine(healthy());
  EXPECT_TRUE(report.can_run);
  EXPECT_EQ(report.engine, pen::Engine::tcx);
  for (const auto& finding : report.findings)
    if (!finding.topic.ends_with(" probes")) {
      EXPECT_EQ(finding.state, State::ok) << finding.topic << ": " << finding.what;
    }
}

TEST(Doctor, SaysWhichKindsOfProbeAreBuiltIn) {
  const Report report = examine(healthy());
  EXPECT_TRUE(report.can_run);
  for (const auto& library : probe::libraries()) {
    const Finding* finding = find(report, std::string(library.kind) + " probes");
    ASSERT_NE(finding, nullptr) << library.kind;
    EXPECT_EQ(finding->state, library.built_in ? State::ok : State::weaker);
    EXPECT_EQ(finding->help.find(library.package) != std::string::npos, !library.built_in) << finding->help;
    EXPECT_FALSE(finding->needed);
  }
}

TEST(Doctor, SaysWhatClsactDoesToAQueue) {
  Facts facts = healthy();
  facts.features.tcx = false;
  const Report report = examine(facts);
  const Finding* finding = find(report, "attaching");
  ASSERT_NE(finding, nullptr);
  EXPECT_NE(finding->what.find("the kernel empties its queue"), std::string::npos) << finding->what;
}

TEST(Doctor, TheRootOfAUserNamespaceIsToldInOneSentence) {
  Facts facts = healthy();
  facts.root = false;
  facts.user_namespace = true;  // with every capability, none of which counts
  const Report report = examine(facts);
  EXPECT_FALSE(report.can_run);
  const Finding* finding = find(report, "privileges");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->state, State::missing);
  EXPECT_NE(finding->what.find("user namespace"), std::string::npos) << finding->what;
}

struct Case {
  const char* name;
  void (*spoil)(Facts&);
  const char* topic;
  State state;
  const char* help;
  bool can_run;
};

class Doctors : public testing::TestWithParam<Case> {};

TEST_P(Doctors, SaysWhatIsWrongAndWhatHelps) {
  Facts facts = healthy();
  GetParam().spoil(facts);
  const Report report = examine(facts);
  const Finding* finding = find(report, GetParam().topic);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->state, GetParam().state) << finding->what;
  EXPECT_NE(finding->help.find(GetParam().help), std::string::npos) << finding->help;
  EXPECT_EQ(report.can_run, GetParam().can_run);
}

INSTANTIATE_TEST_SUITE_P(
    Machines, Doctors,
    testing::Values(
        Case{"old_kernel",
             [](Facts& f) {
               f.features = {.tcx = false, .owner_check = false, .btf = true};
               f.minor = 1;
             },
             "attaching", State::weaker, "6.6", true},
        Case{"older_kernel",
             [](Facts& f) {
               f.major = 5;
               f.minor = 15;
             },
             "kernel", State::weaker, "6.1", true},
        Case{"no_btf", [](Facts& f) { f.features = {}; }, "attaching", State::weaker, "CONFIG_DEBUG_INFO_BTF", true},
        Case{"no_root",
             [](Facts& f) {
               f.root = false;
               f.capabilities = 0;
               f.whole.reset();
             },
             "privileges", State::missing, "sudo", false},
        Case{"root_without",
             [](Facts& f) {
               f.container = "docker";
               f.capabilities &= ~(1ull << CAP_NET_ADMIN);
             },
             "privileges", State::missing, "--cap-add NET_ADMIN", false},
        Case{"no_nice", [](Facts& f) { f.capabilities &= ~(1ull << CAP_SYS_NICE); }, "CAP_SYS_NICE", State::weaker,
             "SYS_NICE", true},
        Case{"no_tun", [](Facts& f) { f.tun = Facts::Tun::absent; }, "/dev/net/tun", State::missing, "modprobe tun",
             false},
        Case{"tun_in_docker",
             [](Facts& f) {
               f.tun = Facts::Tun::absent;
               f.container = "docker";
             },
             "/dev/net/tun", State::missing, "--device /dev/net/tun", false},
        Case{"no_namespaces", [](Facts& f) { f.network_namespace = "EPERM"; }, "network namespaces", State::missing,
             "CONFIG_NET_NS", false},
        Case{"data_plane", [](Facts& f) { f.whole = "verifier says no"; }, "data plane", State::missing, "kernels.md",
             false},
        Case{"no_rps", [](Facts& f) { f.steering = "no rps_cpus"; }, "flow steering (RPS)", State::weaker, "CONFIG_RPS",
             true},
        Case{"no_bridge", [](Facts& f) { f.bridge = "unsupported"; }, "labs: bridges", State::missing,
             "modprobe bridge", true},
        Case{"no_pids", [](Facts& f) { f.process_namespace = "EPERM"; }, "labs: processes", State::missing,
             "CONFIG_PID_NS", true},
        Case{"time_namespace", [](Facts& f) { f.own_clock = true; }, "clock", State::missing, "--time", false},
        Case{"cgroup_v1", [](Facts& f) { f.cgroup2 = false; }, "cgroup v2", State::weaker, "unified_cgroup_hierarchy",
             true},
        Case{"one_cpu", [](Facts& f) { f.cpus = 1; }, "CPUs", State::weaker, "two", true},
        Case{"autogroup_without_realtime",
             [](Facts& f) {
               f.autogroup = true;
               f.realtime = "EPERM";
             },
             "autogroup", State::weaker, "sched_autogroup_enabled=0", true},
        Case{"no_realtime", [](Facts& f) { f.realtime = "EPERM"; }, "real-time class", State::weaker, "rt_runtime_us",
             true},
        Case{"no_realtime_for_want_of_nice",
             [](Facts& f) {
               f.realtime = "EPERM";
               f.capabilities &= ~(1ull << CAP_SYS_NICE);
             },
             "real-time class", State::weaker, "SYS_NICE", true},
        Case{"lockdown", [](Facts& f) { f.lockdown = "confidentiality"; }, "lockdown", State::missing, "integrity",
             false},
        Case{"container", [](Facts& f) { f.container = "podman"; }, "container", State::weaker, "--network host", true},
        Case{"no_haproxy",
             [](Facts& f) {
               f.tools = {{"haproxy", "haproxy", {"hello"}, false}};
             },
             "haproxy", State::missing, "apt-get install haproxy", true}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Doctor, PrioritiesOfASessionDoNotMatterToARealTimeClass) {
  Facts facts = healthy();
  facts.autogroup = true;
  EXPECT_EQ(find(examine(facts), "autogroup"), nullptr);
}

TEST(Doctor, WithoutRootWhatWasNotTriedIsUnknown) {
  Facts facts = healthy();
  facts.root = false;
  facts.capabilities = 0;
  for (Trial* trial :
       {&facts.network_namespace, &facts.process_namespace, &facts.bridge, &facts.steering, &facts.whole})
    trial->reset();
  const Report report = examine(facts);
  EXPECT_EQ(find(report, "data plane")->state, State::unknown);
  EXPECT_EQ(find(report, "data plane")->help, "sudo faultline doctor");
  EXPECT_FALSE(report.can_run);
}

}  // namespace
}  // namespace faultline::doctor
