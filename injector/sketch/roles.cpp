#include "injector/sketch/roles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace faultline::sketch {

using plan::Target;

const plan::LabLink& Roles::link(const Target& target) const {
  return *std::find_if(outage_.lab->links.begin(), outage_.lab->links.end(),
                       [&](const plan::LabLink& one) { return one.name == target.subject; });
}

Stands Roles::named(const std::string& name) {
  Stands found;
  for (const auto& stand : stands_)
    if (stand.name == name) found.push_back(&stand);
  if (!found.empty()) found_.insert(name);
  return found;
}

Stands Roles::find(const std::string& name, As as, std::string& hint) {
  Stands found = named(name);
  if (!found.empty()) return found;
  hint = as != As::peer
             ? fmt::format("add --bind {}=unit=NAME.service, or netns=, container=, interface=, ... of yours", name)
             : fmt::format("add --bind {}=address=10.0.3.0/24, or whatever yours is reached by", name);
  const Target& its = target(name);
  if (!its.ports.empty() || !its.protocol.empty()) return {};  // more than the place that it is at
  if (its.where == Target::Where::room) return hosts_of(its, hint);
  if (its.where != Target::Where::host) return {};
  for (const auto& host : outage_.lab->hosts) {
    if (host.name != its.subject) continue;
    hint += fmt::format("; it is a host of room {} of the lab, which may be bound as well", host.room);
    return named(host.room);
  }
  return {};
}

Stands Roles::hosts_of(const Target& room, std::string& hint) {
  Stands found;
  std::vector<std::string> lacking, hosts;
  for (const auto& host : outage_.lab->hosts) {
    if (host.room != room.subject) continue;
    hosts.push_back(host.name);
    const Stands its = named(host.name);
    if (its.empty()) lacking.push_back(host.name);
    found.insert(found.end(), its.begin(), its.end());
  }
  if (!found.empty() && (lacking.empty() || some_will_do_)) return found;
  if (found.empty())
    hint += hosts.empty() ? "; it is a room of the lab"
                          : fmt::format("; it is a room of the lab, with {}", fmt::join(hosts, ", "));
  else
    hint = fmt::format("it is a room, and {} is not bound: add --bind {}=..., or bind the room itself", lacking.front(),
                       lacking.front());
  return {};
}

}  // namespace faultline::sketch
