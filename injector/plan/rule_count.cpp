#include "injector/plan/rule_count.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "faults/abi.h"

namespace faultline::plan {
namespace {

using Where = Target::Where;
/// What sets two rules of one fault at one place apart.
using Ports = std::vector<std::pair<std::uint16_t, std::uint16_t>>;
using Own = std::tuple<std::string, std::string, Ports>;  ///< place, protocol and device of the target, its ports

Ports ports_of(const std::vector<PortRange>& ranges) {
  Ports ports;
  for (const auto& range : ranges) ports.emplace_back(range.first, range.last);
  return ports;
}

class RuleCount {
 public:
  explicit RuleCount(Draft& draft) : draft_(draft) {
    for (const auto& target : draft.targets) targets_.emplace(target.target.name, &target.target);
    if (draft.lab) lab_ = &draft.lab->lab;
  }

  void run() {
    if (lab_)
      for (const auto& link : lab_->links)
        if (link.delay > 0)
          for (const auto& room : {link.a, link.b}) rules_[end_of(link, room)]++;  // its own delay is a rule as well
    for (const auto& fault : draft_.faults) {
      if (fault.fault.legs.empty()) add(fault, fault.fault.on, fault.fault.peer);
      for (const auto& leg : fault.fault.legs) add(fault, leg.on, leg.peer);
    }
  }

 private:
  static std::string end_of(const LabLink& link, const std::string& room) {
    return fmt::format("link {} in {}", link.name, room);
  }

  /// Where a fault on this target has a rule. Two names of one namespace are taken for two: then a run counts more.
  std::vector<std::string> places_of(const Target& target) const {
    std::vector<std::string> places;
    if (target.where == Where::room && lab_) {
      for (const auto& host : lab_->hosts)
        if (host.room == target.subject) places.push_back("host " + host.name);
    } else if (target.where == Where::link && lab_) {
      for (const auto& link : lab_->links)
        if (link.name == target.subject) places.insert(places.end(), {end_of(link, link.a), end_of(link, link.b)});
    } else if (target.where == Where::host) {
      places.push_back("host " + target.subject);
    } else if (target.where == Where::netns) {
      places.push_back("netns " + target.subject);
    } else if (target.where == Where::interface) {
      places.push_back("netns " + target.netns);
    } else {  // at each of the places that it has: at least at one
      places.push_back(fmt::format("{} {}", static_cast<int>(target.where), target.subject));
    }
    return places;
  }

  /// A rule for each sort of peer.
  std::size_t sorts_of(const std::vector<std::string>& peers) const {
    std::size_t unaddressed = 0;
    std::set<std::pair<std::string, Ports>> addressed;
    for (const auto& name : peers) {
      const Target& target = *targets_.at(name);
      if (target.where == Where::none && target.addresses.empty())
        unaddressed++;
      else
        addressed.emplace(target.protocol, ports_of(target.ports));
    }
    return std::max<std::size_t>(1, unaddressed + addressed.size());
  }

  void add(const FaultDraft& fault, const std::vector<std::string>& on, const std::vector<std::string>& peers) {
    std::set<Own> own;
    for (const auto& name : on) {
      const Target& target = *targets_.at(name);
      const std::string device = target.where == Where::interface ? target.subject : "";
      for (const auto& place : places_of(target)) {
        if (!own.emplace(place, target.protocol + " " + device, ports_of(target.ports)).second) continue;
        std::size_t& count = rules_[place];
        const std::size_t before = count;
        count += sorts_of(peers);
        if (before <= FL_MAX_RULES_PER_SITE && count > FL_MAX_RULES_PER_SITE) report(fault, name);
      }
    }
  }

  /// A room's hosts, and a link's ends, are full at the same fault: it is said once.
  void report(const FaultDraft& fault, const std::string& name) {
    if (!told_.insert(name).second) return;
    const auto word = std::find_if(fault.on.begin(), fault.on.end(), [&](const Word& w) { return w.text == name; });
    draft_.issues.error(
        word != fault.on.end() ? word->at : fault.fault.at,
        fmt::format("on: with this fault \"{}\" would have more than {} rules; a target takes that many "
                    "in a run, whenever they act",
                    name, static_cast<int>(FL_MAX_RULES_PER_SITE)),
        kFewerRules);
  }

  Draft& draft_;
  const Lab* lab_ = nullptr;
  std::map<std::string_view, const Target*> targets_;
  std::map<std::string, std::size_t> rules_;  ///< by place
  std::set<std::string> told_;
};

}  // namespace

void count_rules(Draft& draft) { RuleCount(draft).run(); }

}  // namespace faultline::plan
