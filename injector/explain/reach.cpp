#include "injector/explain/reach.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>

#include "injector/base/error.h"
#include "injector/site/site.h"

namespace faultline::explain {
namespace {

bool of_the_lab(const plan::Plan& plan, const plan::Fault& fault) {
  using Where = plan::Target::Where;
  for (const auto* names : {&fault.on, &fault.peer})
    for (const auto& name : *names)
      if (const auto* target = plan.find_target(name); target && (target->where == Where::host || target->where == Where::room || target->where == Where::link))
        return true;
  return false;
}

bool has_port(const std::vector<plan::PortRange>& ranges, std::uint16_t port) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const plan::PortRange& r) { return port >= r.first && port <= r.last; });
}

/// Whether packets of this connection would meet the rule, one way at least.
bool meets(const site::Match& match, const Socket& socket) {
  const bool loopback = socket.peer == socket.local || socket.peer.is_loopback();
  if (loopback && !match.loopback) return false;
  if (!match.protocol.empty() && match.protocol != socket.protocol) return false;
  if (!match.any_peer && std::none_of(match.peers.begin(), match.peers.end(), [&](const IpPrefix& p) { return p.covers(socket.peer); })) return false;
  return has_port(match.peer_ports, socket.peer_port) && has_port(match.own_ports, socket.local_port);
}

void add_site(Reach& reach, const site::Site& site, const std::map<std::uint64_t, Process>& owners, std::set<pid_t>& processes) {
  Place place{site.name, {}};
  for (const auto& device : site.devices) {
    std::vector<std::string> addresses;
    for (const auto& address : device.addresses) addresses.push_back(address.address_text());
    place.devices.push_back(fmt::format("{} ({})", device.name, fmt::join(addresses, ", ")));
  }
  reach.places.push_back(std::move(place));
  const auto& exempt = site.exempt_ports;
  reach.exempt_ports.insert(reach.exempt_ports.end(), exempt.begin(), exempt.end());
  Inside inside(site.ns);
  for (auto& socket : connected_sockets()) {
    if (socket.protocol == "tcp" && std::find(exempt.begin(), exempt.end(), socket.local_port) != exempt.end()) continue;
    if (std::none_of(site.rules.begin(), site.rules.end(), [&](const site::Rule& rule) { return meets(rule.match, socket); })) continue;
    reach.flow_count++;
    const auto owner = owners.find(socket.inode);
    const Process process = owner == owners.end() ? Process{} : owner->second;
    if (process.pid != 0) processes.insert(process.pid);
    if (reach.flows.size() < kMostFlows) reach.flows.push_back({std::move(socket), process});
  }
}

}  // namespace

std::vector<Reach> look_around(const plan::Plan& plan) {
  std::vector<Reach> all(plan.faults.size());
  std::optional<std::map<std::uint64_t, Process>> owners;
  // One fault at a time, so that what is missing for one does not hide what is there for the others.
  plan::Plan one;
  one.path = plan.path;
  one.targets = plan.targets;
  for (std::size_t i = 0; i < plan.faults.size(); i++) {
    Reach& reach = all[i];
    if (of_the_lab(plan, plan.faults[i])) {
      reach.why_not = "its lab is made by the run, and gone after it";
      continue;
    }
    one.faults = {plan.faults[i]};
    try {
      const auto sites = site::resolve(one, nullptr);
      if (!owners) owners = socket_owners();
      std::set<pid_t> processes;
      for (const auto& site : sites) add_site(reach, site, *owners, processes);
      reach.process_count = processes.size();
      reach.looked = true;
    } catch (const Failure& failure) {
      reach.missing = geteuid() == 0;  // without root, what is not seen may well be there
      reach.why_not = failure.what() + std::string(geteuid() == 0 ? "" : " (seen without root: try sudo faultline explain)");
    } catch (const std::system_error& e) {
      reach.why_not = e.code() == std::errc::operation_not_permitted || e.code() == std::errc::permission_denied
                          ? "looking into its namespace needs root: sudo faultline explain"
                          : e.what();
    }
  }
  return all;
}

}  // namespace faultline::explain
