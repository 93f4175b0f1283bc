#include "injector/explain/reach.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "injector/base/error.h"
#include "injector/base/privilege.h"
#include "injector/explain/translated.h"
#include "injector/pen/before.h"
#include "injector/run/compose.h"
#include "injector/site/control_path.h"
#include "injector/site/devices.h"
#include "injector/site/site.h"

namespace faultline::explain {
namespace {

bool of_the_lab(const plan::Plan& plan, const plan::Fault& fault) {
  using Where = plan::Target::Where;
  for (const auto* names : {&fault.on, &fault.peer})
    for (const auto& name : *names)
      if (const auto* target = plan.find_target(name);
          target && (target->where == Where::host || target->where == Where::room || target->where == Where::link))
        return true;
  return false;
}

bool has_port(const std::vector<plan::PortRange>& ranges, std::uint16_t port) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(),
                                       [&](const plan::PortRange& r) { return port >= r.first && port <= r.last; });
}

/// The cgroups that a rule is about, those below them included, by their ids; nothing: it is about all sockets.
std::optional<std::set<std::uint64_t>> groups_of(const site::Rule& rule) {
  if (!rule.match.cgroups) return std::nullopt;
  std::set<std::uint64_t> ids;
  const auto tree = site::CgroupTree::of_this_machine();
  for (const auto& group : *rule.match.cgroups)
    for (const auto id : tree.ids(group.path)) ids.insert(id);
  return ids;
}

/// Whether packets of a connection would pass the only device that a rule is about, as far as its own address tells.
bool passes(const site::Site& site, int index, bool loopback, const site::Socket& socket) {
  const auto device =
      std::find_if(site.devices.begin(), site.devices.end(), [&](const Device& d) { return d.index == index; });
  if (device == site.devices.end() || (device->name == "lo") != loopback) return false;
  return loopback || std::any_of(device->addresses.begin(), device->addresses.end(), [&](const IpPrefix& a) {
           return a.v6 == socket.local.v6 && a.bytes == socket.local.bytes;
         });
}

/// Whether packets of this connection would meet the rule, one way at least.
bool meets(const site::Site& site, const site::Match& match, const site::Socket& socket) {
  const bool loopback = socket.peer == socket.local || socket.peer.is_loopback();
  if (loopback && !match.loopback) return false;
  if (!match.protocol.empty() && match.protocol != socket.protocol) return false;
  if (match.device != 0 && !passes(site, match.device, loopback, socket)) return false;
  if (!match.any_peer &&
      std::none_of(match.peers.begin(), match.peers.end(), [&](const IpPrefix& p) { return p.covers(socket.peer); }))
    return false;
  return has_port(match.peer_ports, socket.peer_port) && has_port(match.own_ports, socket.local_port);
}

using Owners = std::map<std::uint64_t, site::Process>;

/// The processes that hold sockets, by the sockets' inodes. Those that this process may not look into are left out.
Owners socket_owners() {
  Owners owners;
  for (const auto& process : site::ProcessTable().all())
    for (const auto inode : site::sockets_of(process.pid))
      owners.emplace(inode, process);  // the first: of a listener's forked workers, the parent
  return owners;
}

void add_site(Reach& reach, const site::Site& site, const Owners& owners, std::set<pid_t>& processes) {
  ReachedPlace place{site.name, {}};
  for (const auto& device : site.devices) {
    std::vector<std::string> addresses;
    for (const auto& address : device.addresses) addresses.push_back(address.address_text());
    place.devices.push_back(fmt::format("{} ({})", device.name, fmt::join(addresses, ", ")));
  }
  if (site.every_device) {
    Inside inside(site.ns);
    for (const auto& device : list_devices())
      if (const auto why = site::is_l3(device) ? site::why_left_out(device) : ""; !why.empty())
        place.devices.push_back(fmt::format("not {}: {}", device.name, why));
  }
  reach.places.push_back(std::move(place));
  const auto& exempt = site.exempt_ports;
  reach.exempt_ports.insert(reach.exempt_ports.end(), exempt.begin(), exempt.end());
  std::vector<std::optional<std::set<std::uint64_t>>> groups;
  for (const auto& rule : site.rules) groups.push_back(groups_of(rule));
  const auto is_met = [&](const site::Socket& socket) {
    for (std::size_t i = 0; i < site.rules.size(); i++)
      if ((!groups[i] || groups[i]->contains(socket.cgroup)) && meets(site, site.rules[i].match, socket)) return true;
    return false;
  };
  Inside inside(site.ns);
  for (auto& other : pen::others_before_faults(site.devices))
    reach.before.push_back(fmt::format("{}: {}", site.name, other));
  if (std::any_of(site.rules.begin(), site.rules.end(), [](const site::Rule& r) { return r.match.loopback; }))
    for (auto& one : translated_on_lo()) reach.left_out.push_back(fmt::format("{}: on lo, {}", site.name, one));
  for (auto& socket : site::list_connections()) {
    if (socket.protocol == "tcp" && std::find(exempt.begin(), exempt.end(), socket.local_port) != exempt.end())
      continue;
    if (!is_met(socket)) continue;
    reach.flow_count++;
    const auto owner = owners.find(socket.inode);
    const site::Process process = owner == owners.end() ? site::Process{} : owner->second;
    if (process.pid != 0) processes.insert(process.pid);
    if (reach.flows.size() < kMostFlows) reach.flows.push_back({std::move(socket), process});
  }
}

