// Judging: from what was seen to one line each.
#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>

#include "injector/base/privilege.h"
#include "injector/doctor/doctor.h"
#include "injector/probe/library.h"

namespace faultline::doctor {
namespace {

constexpr int kMajor = 6, kMinor = 1;  // the oldest kernel that is tested

bool older(const Facts& facts, int major, int minor) {
  return facts.major < major || (facts.major == major && facts.minor < minor);
}

std::string first_sentence(const std::string& text) { return text.substr(0, text.find('\n')); }

class Examination {
 public:
  explicit Examination(const Facts& facts) : facts_(facts) {}

  Report run() {
    kernel();
    privileges();
    engine();
    tun();
    trials();
    clocks();
    targets();
    telemetry();
    scheduling();
    others();
    kinds();
    tools();
    report_.engine = facts_.features.engine();
    report_.can_run = std::none_of(report_.findings.begin(), report_.findings.end(),
                                   [](const Finding& f) { return f.state == State::missing && f.needed; });
    return std::move(report_);
  }

 private:
  void say(std::string topic, State state, std::string what, std::string help = "", bool needed = true) {
    report_.findings.push_back({std::move(topic), state, std::move(what), std::move(help), needed});
  }

  void kernel() {
    if (older(facts_, kMajor, kMinor))
      say("kernel", State::weaker, facts_.kernel + ": older than 6.1, the oldest that is tested",
          "use a kernel from 6.1 on, better from 6.6 on");
    else
      say("kernel", State::ok, facts_.kernel);
    if (!facts_.container.empty())
      say("container", State::weaker,
          "inside a container (" + facts_.container + "): it sees the network of the container, not the machine's",
          "run it on the machine itself, or give the container --network host --pid host");
    if (facts_.lockdown == "confidentiality")
      say("lockdown", State::missing,
          "the kernel is locked down (confidentiality): eBPF programs may not read the kernel memory that they need",
          "boot with lockdown=integrity or none");
  }

  void privileges() {
    std::vector<std::string> absent;
    const auto has = [&](int capability) { return (facts_.capabilities >> capability & 1) != 0; };
    if (!has(CAP_NET_ADMIN)) absent.push_back("CAP_NET_ADMIN");
    if (!has(CAP_SYS_ADMIN)) absent.push_back("CAP_SYS_ADMIN");
    if (!has(CAP_BPF) && !has(CAP_SYS_ADMIN)) absent.push_back("CAP_BPF");
    if (facts_.user_namespace)
      say("privileges", State::missing, kUserNamespaceRoot, "sudo faultline doctor, outside of it");
    else if (absent.empty())
      say("privileges", State::ok, "CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_BPF");
    else
      say("privileges", State::missing,
          fmt::format("{}: a run needs {}; check, explain and list do not", fmt::join(absent, ", "),
                      absent.size() == 1 ? "it" : "them"),
          !facts_.root ? "sudo faultline doctor"
          : facts_.container.empty()
              ? "something withholds them from root: leave that sandbox"
              : "docker run --privileged, or --cap-add NET_ADMIN --cap-add SYS_ADMIN --cap-add BPF");
    if (absent.empty() && !has(CAP_SYS_NICE))
      say("CAP_SYS_NICE", State::weaker,
          "held packets may leave late on a busy machine: what holds them cannot get priority", "--cap-add SYS_NICE",
          false);
  }

  void engine() {
    const auto& features = facts_.features;
    if (features.engine() == pen::Engine::tcx) {
      say("attaching", State::ok, "tcx: after a kill faults end with the next packet");
      return;
    }
    const char* why = !features.btf   ? "the kernel has no type information (BTF, /sys/kernel/btf/vmlinux)"
                      : !features.tcx ? "the kernel has no TCX"
                                      : "the kernel lacks the kfuncs bpf_task_acquire and bpf_rcu_read_lock";
    say("attaching", State::weaker,
        fmt::format("clsact, because {}: after kill -9 faults end only when the kernel has closed our files; while "
                    "stopped (SIGSTOP) they go on for up to 250 ms; {}",
                    why, pen::kClsactEmptiesQueues),
        !features.btf ? "a kernel with CONFIG_DEBUG_INFO_BTF, as every large distribution has"
                      : "a kernel from 6.6 on (Debian 12: linux-image-amd64 from bookworm-backports)");
  }

  void tun() {
    switch (facts_.tun) {
      case Facts::Tun::usable:
        say("/dev/net/tun", State::ok, "delayed packets are held behind it");
        break;
      case Facts::Tun::absent:
        say("/dev/net/tun", State::missing, "not there: packets could not be held",
            facts_.container.empty() ? "sudo modprobe tun"
                                     : "docker run --device /dev/net/tun (and modprobe tun on the machine)");
        break;
      case Facts::Tun::denied:
        if (facts_.root)
          say("/dev/net/tun", State::missing, "it may not be opened", "docker run --device /dev/net/tun");
        else
          say("/dev/net/tun", State::unknown, "only root may open it", "sudo faultline doctor");
        break;
    }
  }

