// Looking, and trying in namespaces of our own.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "injector/base/error.h"
#include "injector/base/fd.h"
#include "injector/base/file_text.h"
#include "injector/base/flow_steering.h"
#include "injector/base/netns.h"
#include "injector/base/privilege.h"
#include "injector/base/program.h"
#include "injector/base/realtime.h"
#include "injector/base/rtnetlink.h"
#include "injector/doctor/doctor.h"
#include "injector/lab/lacking.h"
#include "injector/nursery/nursery.h"
#include "injector/pen/before.h"
#include "injector/pen/pen.h"
#include "injector/plan/parse.h"
#include "injector/plan/programs.h"
#include "injector/run/compose.h"
#include "injector/site/cgroups.h"
#include "injector/site/site.h"

namespace faultline::doctor {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line, '\n');
  return line;
}

/// By the marks that engines leave, and by what the first process was told.
std::string container() {
  if (access("/.dockerenv", F_OK) == 0) return "docker";
  if (access("/run/.containerenv", F_OK) == 0) return "podman";
  if (std::getenv("KUBERNETES_SERVICE_HOST") != nullptr) return "kubernetes";
  if (std::string told = first_line("/run/systemd/container"); !told.empty()) return told;
  std::ifstream environment("/proc/1/environ", std::ios::binary);
  std::stringstream text;
  text << environment.rdbuf();
  std::string variable;
  while (std::getline(text, variable, '\0'))
    if (variable.starts_with("container=")) return variable.substr(10);
  return "";
}

/// "none [integrity] confidentiality" -> "integrity".
std::string lockdown() {
  const std::string line = first_line("/sys/kernel/security/lockdown");
  const auto open = line.find('['), close = line.find(']');
  if (open == std::string::npos || close == std::string::npos) return "";
  const std::string chosen = line.substr(open + 1, close - open - 1);
  return chosen == "none" ? "" : chosen;
}

/// Whether a time namespace shifts our monotonic clock: "monotonic 86400 0" in its offsets.
bool own_clock() {
  std::ifstream offsets("/proc/self/timens_offsets");
  std::string clock;
  for (long long seconds = 0, nanoseconds = 0; offsets >> clock >> seconds >> nanoseconds;)
    if ((clock == "monotonic" || clock == "1") && (seconds != 0 || nanoseconds != 0)) return true;
  return false;
}

Facts::Tun tun() {
  if (access("/dev/net/tun", F_OK) != 0) return Facts::Tun::absent;
  const Fd device(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (device) return Facts::Tun::usable;
  return errno == ENODEV || errno == ENXIO ? Facts::Tun::absent : Facts::Tun::denied;
}

template <class Action>
Trial attempt(const Action& action) {
  try {
    action();
    return "";
  } catch (const std::exception& e) {
    return e.what();
  }
}

/// The data plane as a run builds it, on the loopback device of an empty namespace. Nothing is armed: no packet is
/// touched.
void try_the_data_plane(pen::Engine engine) {
  const NetNs ns = NetNs::create();
  {
    Inside inside(ns);
    set_up("lo");
  }
  const std::string text = fmt::format(
      "[targets.bed]\nnetns = \"/proc/self/fd/{}\"\n[[faults]]\nkind = \"degrade\"\non = \"bed\"\nstart = \"1s\"\n"
      "for = \"1s\"\ndelay = \"1ms\"\nloss = \"1%\"\n",
      ns.fd());
  const auto parsed = plan::parse_text(text, "/doctor.toml");
  if (!parsed.ok()) throw std::runtime_error(plan::render(parsed));
  auto sites = site::resolve(parsed.plan, nullptr);
  const auto composition = run::compose(parsed.plan, sites);
  pen::PenOptions options;
  options.engine = engine;
  options.alias = "faultline doctor";
  pen::Pen pen(std::move(sites), composition.score, options, [](const std::string&) {});
  for (const auto& failure : pen.close()) throw std::runtime_error("taking it down: " + failure);
}

void try_privileged(Facts& facts) {
  facts.process_namespace = attempt([] { nursery::Nursery::start(); });
  const int error = realtime::try_it();
  facts.realtime = error == 0 ? "" : std::generic_category().message(error);
  facts.network_namespace = attempt([] { NetNs::create(); });
  if (!facts.network_namespace->empty()) return;
  const NetNs ns = NetNs::create();
  facts.bridge = attempt([&] {
    Inside inside(ns);
    add_bridge("br0");
  });
  facts.steering = attempt([&] {
    Inside inside(ns);
    add_veth({.name = "a", .quiet = true}, {.name = "b", .quiet = true});
    keep_flows_together("a");
  });
  if (facts.tun == Facts::Tun::usable) facts.whole = attempt([&] { try_the_data_plane(facts.features.engine()); });
}

std::vector<Tool> tools(const std::vector<std::string>& experiments) {
  std::vector<Tool> all;
  for (const auto& path : experiments) {
    const auto parsed = plan::parse_file(path);
    if (!parsed.ok()) continue;
    for (const auto& program : plan::programs_of(parsed.plan, nursery::is_known)) {
      auto tool = std::find_if(all.begin(), all.end(), [&](const Tool& t) { return t.program == program; });
      if (tool == all.end())
        tool = all.insert(all.end(), {program, nursery::package_of(program), {}, lab::is_installed(program)});
      if (std::find(tool->wanted_by.begin(), tool->wanted_by.end(), parsed.plan.name) == tool->wanted_by.end())
        tool->wanted_by.push_back(parsed.plan.name);
    }
  }
  std::sort(all.begin(), all.end(), [](const Tool& a, const Tool& b) { return a.program < b.program; });
  return all;
}

}  // namespace

Facts gather(const std::vector<std::string>& experiments) {
  Facts facts;
  utsname name{};
  uname(&name);
  facts.kernel = name.release;
  (void)std::sscanf(name.release, "%d.%d", &facts.major, &facts.minor);
  facts.cpus = static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  facts.root = is_root();
  facts.user_namespace = geteuid() == 0 && in_user_namespace();
  facts.capabilities = effective_capabilities();
  facts.container = container();
  facts.features = pen::probe_features();
  facts.telemetry = observe::probe_telemetry();
  facts.tun = tun();
  facts.cgroup2 = site::CgroupTree::from_mountinfo(file_text("/proc/self/mountinfo")).has_value();
  facts.own_clock = own_clock();
  facts.autogroup = first_line("/proc/sys/kernel/sched_autogroup_enabled") == "1";
  facts.lockdown = lockdown();
  facts.before = pen::others_before_faults(list_devices());
  facts.tools = tools(experiments);
  if (facts.root) try_privileged(facts);
  return facts;
}

}  // namespace faultline::doctor
