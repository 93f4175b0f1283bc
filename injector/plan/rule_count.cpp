#include "injector/plan/rule_count.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "faults/banks.h"

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

std::vector<std::string> words_of(const Ports& ports) {
  std::vector<std::string> words;
  for (const auto& [first, last] : ports) words.push_back(fmt::format("{}-{}", first, last));
  return words;
}
std::vector<std::string> words_of(const std::vector<PortRange>& ranges) { return words_of(ports_of(ranges)); }

constexpr std::uint32_t kNoFault = ~0u;

struct Place {
  std::vector<faults::Claim> claims;  ///< those that are of no fault come first
  std::vector<std::string> names;     ///< of the targets that faults' rules are on
};

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
          for (const auto& room : {link.a, link.b})  // its own delay is a rule as well
            places_[end_of(link, room)].claims.push_back({0, FL_FOREVER, match_number("its own delay"), kNoFault});
    for (std::uint32_t i = 0; i < draft_.faults.size(); i++) {
      const Fault& fault = draft_.faults[i].fault;
      if (fault.legs.empty()) add(i, fault.on, fault.peer, fault.direction);
      for (const auto& leg : fault.legs) add(i, leg.on, leg.peer, leg.direction);
    }
    for (const auto& [name, place] : places_) judge(place);
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

  /// What sets a target apart as a peer. Equal of two that are the same for certain; of others, mostly different.
  static std::string identity_of(const Target& target) {
    if (target.where == Where::none) return fmt::format("{}", fmt::join(target.addresses, " "));
    return fmt::format("{} {} {}", static_cast<int>(target.where), target.netns, target.subject);
  }

  /// A rule for each sort of peer: who they are.
  std::vector<std::string> sorts_of(const std::vector<std::string>& peers) const {
    std::vector<std::string> unaddressed;
    std::map<std::pair<std::string, Ports>, std::string> addressed;
    for (const auto& name : peers) {
      const Target& target = *targets_.at(name);
      if (target.where == Where::none && target.addresses.empty())
        unaddressed.push_back(fmt::format("any {} {}", target.protocol, fmt::join(words_of(target.ports), " ")));
      else
        addressed[{target.protocol, ports_of(target.ports)}] += identity_of(target) + ", ";
    }
    for (const auto& [sort, who] : addressed)
      unaddressed.push_back(fmt::format("{} {}: {}", sort.first, fmt::join(words_of(sort.second), " "), who));
    if (unaddressed.empty()) unaddressed.emplace_back();
    return unaddressed;
  }

  void add(std::uint32_t index, const std::vector<std::string>& on, const std::vector<std::string>& peers,
           Direction direction) {
    const Fault& fault = draft_.faults[index].fault;
    const auto start = static_cast<std::uint64_t>(fault.start), end = static_cast<std::uint64_t>(fault.end);
    const auto sorts = sorts_of(peers);
    const bool both_ways = fault.params.text("per") == "turn";  // it looks at either, whichever it acts on
    std::set<Own> own;
    for (const auto& name : on) {
      const Target& target = *targets_.at(name);
      const std::string device = target.where == Where::interface ? target.subject : "";
      const bool told_by_way = target.where != Where::link && !both_ways;
      const std::string how =
          fmt::format("{} {} {}", name, told_by_way ? static_cast<int>(direction) : -1, fault.kind->port);
      for (const auto& place : places_of(target)) {
        if (!own.emplace(place, target.protocol + " " + device, ports_of(target.ports)).second) continue;
        for (const auto& sort : sorts) {
          places_[place].claims.push_back({start, end + FL_DRAIN, match_number(how + " " + sort), index});
          places_[place].names.push_back(name);
        }
      }
    }
  }

  std::uint32_t match_number(const std::string& match) {
    return matches_.try_emplace(match, static_cast<std::uint32_t>(matches_.size())).first->second;
  }

  /// The first of its faults with which it would have too many.
  void judge(const Place& place) {
    const std::span<const faults::Claim> all(place.claims);
    const auto fit = [&](std::size_t count) {
      return count <= FL_MAX_RULES_PER_SITE || faults::bits_needed(all.first(count)) <= FL_MAX_RULES_PER_SITE;
    };
    if (fit(all.size())) return;
    std::size_t most = 0, too_many = all.size();
    while (too_many - most > 1) {
      const std::size_t middle = (most + too_many) / 2;
      (fit(middle) ? most : too_many) = middle;
    }
    const std::uint32_t fault = all[most].fault;
    if (fault != kNoFault) report(draft_.faults[fault], place.names[most - (all.size() - place.names.size())]);
  }

  /// A room's hosts, and a link's ends, are full at the same fault: it is said once.
  void report(const FaultDraft& fault, const std::string& name) {
    if (!told_.insert(name).second) return;
    const auto word = std::find_if(fault.on.begin(), fault.on.end(), [&](const Word& w) { return w.text == name; });
    draft_.issues.error(
        word != fault.on.end() ? word->at : fault.fault.at,
        fmt::format("on: with this fault \"{}\" would have more than {} rules at once; faults count as one only where "
                    "they are on the same target, for the same peers and direction, and 0.3 s and more apart",
                    name, static_cast<int>(FL_MAX_RULES_PER_SITE)),
        kFewerRules);
  }

  Draft& draft_;
  const Lab* lab_ = nullptr;
  std::map<std::string_view, const Target*> targets_;
  std::map<std::string, Place> places_;
  std::map<std::string, std::uint32_t> matches_;
  std::set<std::string> told_;
};

}  // namespace

void count_rules(Draft& draft) { RuleCount(draft).run(); }

}  // namespace faultline::plan
