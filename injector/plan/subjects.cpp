#include "injector/plan/subjects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "injector/base/rtnetlink.h"

namespace faultline::plan {
namespace {

using Where = Target::Where;

constexpr std::array<Way, 12> kWays{{{"netns", Where::netns, "\"shop\""},
                                     {"interface", Where::interface, "\"eth0\""},
                                     {"cgroup", Where::cgroup, "\"/system.slice/payment.service\""},
                                     {"pid", Where::pid, "1234"},
                                     {"process", Where::process, "\"nginx\""},
                                     {"unit", Where::unit, "\"payment.service\""},
                                     {"container", Where::container, "\"payment\""},
                                     {"pod", Where::pod, "\"shop/web-0\""},
                                     {"host", Where::host, "\"web1\""},
                                     {"room", Where::room, "\"east\""},
                                     {"link", Where::link, "\"metro\""},
                                     {"address", Where::none, "\"10.0.3.0/24\""}}};

bool printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

SubjectMistake check_netns(const std::string& subject) {
  if (!subject.empty() && subject != "." && subject != ".." &&
      (subject.find('/') == std::string::npos || subject.front() == '/'))
    return {};
  return {fmt::format("netns: \"{}\" is neither a name nor an absolute path", subject),
          "write a name as `ip netns` lists it, or a path: \"/proc/1234/ns/net\""};
}

SubjectMistake check_interface(const std::string& subject) {
  if (!subject.empty() && subject.size() <= 15 && subject != "." && subject != ".." && printable(subject) &&
      subject.find('/') == std::string::npos)
    return {};
  return {fmt::format("interface: \"{}\" cannot be the name of a device", subject),
          "one device as `ip link` lists it, 15 bytes at most: interface = \"eth0\""};
}

SubjectMistake check_cgroup(std::string& subject) {
  while (subject.size() > 1 && subject.back() == '/') subject.pop_back();
  constexpr std::string_view kMount = "/sys/fs/cgroup";
  if (subject == kMount || subject.starts_with(std::string(kMount) + "/"))
    return {fmt::format("cgroup: \"{}\" begins with the place where the hierarchy is mounted", subject),
            fmt::format("write the path below it, as /proc/PID/cgroup has it: \"{}\"",
                        subject == kMount ? "/system.slice/payment.service" : subject.substr(kMount.size()))};
  if (subject == "/")
    return {"cgroup: \"/\" holds every process",
            "for all traffic of a namespace, name it: netns = \"/proc/self/ns/net\", or interface = \"eth0\""};
  const bool steps = (subject + "/").find("/../") != std::string::npos ||
                     (subject + "/").find("/./") != std::string::npos || subject.find("//") != std::string::npos;
  if (subject.empty() || subject.front() != '/' || steps || subject.find('\0') != std::string::npos)
    return {fmt::format("cgroup: \"{}\" is not the path of a cgroup", subject),
            "write it as /proc/PID/cgroup has it: \"/system.slice/payment.service\""};
  return {};
}

SubjectMistake check_process(const std::string& subject) {
  if (!subject.empty() && subject.find('\0') == std::string::npos &&
      (subject.find('/') == std::string::npos || subject.front() == '/'))
    return {};
  return {fmt::format("process: \"{}\" is neither a command's name nor the path of its file", subject),
          "write the command's name, with * and ? where it varies: \"nginx\", \"worker-*\", or \"/usr/sbin/nginx\""};
}

SubjectMistake check_unit(std::string& subject) {
  static const std::vector<std::string> kWithProcesses{".service", ".scope", ".slice"},
      kWithout{".socket", ".timer", ".target", ".path", ".device", ".mount", ".automount", ".swap"};
  const auto ends = [&](const std::string& suffix) { return subject.ends_with(suffix); };
  if (subject.empty() || subject.size() > 255 || !printable(subject) ||
      subject.find_first_of("/*?[") != std::string::npos)
    return {fmt::format("unit: \"{}\" is not the name of a unit", subject),
            "write one as `systemctl list-units` shows it: \"payment.service\""};
  for (const auto& suffix : kWithout)
    if (ends(suffix))
      return {
          fmt::format("unit: \"{}\" has no sockets of its own", subject),
          fmt::format("name the service behind it: \"{}.service\"", subject.substr(0, subject.size() - suffix.size()))};
  if (std::none_of(kWithProcesses.begin(), kWithProcesses.end(), ends)) subject += ".service";
  if (subject == "-.slice") return {"unit: \"-.slice\" holds every process", "name the units that you mean"};
  return {};
}

SubjectMistake check_container(const std::string& subject) {
  const auto good = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  if (!subject.empty() && subject.size() <= 255 && std::all_of(subject.begin(), subject.end(), good) &&
      subject.front() != '-' && subject.front() != '.')
    return {};
  return {fmt::format("container: \"{}\" is neither a container's name nor its id", subject),
          "write one as `docker ps` or `podman ps` lists it"};
}

SubjectMistake check_pod(const std::string& subject) {
  const auto good = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
  };
  const auto slash = subject.find('/');
  const auto is_name = [&](const std::string& part) {
    return !part.empty() && part.size() <= 253 && std::all_of(part.begin(), part.end(), good);
  };
  if (slash == std::string::npos ? is_name(subject)
                                 : is_name(subject.substr(0, slash)) && is_name(subject.substr(slash + 1)))
    return {};
  return {fmt::format("pod: \"{}\" is neither a pod's uid nor its name", subject),
          "write the uid (kubectl get pod NAME -o jsonpath='{.metadata.uid}'), the name, or namespace and name: "
          "\"shop/web-0\""};
}

}  // namespace

std::span<const Way> ways() { return kWays; }

SubjectMistake check_subject(Where where, std::string& subject) {
  switch (where) {
    case Where::netns:
      return check_netns(subject);
    case Where::interface:
      return check_interface(subject);
    case Where::cgroup:
      return check_cgroup(subject);
    case Where::process:
      return check_process(subject);
    case Where::unit:
      return check_unit(subject);
    case Where::container:
      return check_container(subject);
    case Where::pod:
      return check_pod(subject);
    default:
      return {};  // pid: read as a number; the lab's: looked up by name
  }
}

bool comes_and_goes(Where where) {
  switch (where) {
    case Where::netns:
    case Where::interface:
    case Where::cgroup:
    case Where::pid:
    case Where::process:
    case Where::unit:
    case Where::container:
    case Where::pod:
      return true;
    default:
      return false;
  }
}

bool takes_in_loopback(const Plan& plan, const Fault& fault, const Target& on) {
  if (fault.common.has("loopback")) return fault.common.boolean("loopback");
  using Where = Target::Where;
  const bool whole = on.where == Where::host || on.where == Where::room || on.where == Where::netns ||
                     on.where == Where::container || on.where == Where::pod;
  if (!whole || !fault.kind || !fault.kind->cuts) return true;
  return std::any_of(fault.peer.begin(), fault.peer.end(), [&](const std::string& name) {
    const Target* peer = plan.find_target(name);
    return peer && std::any_of(peer->addresses.begin(), peer->addresses.end(), is_loopback_address);
  });
}

bool is_loopback_address(const std::string& text) {
  const auto address = IpPrefix::parse(text);
  return address ? address->is_loopback() && address->length >= (address->v6 ? 128 : 8)
                 : text == "localhost" || text.ends_with(".localhost");
}

bool is_by_socket(Where where) {
  return where == Where::cgroup || where == Where::pid || where == Where::process || where == Where::unit;
}

}  // namespace faultline::plan
