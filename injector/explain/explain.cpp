#include "injector/explain/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/explain/together.h"
#include "injector/site/find.h"

namespace faultline::explain {
namespace {

using Where = plan::Target::Where;

std::string ports_text(const std::vector<plan::PortRange>& ports) {
  std::string text;
  for (const auto& range : ports)
    text += fmt::format(
        "{}{}", text.empty() ? "" : ",",
        range.first == range.last ? std::to_string(range.first) : fmt::format("{}-{}", range.first, range.last));
  return text;
}

std::string plural(std::size_t n, const char* one, const char* more) {
  return fmt::format("{} {}", n, n == 1 ? one : more);
}

std::string joined(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

std::vector<std::string> each(const plan::Plan& plan, const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const auto& name : names) all.push_back(describe(plan, name));
  return all;
}

std::string describe_leg(const plan::Plan& plan, const plan::Leg& leg) {
  std::string text = "on " + joined(each(plan, leg.on)) + ": ";
  switch (leg.direction) {
    case plan::Direction::egress:
      text += leg.peer.empty() ? "what it sends" : "what it sends to ";
      break;
    case plan::Direction::ingress:
      text += leg.peer.empty() ? "what it receives" : "what it receives from ";
      break;
    case plan::Direction::both:
      text += leg.peer.empty() ? "all it sends and receives" : "what it sends and receives, to and from ";
      break;
  }
  return text + joined(each(plan, leg.peer));
}

std::vector<std::string> exempt() {
  return {"ARP, neighbour discovery and the cloud's metadata address 169.254.169.254, always",
          "the way that whoever starts the run came in by (the port of their SSH session), where a target has it",
          "traffic that no fault selects: it passes as it is, and nothing of yours (qdisc, filter, route, sysctl) is "
          "replaced"};
}

std::vector<std::string> endings(pen::Engine engine) {
  return {"each fault by itself at its planned end, by the kernel's clock",
          "Ctrl-C, SIGTERM or a closed terminal: all of them, at once",
          engine == pen::Engine::tcx
              ? "kill -9 or a crash of Faultline: at once (TCX: the kernel checks with each packet that Faultline runs)"
              : "kill -9 or a crash of Faultline: as soon as the kernel has closed its files (clsact)",
          "a Faultline that stands still (stopped, frozen, no CPU): within 250 ms"};
}

}  // namespace

std::string describe(const plan::Plan& plan, const std::string& name) {
  const auto* target = plan.find_target(name);
  if (target == nullptr) return name;
  std::vector<std::string> parts;
  switch (target->where) {
    case Where::host:
      parts.push_back("host " + target->subject + " of the lab");
      break;
    case Where::room:
      parts.push_back("room " + target->subject + " of the lab");
      break;
    case Where::link:
      parts.push_back("link " + target->subject + " of the lab");
      break;
    case Where::netns:
      parts.push_back("network namespace " + target->subject);
      break;
    case Where::interface:
      parts.push_back("device " + target->subject +
                      (target->netns.empty() ? "" : " of network namespace " + target->netns));
      break;
    case Where::cgroup:
      parts.push_back("cgroup " + target->subject);
      break;
    case Where::pid:
      parts.push_back("process " + target->subject);
      break;
    case Where::process:
      parts.push_back("processes called " + target->subject);
      break;
    case Where::unit:
      parts.push_back("unit " + target->subject);
      break;
    case Where::container:
      parts.push_back("container " + target->subject);
      break;
    case Where::pod:
      parts.push_back("pod " + target->subject);
      break;
    case Where::none:
    case Where::reserved:
      break;
  }
  constexpr std::size_t kShown = 4;
  for (std::size_t i = 0; i < std::min(target->addresses.size(), kShown); i++) parts.push_back(target->addresses[i]);
  if (target->addresses.size() > kShown)
    parts.push_back(fmt::format("and {} more addresses", target->addresses.size() - kShown));
  if (!target->protocol.empty()) parts.push_back(target->protocol);
  if (!target->ports.empty()) parts.push_back("port " + ports_text(target->ports));
  return joined(parts);
}

namespace {

/// Whether lo takes part, of those targets that have one.
std::string loopback_text(const plan::Plan& plan, const plan::Fault& fault) {
  std::vector<std::string> with, without;
  for (const auto& name : fault.on) {
    const auto* target = plan.find_target(name);
    if (target == nullptr || target->where == Where::link || target->where == Where::interface) continue;
    (plan::takes_in_loopback(plan, fault, *target) ? with : without).push_back(name);
  }
  if (with.empty()) return without.empty() ? "" : ", not over lo";
  if (without.empty()) return ", lo included";
  return fmt::format(", lo of {} included, of {} not", joined(with), joined(without));
}

}  // namespace

std::string describe_scope(const plan::Plan& plan, const plan::Fault& fault) {
  std::string text;
  for (const auto& leg : fault.legs) text += (text.empty() ? "" : "; ") + describe_leg(plan, leg);
  if (fault.legs.empty()) text = describe_leg(plan, {fault.on, fault.peer, fault.direction});
  if (fault.kind->port != 0) text += fmt::format(", port {} unless the peer names another", fault.kind->port);
  return text + loopback_text(plan, fault);
}

std::vector<std::string> bound_names(const plan::Parsed& parsed) {
  std::vector<std::string> lines;
  if (parsed.bound)
    for (const auto& [name, target] : parsed.bound->names)
      lines.push_back(fmt::format("{} is {}", name, describe(parsed.plan, target)));
  return lines;
}

std::string blast_radius(const plan::Plan& plan, const std::vector<Reach>& reach) {
  if (plan.faults.empty()) return "nothing: the plan has no fault";
  std::vector<std::string> places;
  bool lab_alone = true, narrowed = true;
  for (const auto& fault : plan.faults) {
    for (const auto& name : fault.on) {
      const auto* target = plan.find_target(name);
      if (target != nullptr) lab_alone = lab_alone && target->of_the_lab();
      const std::string text = describe(plan, name);
      if (std::find(places.begin(), places.end(), text) == places.end()) places.push_back(text);
    }
    narrowed = narrowed && !(fault.peer.empty() && fault.legs.empty());
  }
  std::size_t devices = 0;
  bool looked = false, more = false;
  std::set<std::string> seen, flows;
  std::set<pid_t> processes;
  for (const auto& r : reach) {
    looked = looked || r.looked;
    more = more || r.flow_count > r.flows.size();
    for (const auto& [socket, process] : r.flows) {
      flows.insert(fmt::format("{} {} {} {} {}", socket.protocol, socket.local.text(), socket.local_port,
                               socket.peer.text(), socket.peer_port));
      if (process.pid != 0) processes.insert(process.pid);
    }
    for (const auto& place : r.places)
      for (const auto& device : place.devices)
        if (seen.insert(place.name + " " + device).second) devices++;
  }
  constexpr std::size_t kShown = 5;
  std::string text = plural(places.size(), "place", "places") + ": ";
  for (std::size_t i = 0; i < std::min(places.size(), kShown); i++) text += (i ? ", " : "") + places[i];
  if (places.size() > kShown) text += fmt::format(" and {} more", places.size() - kShown);
  if (looked)
    text += fmt::format("; {}, now {}{} of {}", plural(devices, "device", "devices"), more ? "more than " : "",
                        plural(flows.size(), "connection", "connections"),
                        plural(processes.size(), "process", "processes"));
  text += narrowed ? "; only their traffic with the peers named" : "";
  if (lab_alone) text += "; the lab is of the run's own making, the machine's network is not touched";
  return text;
}

Explanation explain(const plan::Plan& plan, pen::Engine engine, bool look) {
  Explanation all;
  for (const auto& fault : plan.faults) all.effects.push_back(effect_of(plan, fault, site::links_of(plan, fault)));
  say_together(plan, all.effects);
  all.reach = look ? look_around(plan) : without_looking(plan);
  all.blast_radius = blast_radius(plan, all.reach);
  all.exempt = exempt();
  all.ends = endings(engine);
  if (engine == pen::Engine::clsact)
    all.attaching = fmt::format("Programs are attached by clsact: {}.", pen::kClsactEmptiesQueues);
  return all;
}

}  // namespace faultline::explain