constexpr const char* kOfTheLab = "its lab is made by the run, and gone after it";

/// What a look at a target would ask, and whom.
std::vector<std::string> questions(const plan::Target& target) {
  using Where = plan::Target::Where;
  std::vector<std::string> all;
  const std::string& subject = target.subject;
  switch (target.where) {
    case Where::netns:
      all.push_back("network namespace " + subject);
      break;
    case Where::interface:
      all.push_back("device " + subject + (target.netns.empty() ? "" : " of network namespace " + target.netns));
      break;
    case Where::cgroup:
      all.push_back("cgroup " + subject);
      break;
    case Where::pid:
      all.push_back("process " + subject);
      break;
    case Where::process:
      all.push_back("the processes called " + subject);
      break;
    case Where::unit:
      all.push_back("the processes of unit " + subject);
      break;
    case Where::container:
      all.push_back("container " + subject + ", by asking Docker and Podman");
      break;
    case Where::pod:
      all.push_back("pod " + subject + ", by its cgroup or by asking crictl");
      break;
    case Where::host:
    case Where::room:
    case Where::link:
    case Where::none:
    case Where::reserved:
      break;
  }
  for (const auto& address : target.addresses)
    if (!IpPrefix::parse(address)) all.push_back("the addresses of " + address + ", by the resolver of the namespace");
  return all;
}

/// A run takes all faults together. What it would refuse for the number of its rules is told of the faults that are too
/// many.
void tell_too_many_rules(const plan::Plan& plan, const site::Finder& finder, std::vector<Reach>& all) {
  plan::Plan found = plan;
  found.faults.clear();
  found.lab.reset();
  std::vector<Reach*> reach;
  for (std::size_t i = 0; i < all.size(); i++) {
    if (!all[i].looked) continue;
    found.faults.push_back(plan.faults[i]);
    reach.push_back(&all[i]);
  }
  std::vector<site::Site> sites;
  try {
    sites = site::resolve(found, nullptr, finder);
  } catch (const std::exception&) {  // it has changed since it was looked at; a run would see
    return;
  }
  while (!reach.empty()) {
    try {
      (void)run::compose(found, sites);
      return;
    } catch (const Failure& failure) {
      reach.back()->looked = false;
      reach.back()->missing = true;
      reach.back()->why_not = failure.what();
      reach.pop_back();
    }
    for (auto& site : sites)
      std::erase_if(site.rules, [&](const site::Rule& rule) { return rule.fault == reach.size(); });
  }
}

}  // namespace

std::vector<Reach> without_looking(const plan::Plan& plan) {
  std::vector<Reach> all(plan.faults.size());
  for (std::size_t i = 0; i < plan.faults.size(); i++) {
    const auto& fault = plan.faults[i];
    if (of_the_lab(plan, fault)) {
      all[i].why_not = kOfTheLab;
      continue;
    }
    all[i].why_not = "--look was not given";
    std::vector<std::string> names = fault.on;
    names.insert(names.end(), fault.peer.begin(), fault.peer.end());
    auto& would = all[i].would_look;
    for (const auto& name : names)
      if (const auto* target = plan.find_target(name))
        for (auto& question : questions(*target))
          if (std::find(would.begin(), would.end(), question) == would.end()) would.push_back(std::move(question));
  }
  return all;
}

std::vector<Reach> look_around(const plan::Plan& plan) {
  std::vector<Reach> all(plan.faults.size());
  std::optional<Owners> owners;
  std::map<std::uint64_t, std::size_t> rules;  // by network namespace
  const site::Finder finder;
  // One fault at a time, so that what is missing for one does not hide what is there for the others.
  plan::Plan one;
  one.path = plan.path;
  one.targets = plan.targets;
  for (std::size_t i = 0; i < plan.faults.size(); i++) {
    Reach& reach = all[i];
    if (of_the_lab(plan, plan.faults[i])) {
      reach.why_not = kOfTheLab;
      continue;
    }
    one.faults = {plan.faults[i]};
    try {
      auto sites = site::resolve(one, nullptr, finder);
      site::exempt_control_path(sites);
      if (!owners) owners = socket_owners();
      std::set<pid_t> processes;
      for (const auto& site : sites) {
        add_site(reach, site, *owners, processes);
        rules[site.ns.inode()] += site.rules.size();
      }
      reach.process_count = processes.size();
      reach.looked = true;
    } catch (const Failure& failure) {
      reach.missing = is_root();  // without root a target may be there unseen
      reach.why_not =
          failure.what() + std::string(is_root() ? "" : " (seen without root: try sudo faultline explain --look)");
    } catch (const std::system_error& e) {
      reach.why_not = e.code() == std::errc::operation_not_permitted || e.code() == std::errc::permission_denied
                          ? "looking into its namespace needs root: sudo faultline explain --look"
                          : e.what();
    }
  }
  if (std::any_of(rules.begin(), rules.end(), [](const auto& at) { return at.second > FL_MAX_RULES_PER_SITE; }))
    tell_too_many_rules(plan, finder, all);
  return all;
}

}  // namespace faultline::explain