  /// One thing that was tried; `lost` says what is impossible without it.
  void trial(const char* topic, const Trial& trial, const char* fine, const char* lost, const char* help, bool needed,
             State bad = State::missing) {
    if (!trial)
      say(topic, State::unknown, "not tried without root", "sudo faultline doctor", needed);
    else if (trial->empty())
      say(topic, State::ok, fine);
    else
      say(topic, bad, fmt::format("{} ({})", lost, first_sentence(*trial)), help, needed);
  }

  void trials() {
    trial("network namespaces", facts_.network_namespace, "can be made", "they cannot be made",
          "a kernel with CONFIG_NET_NS; in a container: --privileged", true);
    if (facts_.network_namespace && !facts_.network_namespace->empty()) return;  // nothing else could be tried
    trial("data plane", facts_.whole,
          "built in an empty namespace, and taken down: devices, programs, the thread that holds packets",
          "it cannot be built", "docs/kernels.md says what each step needs", true);
    trial("flow steering (RPS)", facts_.steering, "a flow's packets stay in order",
          "segments of one TCP connection may overtake each other, as on a bad network", "a kernel with CONFIG_RPS",
          false, State::weaker);
    trial("labs: processes", facts_.process_namespace, "PID namespaces can be made", "no lab and no exec probe",
          "a kernel with CONFIG_PID_NS; in a container: --privileged", false);
    trial("labs: bridges", facts_.bridge, "can be made", "no lab, whose rooms are bridges", "sudo modprobe bridge",
          false);
  }

  void clocks() {
    if (facts_.own_clock)
      say("clock", State::missing,
          "a time namespace shifts this process's clock from the kernel's, which faults follow",
          "run outside of it (unshare --time, container with --time)");
    else
      say("clock", State::ok, "the kernel's own");
  }

  void targets() {
    if (facts_.cgroup2)
      say("cgroup v2", State::ok, "units and containers can be told apart");
    else
      say("cgroup v2", State::weaker,
          "it is not mounted: a fault cannot be on a unit, container or process that shares its network",
          "boot with systemd.unified_cgroup_hierarchy=1", false);
  }

  void telemetry() {
    if (const auto lack = facts_.telemetry.lack(); lack.empty())
      say("telemetry", State::ok,
          "connections, retransmissions, resets, round-trip times, bytes, packets and turns can be counted");
    else
      say("telemetry", State::weaker, lack,
          facts_.telemetry.btf ? "" : "a kernel with CONFIG_DEBUG_INFO_BTF, as every large distribution has", false);
  }

  void scheduling() {
    if (facts_.cpus == 1)
      say("CPUs", State::weaker,
          "only one: Faultline and the services wait for each other, and runs are inconclusive more often",
          "give the machine two CPUs", false);
    else
      say("CPUs", State::ok, std::to_string(facts_.cpus));
    trial("real-time class", facts_.realtime,
          "granted: packets are released and probes sent when they are due, on a busy machine too",
          "refused: on a busy machine packets may leave late and probes be sent late",
          (facts_.capabilities >> CAP_SYS_NICE & 1) == 0
              ? "--cap-add SYS_NICE"
              : "its cgroup has no real-time budget: give it one (cgroup v1: cpu.rt_runtime_us), or run outside of it",
          false, State::weaker);
    // Where it is granted, priorities do not matter.
    if (facts_.autogroup && facts_.realtime != Trial(""))
      say("autogroup", State::weaker,
          "priorities count only within one terminal's processes: on a busy machine held packets may leave late",
          "sudo sysctl kernel.sched_autogroup_enabled=0", false);
  }

  void others() {
    for (const auto& other : facts_.before)
      say("before faults", State::weaker, other + ": packets that it drops or answers meet no fault", "", false);
  }

  void kinds() {
    for (const auto& library : probe::libraries()) {
      const std::string topic = fmt::format("{} probes", library.kind);
      if (library.built_in)
        say(topic, State::ok, fmt::format("built in, with {}", library.name), "", false);
      else
        say(topic, State::weaker,
            fmt::format("this faultline is built without {}: a plan that has one is refused", library.name),
            fmt::format("sudo apt-get install {}, and build it again", library.package), false);
    }
  }

  void tools() {
    for (const auto& tool : facts_.tools) {
      const std::string whom = tool.wanted_by.size() > 3 ? fmt::format("{} experiments", tool.wanted_by.size())
                                                         : fmt::format("{}", fmt::join(tool.wanted_by, ", "));
      if (tool.found)
        say(tool.program, State::ok, "for " + whom, "", false);
      else
        say(tool.program, State::missing, "for " + whom,
            tool.package.empty() ? "install it" : "sudo apt-get install " + tool.package, false);
    }
  }

  const Facts& facts_;
  Report report_;
};

}  // namespace

Report examine(const Facts& facts) { return Examination(facts).run(); }

}  // namespace faultline::doctor
