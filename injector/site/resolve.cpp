#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "injector/base/error.h"
#include "injector/site/devices.h"
#include "injector/site/site.h"
#include "injector/site/target_lookup.h"

namespace faultline::site {
namespace {

/// Whether a match leaves (nearly) everyone in: an operator's session would be among them.
bool is_wide(const Match& match) {
  const bool everyone = match.any_peer || std::any_of(match.peers.begin(), match.peers.end(),
                                                      [](const IpPrefix& p) { return p.length <= 1; });
  return everyone && match.peer_ports.empty() && (match.protocol.empty() || match.protocol == "tcp");
}

class SiteResolver {
 public:
  SiteResolver(const plan::Plan& plan, const LabView* lab, const Finder& finder, std::vector<ResolvedName>* names,
               const Progress& progress)
      : plan_(plan), lab_(lab), progress_(progress), lookup_(plan, lab, finder, names, progress) {}

  std::vector<Site> run() {
    for (std::size_t i = 0; i < plan_.faults.size(); i++) {
      try {
        add_fault(static_cast<std::uint32_t>(i));
      } catch (const Failure& failure) {
        if (failure.status() == Exit::aborted) throw;
        complaints_.push_back(fmt::format("{}:{}:{}: fault \"{}\": {}", plan_.path, plan_.faults[i].at.line,
                                          plan_.faults[i].at.column, plan_.faults[i].name, failure.what()));
      }
    }
    if (plan_.lab) {
      for (std::size_t i = 0; i < plan_.lab->links.size(); i++)
        if (plan_.lab->links[i].delay > 0) add_standing(i);
    }
    if (!complaints_.empty()) throw Failure(Exit::cannot_run, fmt::format("{}", fmt::join(complaints_, "\n")));
    return std::move(sites_);
  }

 private:
  /// The site of a spot. A link of the lab is one by itself; all else in a namespace is one site, with the devices that
  /// any of it needs.
  Site& site_for(Spot& spot, bool link) {
    progress_(fmt::format("looking at {}", spot.label));
    std::vector<Device> devices;
    {
      Inside inside(spot.ns);
      devices = l3_devices(spot.device);
    }
    if (devices.empty())
      throw Failure(Exit::cannot_run, fmt::format("{} has no device that is up and has an address", spot.label));
    const std::string own = link ? spot.device : "";
    for (auto& site : sites_) {
      if (site.ns.inode() != spot.ns.inode() || only_device_[static_cast<std::size_t>(&site - sites_.data())] != own)
        continue;
      for (auto& device : devices)
        if (std::none_of(site.devices.begin(), site.devices.end(),
                         [&](const Device& d) { return d.index == device.index; }))
          site.devices.push_back(std::move(device));
      site.every_device |= spot.device.empty();
      return site;
    }
    sites_.push_back({spot.place, std::move(spot.ns), std::move(devices), {}});
    sites_.back().every_device = spot.device.empty();
    only_device_.push_back(own);
    return sites_.back();
  }

  struct Chosen {
    std::size_t site;
    const plan::Target* target;
    std::string link;
    int device;
    std::optional<std::vector<Cgroup>> cgroups;
    std::vector<std::string> also;
  };
  using Addresses = std::map<std::size_t, std::vector<IpPrefix>>;  // by site

  /// Whether the sender's egress meets all that it sends to `receiver`, so that the receiver's ingress must not.
  static bool acts_on_the_way(const Chosen& sender, const Chosen& receiver, const Match& match, const Addresses& own) {
    if (!match.peer_ports.empty() || !receiver.target->ports.empty() || !sender.target->ports.empty()) return false;
    if (sender.target->protocol != receiver.target->protocol || sender.target->where == plan::Target::Where::link)
      return false;
    if (sender.cgroups || sender.device != 0) return false;  // others send from there, too
    if (match.any_peer) return true;
    const auto& addresses = own.at(receiver.site);
    return std::any_of(match.peers.begin(), match.peers.end(), [&](const IpPrefix& peer) {
      return std::any_of(addresses.begin(), addresses.end(),
                         [&](const IpPrefix& address) { return peer.covers(address); });
    });
  }

  /// The fault takes in everything of its target. Of the machine's own network that is the way by which it is operated.
  static void refuse_cutting_off_the_operator(const plan::Target& target, const Spot& spot) {
    using Where = plan::Target::Where;
    const bool machines =
        !spot.cgroups && (target.where == Where::netns || (target.where == Where::interface && spot.device != "lo"));
    if (machines && spot.ns.inode() == initial_namespace())
      throw Failure(
          Exit::cannot_run,
          fmt::format("the target is {}this machine's initial network namespace and nothing narrows the fault: it "
                      "would cut off "
                      "whoever operates this machine. Name a `peer` with addresses or a port, or a port of the target",
                      target.where == Where::interface ? "a device of " : ""));
  }

  void add_fault(std::uint32_t index) {
    const plan::Fault& fault = plan_.faults[index];
    if (fault.legs.empty()) return add_part(index, fault);
    for (const auto& leg : fault.legs) {
      plan::Fault part = fault;
      part.on = leg.on;
      part.peer = leg.peer;
      part.direction = leg.direction;
      check_apart(part);
      add_part(index, part);
    }
  }

