#include "injector/site/find.h"

#include <fmt/format.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "injector/plan/values.h"
#include "injector/site/pods.h"
#include "injector/site/sockets.h"

namespace faultline::site {
namespace {

namespace fs = std::filesystem;

/// Folders that hold the files of units, as systemd.unit(5) lists them.
constexpr const char* kUnitFolders[] = {
    "/etc/systemd/system",           "/run/systemd/system",     "/run/systemd/generator", "/run/systemd/transient",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"};

std::string unit_file(const std::string& name) {
  const auto at = name.find('@');
  const std::string pattern = at == std::string::npos ? "" : name.substr(0, at + 1) + name.substr(name.rfind('.'));
  std::error_code error;
  for (const std::string folder : kUnitFolders) {
    if (fs::exists(folder + "/" + name, error)) return folder + "/" + name;
    if (!pattern.empty() && fs::exists(folder + "/" + pattern, error)) return folder + "/" + pattern;
  }
  return {};
}

bool is_listed(const std::vector<Process>& processes, pid_t pid) {
  return std::any_of(processes.begin(), processes.end(), [&](const Process& p) { return p.pid == pid; });
}

NetNs open_netns(const std::string& subject) {
  try {
    return NetNs::open(subject);
  } catch (const Failure& failure) {
    throw NotThere(failure.what());
  }
}

/// A namespace as a plan names it. `ip netns exec` gives a named one files of its own, if there are any.
Spot by_name(const std::string& label, const std::string& place, const std::string& name) {
  const bool is_path = name.find('/') != std::string::npos;
  Spot spot{label, place, open_netns(name)};
  spot.path = is_path ? name : "/run/netns/" + name;
  std::error_code error;
  if (!is_path && fs::is_directory("/etc/netns/" + name, error)) spot.etc = "/etc/netns/" + name;
  return spot;
}

}  // namespace

std::string label_of(const plan::Target& target) {
  using Where = plan::Target::Where;
  switch (target.where) {
    case Where::netns:
      return "netns " + target.subject;
    case Where::interface:
      return target.netns.empty() ? target.subject : fmt::format("{} in netns {}", target.subject, target.netns);
    case Where::cgroup:
      return "cgroup " + target.subject;
    case Where::unit:
      return "unit " + target.subject;
    case Where::pid:
      return "pid " + target.subject;
    case Where::process:
      return "process " + target.subject;
    case Where::container:
      return "container " + target.subject;
    case Where::pod:
      return "pod " + target.subject;
    default:
      return target.subject;
  }
}

std::string label_of_link(const std::string& link, const std::string& room) {
  return fmt::format("link {} in {}", link, room);
}

std::vector<std::string> labels_of(const plan::Plan& plan, const plan::Target& target) {
  using Where = plan::Target::Where;
  std::vector<std::string> labels;
  if (target.where == Where::room && plan.lab) {
    for (const auto& host : plan.lab->hosts)
      if (host.room == target.subject) labels.push_back(host.name);
  } else if (target.where == Where::link && plan.lab) {
    for (const auto& link : plan.lab->links)
      if (link.name == target.subject)
        for (const auto& room : {link.a, link.b}) labels.push_back(label_of_link(link.name, room));
  } else {
    labels.push_back(label_of(target));
  }
  return labels;
}

std::vector<std::string> links_of(const plan::Plan& plan, const plan::Fault& fault) {
  std::vector<std::string> links;
  for (const auto& name : fault.on)
    if (const auto* target = plan.find_target(name))
      for (auto& label : labels_of(plan, *target)) links.push_back(std::move(label));
  return links;
}

Finder::Finder(CgroupTree tree, ProcessTable processes, ContainerRuntimes runtimes)
    : tree_(std::move(tree)), processes_(std::move(processes)), runtimes_(std::move(runtimes)) {}

const CgroupTree& Finder::tree() const {
  const MutexLock lock(mutex_);
  if (!tree_) tree_ = CgroupTree::of_this_machine();
  return *tree_;
}

std::vector<Spot> Finder::find(const plan::Target& target) const {
  using Where = plan::Target::Where;
  const std::string& subject = target.subject;
  const std::string label = label_of(target);
  std::vector<Spot> found;
  switch (target.where) {
    case Where::netns:
      found.push_back(by_name(label, label, subject));
      break;
    case Where::interface: {
      const std::string place = target.netns.empty() ? "here" : "netns " + target.netns;
      Spot spot = target.netns.empty() ? Spot{label, place, NetNs::current()} : by_name(label, place, target.netns);
      {
        Inside inside(spot.ns);
        if (if_nametoindex(subject.c_str()) == 0)
          throw NotThere(fmt::format("there is no device {}{} (see `ip link`)", subject,
                                     target.netns.empty() ? "" : " in netns " + target.netns));
      }
      spot.device = subject;
      found.push_back(std::move(spot));
      break;
    }
    case Where::cgroup:
      return by_cgroups(label, {subject});
    case Where::unit:
      return by_cgroups(label, {unit_path(subject)});
    case Where::pid: {
      const auto process = processes_.find(static_cast<pid_t>(std::stol(subject)));
      if (!process) throw NotThere(fmt::format("there is no process {}", subject));
      return by_processes(label, {*process});
    }
    case Where::process:
      return by_processes(label, called(subject));
    case Where::container:
      return container(label, subject);
    case Where::pod:
      return pod(label, subject);
    default:
      break;
  }
  return found;
}

/// The network namespace of a process.
Spot Finder::around(const std::string& label, pid_t pid) const {
  Spot spot{label, label, open_netns(processes_.namespace_path(pid))};
  spot.path = processes_.namespace_path(pid);
  std::error_code error;
  const fs::path own = fmt::format("/proc/{}/ns/mnt", pid);
  if (fs::read_symlink(own, error) != fs::read_symlink("/proc/self/ns/mnt", error))
    spot.etc = fmt::format("/proc/{}/root/etc", pid);
  return spot;
}

/// Sockets of these groups, in every network namespace that one of their processes is in.
std::vector<Spot> Finder::by_cgroups(const std::string& label, const std::vector<std::string>& paths) const {
  std::vector<Cgroup> cgroups;
  std::map<std::uint64_t, pid_t> namespaces;
  for (const auto& path : paths) {
    const auto cgroup = tree().find(path);
    if (!cgroup)
      throw NotThere(fmt::format("there is no cgroup {} under {} (see systemd-cgls)", path, tree().mount().string()));
    cgroups.push_back(*cgroup);
    for (const pid_t pid : tree().processes(path))
      if (const auto process = processes_.find(pid); process && process->netns != 0)
        namespaces.emplace(process->netns, pid);
  }
  const NetNs here = NetNs::current();
  std::vector<Spot> spots;
  for (const auto& [inode, pid] : namespaces) {
    if (inode == here.inode()) {
      spots.push_back({label, "here", here.duplicate(), {}, cgroups});
      continue;
    }
    spots.push_back(around(label, pid));
    spots.back().cgroups = cgroups;
  }
  if (spots.empty()) spots.push_back({label, "here", here.duplicate(), {}, cgroups});  // nobody in it yet
  for (const auto& spot : spots) {
    const auto foreign = foreign_sockets(spot.ns, tree(), cgroups);
    if (foreign.empty()) continue;
    throw Failure(
        Exit::cannot_run,
        fmt::format(
            "{} uses sockets that were made in another cgroup, so that their packets cannot be told to be its own: {}. "
            "This is so with socket activation, and after a process was moved. Name a port instead: a target with "
            "netns = \"/proc/self/ns/net\" and port",
            label, fmt::join(foreign, ", ")));
  }
  return spots;
}

/// By their cgroups where they are alone in them, else by a network namespace that is theirs alone.
std::vector<Spot> Finder::by_processes(const std::string& label, const std::vector<Process>& chosen) const {
  std::vector<std::string> paths;
  std::vector<Spot> spots;
  std::map<std::string, std::vector<Process>> by_path;
  for (const auto& process : chosen) by_path[process.cgroup].push_back(process);
  std::optional<std::vector<Process>> all;
  const std::uint64_t here = NetNs::current().inode();
  std::set<std::uint64_t> whole;
  for (const auto& [path, members] : by_path) {
    std::vector<Process> others;
    if (path.size() > 1)
      for (const pid_t pid : tree().processes(path))
        if (!is_listed(chosen, pid))
          if (const auto other = processes_.find(pid)) others.push_back(*other);
    if (path.size() > 1 && others.empty()) {
      paths.push_back(path);
      continue;
    }
    if (!all) all = processes_.all();
    for (const auto& process : members) {
      const bool alone =
          process.netns != 0 && process.netns != here && std::all_of(all->begin(), all->end(), [&](const Process& p) {
            return p.netns != process.netns || is_listed(chosen, p.pid);
          });
      if (!alone) {
        const std::string with =
            others.empty() ? "with all that has no group of its own" : "with " + list_processes(others);
        throw Failure(Exit::cannot_run,
                      fmt::format("{} ({}) shares its cgroup {} {}, so that its packets cannot be told from theirs. "
                                  "Start it in one of its own "
                                  "(systemd-run --scope COMMAND), or name them all: cgroup, unit or container",
                                  label, process.name, path.empty() ? "(unknown)" : path, with));
      }
      if (whole.insert(process.netns).second) spots.push_back(around(label, process.pid));
    }
  }
  if (!paths.empty())
    for (auto& spot : by_cgroups(label, paths)) spots.push_back(std::move(spot));
  return spots;
}

std::vector<Process> Finder::called(const std::string& pattern) const {
  std::vector<Process> found;
  std::set<std::string> names;
  for (auto& process : processes_.all()) {
    if (process.pid == getpid()) continue;
    names.insert(process.name);
    if (is_called(process, pattern)) found.push_back(std::move(process));
  }
  if (found.empty()) {
    const std::string near = plan::did_you_mean(pattern, {names.begin(), names.end()});
    throw NotThere(fmt::format("no process is called {}{}", pattern,
                               near.empty() ? " (see ps -e)" : fmt::format("; did you mean {}?", near)));
  }
  return found;
}

std::string Finder::unit_path(const std::string& name) const {
  const auto paths = tree().units(name);
  std::vector<std::string> running;
  for (const auto& path : paths)
    if (!tree().processes(path).empty()) running.push_back(path);
  if (running.size() == 1) return running.front();
  if (running.size() > 1) {
    // The system's own goes before those of users.
    std::vector<std::string> systems;
    for (const auto& path : running)
      if (!is_within(path, "/user.slice")) systems.push_back(path);
    if (systems.size() == 1) return systems.front();
    throw Failure(Exit::cannot_run,
                  fmt::format("there are several units {}: {}. Name one by its cgroup: cgroup = \"{}\"", name,
                              fmt::join(running, ", "), running.front()));
  }
  if (const std::string file = unit_file(name); !file.empty() || !paths.empty())
    throw NotThere(
        fmt::format("unit {} is not running{}. Start it (systemctl start {}), or give it time: wait = \"30s\"", name,
                    file.empty() ? "" : fmt::format(" ({} is there)", file), name));
  const std::string near = plan::did_you_mean(name, tree().all_units());
  throw NotThere(fmt::format("there is no unit {}{}", name,
                             near.empty() ? " (see systemctl list-units)" : fmt::format("; did you mean {}?", near)));
}

std::vector<Spot> Finder::container(const std::string& label, const std::string& name) const {
  const auto container = runtimes_.find(name);
  if (!container) throw NotThere(fmt::format("there is no container {} (see `docker ps` or `podman ps`)", name));
  const auto process = container->pid > 0 ? processes_.find(container->pid) : std::nullopt;
  if (!process)
    throw NotThere(
        fmt::format("container {} is not running ({}). Start it ({} start {}), or give it time: wait = \"30s\"", name,
                    container->status.empty() ? "it has no process" : container->status, container->runtime, name));
  if (process->netns == 0 || process->cgroup.empty())
    throw Failure(Exit::cannot_run,
                  fmt::format("the process of container {} (pid {}) cannot be looked at", name, container->pid));
  // The group that the runtime made for it; an init system inside may have moved its first process further down.
  std::string group = process->cgroup;
  if (const auto at = container->id.empty() ? std::string::npos : group.find(container->id); at != std::string::npos)
    group = group.substr(0, group.find('/', at));
  return whole_or_sockets(label, *process, group);
}

/// A namespace that nobody outside `group` is in is the container, with all that its kernel sends. One that is shared
/// (the host's, or that of another container) holds others' traffic too.
std::vector<Spot> Finder::whole_or_sockets(const std::string& label, const Process& process,
                                           const std::string& group) const {
  bool shared = process.netns == NetNs::current().inode();
  if (!shared)
    for (const auto& other : processes_.all())
      shared |= other.netns == process.netns && !is_within(other.cgroup, group);
  if (shared && group == "/")
    throw Failure(Exit::cannot_run, fmt::format("{} shares its network namespace and has no cgroup of its own, so that "
                                                "its packets cannot be told from others'",
                                                label));
  if (shared) return by_cgroups(label, {group});
  std::vector<Spot> spots;
  spots.push_back(around(label, process.pid));
  return spots;
}

std::vector<Spot> Finder::pod(const std::string& label, const std::string& name) const {
  const std::string uid = is_pod_uid(name) ? name : uid_of_pod(list_pods(), name);
  if (uid.empty()) throw NotThere(fmt::format("there is no pod {} on this machine (see `crictl pods`)", name));
  const std::string group = cgroup_of_pod(tree(), uid);
  if (group.empty())
    throw NotThere(fmt::format(
        "{} has no cgroup under {}: it does not run on this machine (kubectl get pod -A -o wide shows where it does)",
        label, tree().mount().string()));
  // The first process of a pod is the one that holds its namespace; one further down may have made a namespace of its
  // own.
  std::optional<Process> first;
  for (const pid_t pid : tree().processes(group))
    if (auto process = processes_.find(pid);
        process && process->netns != 0 && (!first || process->started < first->started))
      first = std::move(process);
  if (!first) throw NotThere(fmt::format("{} has no process. Give it time: wait = \"30s\"", label));
  return whole_or_sockets(label, *first, group);
}

}  // namespace faultline::site
