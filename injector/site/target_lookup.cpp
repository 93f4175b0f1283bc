#include "injector/site/target_lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/error.h"
#include "injector/site/devices.h"
#include "injector/site/names.h"

namespace faultline::site {

std::vector<Spot> TargetLookup::spots(const plan::Target& target) const {
  using Where = plan::Target::Where;
  progress_(fmt::format("finding {}", target.name));
  std::vector<Spot> found;
  switch (target.where) {
    case Where::host:
    case Where::room:
      for (const auto& host : labels_of(plan_, target)) found.push_back({host, host, lab_->host_ns(host)});
      break;
    case Where::link:
      for (const auto& [room, device] : lab_->link_ends(target.subject)) {
        const std::string name = label_of_link(target.subject, room);
        found.push_back({name, name, lab_->room_ns(room), device});
      }
      break;
    case Where::none:
    case Where::reserved:
      break;
    default:
      return finder_.find(target);
  }
  return found;
}

std::vector<IpPrefix> TargetLookup::look_up_from(const std::string& name, const plan::Target& asker) {
  using Where = plan::Target::Where;
  const bool in_lab = asker.where == Where::host || asker.where == Where::room || asker.where == Where::link;
  if (in_lab && plan_.lab &&
      std::any_of(plan_.lab->hosts.begin(), plan_.lab->hosts.end(), [&](const auto& h) { return h.name == name; }))
    return lab_->addresses(name);
  std::vector<IpPrefix> all;
  for (const auto& spot : spots(asker))
    for (auto& address : look_up(name, spot.ns, spot.etc, progress_))
      if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
  return all;
}

std::vector<IpPrefix> TargetLookup::named(const std::string& name, const std::vector<std::string>& askers) {
  std::vector<IpPrefix> all;
  for (const auto& on : askers) {
    auto [known, fresh] = looked_up_.try_emplace({name, on});
    if (fresh) {
      try {
        known->second = look_up_from(name, *plan_.find_target(on));
      } catch (...) {
        looked_up_.erase(known);
        throw;
      }
      if (names_ != nullptr) names_->push_back({name, on, known->second});
    }
    all.insert(all.end(), known->second.begin(), known->second.end());
  }
  return all;
}

std::vector<IpPrefix> TargetLookup::addresses(const plan::Target& target, const std::vector<std::string>& of) {
  std::vector<IpPrefix> all;
  for (const auto& text : target.addresses) {
    if (const auto prefix = IpPrefix::parse(text))
      all.push_back(*prefix);
    else
      for (const auto& address : named(text, of)) all.push_back(address);
  }
  using Where = plan::Target::Where;
  if (target.where == Where::host) return lab_->addresses(target.subject);
  if (target.where == Where::room) {
    for (const auto& host : lab_->hosts_of(target.subject))
      for (const auto& address : lab_->addresses(host)) all.push_back(address);
  }
  if (target.where == Where::netns || target.where == Where::container || target.where == Where::pod) {
    const auto places = finder_.find(target);
    if (places.front().cgroups)
      throw Failure(
          Exit::cannot_run,
          fmt::format(
              "peer \"{}\" shares its network namespace and has no address of its own; name what it is reached by: "
              "an address and a port",
              target.name));
    Inside inside(places.front().ns);
    all = own_addresses();
    if (all.empty()) throw Failure(Exit::cannot_run, fmt::format("peer \"{}\" has no address", target.name));
  }
  if (target.where == Where::link)
    throw Failure(
        Exit::invalid,
        fmt::format("\"{}\" is a link; a peer has addresses: name a host, a room or an address", target.name));
  return all;
}

std::vector<Match> TargetLookup::matches(const plan::Fault& fault) {
  Match base;
  const bool looks_both_ways =
      fault.params.text("per") == "turn";  // what acts one way only still has to see whose turn it was
  base.egress = looks_both_ways || fault.direction != plan::Direction::ingress;
  base.ingress = looks_both_ways || fault.direction != plan::Direction::egress;
  if (fault.kind->port != 0) base.peer_ports = {{fault.kind->port, fault.kind->port}};
  if (fault.peer.empty()) return {base};
  std::vector<Match> all;
  for (const auto& name : fault.peer) {
    const plan::Target& target = *plan_.find_target(name);
    Match match = base;
    match.peers = addresses(target, fault.on);
    for (const auto& text : target.addresses)
      if (!IpPrefix::parse(text)) match.names.push_back(text);
    const bool names_a_place = target.where != plan::Target::Where::none || !target.addresses.empty();
    if (names_a_place && match.peers.empty())
      throw Failure(Exit::cannot_run, fmt::format("peer \"{}\" has no address (a room without hosts?)", name));
    match.any_peer = !names_a_place;
    match.protocol = target.protocol;
    if (!target.ports.empty()) match.peer_ports = target.ports;
    auto same = std::find_if(all.begin(), all.end(), [&](const Match& m) {
      return m.protocol == match.protocol && m.peer_ports == match.peer_ports && !m.any_peer && !match.any_peer;
    });
    if (same == all.end()) {
      all.push_back(std::move(match));
      continue;
    }
    same->peers.insert(same->peers.end(), match.peers.begin(), match.peers.end());
    same->names.insert(same->names.end(), match.names.begin(), match.names.end());
  }
  return all;
}

}  // namespace faultline::site