  /// What passes between two members of a partition is told by their addresses, so they must not share them.
  void check_apart(const plan::Fault& part) {
    for (const auto& name : part.on) {
      for (const auto& spot : lookup_.spots(*plan_.find_target(name))) {
        for (const auto& peer : part.peer) {
          for (const auto& other : lookup_.spots(*plan_.find_target(peer)))
            if (spot.ns.inode() == other.ns.inode())
              throw Failure(Exit::cannot_run,
                            fmt::format("\"{}\" and \"{}\" are in one network namespace: what passes between them "
                                        "cannot be told by address",
                                        name, peer));
        }
      }
    }
  }

  /// A fault, or one leg of it.
  void add_part(std::uint32_t index, const plan::Fault& fault) {
    const auto peers = lookup_.matches(fault);
    std::vector<Chosen> chosen;
    for (const auto& name : fault.on) {
      const plan::Target& target = *plan_.find_target(name);
      const bool link = target.where == plan::Target::Where::link;
      if (link && fault.params.text("per") == "turn")
        throw Failure(
            Exit::invalid,
            fmt::format(
                "fault \"{}\": per = \"turn\" on a link is not possible, since each of its ends sees one way only; "
                "name the hosts instead",
                fault.name));
      for (auto& spot : lookup_.spots(target)) {
        const bool everything = target.ports.empty() && (target.protocol.empty() || target.protocol == "tcp") &&
                                std::any_of(peers.begin(), peers.end(), is_wide);
        if (everything) refuse_cutting_off_the_operator(target, spot);
        const std::string label = spot.label;
        auto cgroups = std::move(spot.cgroups);
        Site& site = site_for(spot, link);
        const std::size_t at = static_cast<std::size_t>(&site - sites_.data());
        int device = 0;
        if (!link && !spot.device.empty())
          device = std::find_if(site.devices.begin(), site.devices.end(), [&](const Device& d) {
                     return d.name == spot.device;
                   })->index;
        const auto same = std::find_if(chosen.begin(), chosen.end(), [&](const Chosen& c) {
          return c.site == at && c.target->protocol == target.protocol && c.target->ports == target.ports &&
                 c.device == device && c.cgroups == cgroups;
        });
        if (same == chosen.end())
          chosen.push_back({at, &target, label, device, std::move(cgroups), {}});
        else if (same->target != &target)
          same->also.push_back(name);
      }
    }
    // A packet between two sites of one fault meets it once, at its sender.
    Addresses own;
    if (chosen.size() > 1 && fault.direction == plan::Direction::both) {
      for (const auto& c : chosen) {
        Inside inside(sites_[c.site].ns);
        own[c.site] = own_addresses(LinkLocal::included);
      }
    }
    for (const auto& c : chosen) {
      progress_(fmt::format("fault {} at {}", fault.name, c.link));
      for (const auto& match : peers) {
        Rule rule{index, c.link, match, c.target->name};
        rule.match.device = c.device;
        rule.match.cgroups = c.cgroups;
        if (rule.match.protocol.empty()) rule.match.protocol = c.target->protocol;
        rule.match.own_ports = c.target->ports;
        rule.match.loopback = plan::takes_in_loopback(plan_, fault, *c.target);
        if (c.target->where == plan::Target::Where::link) {
          // Routers forward: what leaves by one end has its sender elsewhere. Each end acts on its egress, so that each
          // way over the link is met once; towards a peer there is one way only, and the way back is met where it comes
          // in.
          rule.match.egress = true;
          rule.match.ingress = !match.any_peer || !match.peer_ports.empty();
        } else {
          for (const auto& sender : chosen)
            if (own.contains(sender.site) && sender.site != c.site && acts_on_the_way(sender, c, match, own))
              rule.match.not_from.insert(rule.match.not_from.end(), own[sender.site].begin(), own[sender.site].end());
          if (!rule.match.not_from.empty()) rule.met_at_sender = own[c.site];
        }
        rule.also = c.also;
        Site& site = sites_[c.site];
        site.rules.push_back(std::move(rule));
      }
    }
  }

  void add_standing(std::size_t link) {
    const auto& name = plan_.lab->links[link].name;
    for (const auto& [room, device] : lab_->link_ends(name)) {
      const std::string label = label_of_link(name, room);
      Spot spot{label, label, lab_->room_ns(room), device};
      Match match;
      match.ingress = false;
      Site& site = site_for(spot, true);
      site.rules.push_back({standing_fault(plan_, link), site.name, match});
    }
  }

  const plan::Plan& plan_;
  const LabView* lab_;
  const Progress& progress_;
  TargetLookup lookup_;
  std::vector<Site> sites_;
  std::vector<std::string> only_device_;
  std::vector<std::string> complaints_;
};

}  // namespace

std::uint64_t initial_namespace() {
  // Where process 1 may not be looked at: the number that kernels from 6.18 on always give it (NET_NS_INIT_INO,
  // linux/nsfs.h).
  constexpr std::uint64_t kFixed = 0xEFFFFFF9;
  const auto inode = NetNs::inode_of("/proc/1/ns/net");
  return inode != 0 ? inode : kFixed;
}

std::vector<Site> resolve(const plan::Plan& plan, const LabView* lab, const Finder& finder,
                          std::vector<ResolvedName>* names, const Progress& progress) {
  return SiteResolver(plan, lab, finder, names, progress).run();
}

}  // namespace faultline::site
