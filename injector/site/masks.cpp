#include "injector/site/masks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "injector/base/error.h"
#include "injector/base/mapped.h"

namespace faultline::site {
namespace {

/// What rules say about exactly this prefix.
struct Said {
  std::uint64_t peer = 0, not_from = 0;
};

using Bytes = decltype(IpPrefix::bytes);

std::uint64_t bit_of(const Bits& bits, std::size_t rule) { return 1ull << (bits.empty() ? rule : bits.at(rule)); }

Bytes cut(const Bytes& bytes, int length) { return IpPrefix{true, bytes, length}.network().bytes; }

class Family {
 public:
  void add(const IpPrefix& prefix, std::uint64_t peer, std::uint64_t not_from) {
    Said& said = said_[{prefix.length, cut(prefix.bytes, prefix.length)}];
    said.peer |= peer;
    said.not_from |= not_from;
    lengths_.insert(prefix.length);
  }

  /// Each prefix carries what the ones that cover it say too.
  std::vector<std::pair<IpPrefix, fl_masks>> compile(bool v6, std::uint64_t any, std::uint64_t egress,
                                                     std::uint64_t ingress) const {
    std::vector<std::pair<IpPrefix, fl_masks>> out;
    out.reserve(said_.size());
    for (const auto& [key, own] : said_) {
      Said all = own;
      for (const int length : lengths_) {
        if (length >= key.first) break;
        const auto covering = said_.find({length, cut(key.second, length)});
        if (covering == said_.end()) continue;
        all.peer |= covering->second.peer;
        all.not_from |= covering->second.not_from;
      }
      const std::uint64_t met = any | all.peer;
      out.push_back({IpPrefix{v6, key.second, key.first}, fl_masks{met & egress, met & ingress & ~all.not_from}});
    }
    return out;
  }

 private:
  std::map<std::pair<int, Bytes>, Said> said_;
  std::set<int> lengths_;
};

}  // namespace

Masks compile_masks(const std::vector<Rule>& rules, const Bits& bits) {
  Masks masks;
  Family v4, v6;
  std::uint64_t any = 0, egress = 0, ingress = 0;
  for (std::size_t i = 0; i < rules.size(); i++) {
    const std::uint64_t bit = bit_of(bits, i);
    const Match& match = rules[i].match;
    if (match.egress) egress |= bit;
    if (match.ingress) ingress |= bit;
    if (match.loopback) masks.loopback_rules |= bit;
    if (match.any_peer) any |= bit;
    for (const auto& prefix : match.peers) (prefix.v6 ? v6 : v4).add(prefix, bit, 0);
    for (const auto& prefix : match.not_from) (prefix.v6 ? v6 : v4).add(prefix, 0, bit);
    const bool every_protocol = match.protocol.empty();
    if (every_protocol || match.protocol == "tcp") masks.tcp |= bit;
    if (every_protocol || match.protocol == "udp") masks.udp |= bit;
    if (every_protocol || match.protocol == "icmp") masks.icmp |= bit;
    if (every_protocol) masks.other |= bit;
    if (!match.peer_ports.empty()) masks.peer_port_rules |= bit;
    if (!match.own_ports.empty()) masks.own_port_rules |= bit;
    if (match.cgroups) masks.cgroup_rules |= bit;
    if (match.any_peer && match.peer_ports.empty() && match.own_ports.empty() && match.device == 0)
      masks.inside_rules |= bit;
    if (!match.names.empty()) masks.learned_rules |= bit;
    if (match.device != 0) {
      masks.device_rules |= bit;
      masks.devices[static_cast<std::uint32_t>(match.device)] |= bit;
    }
  }
  masks.port_rules = masks.peer_port_rules | masks.own_port_rules;
  masks.any4 = masks.any6 = fl_masks{any & egress, any & ingress};
  masks.peers4 = cut_into_intervals(v4.compile(false, any, egress, ingress), masks.any4);
  masks.peers6 = cut_into_intervals(v6.compile(true, any, egress, ingress), masks.any6);
  if (masks.port_rules != 0) {
    masks.ports.resize(65536);
    for (std::size_t i = 0; i < rules.size(); i++) {
      const std::uint64_t bit = bit_of(bits, i);
      for (const auto& range : rules[i].match.peer_ports)
        for (unsigned port = range.first; port <= range.last; port++) masks.ports[port].peer |= bit;
      for (const auto& range : rules[i].match.own_ports)
        for (unsigned port = range.first; port <= range.last; port++) masks.ports[port].own |= bit;
    }
  }
  return masks;
}

fl_address learned_key(const IpPrefix& address) {
  const Bytes bytes = mapped(address).bytes;
  const auto number = [&](std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; i++) value = value << 8 | bytes[from + i];
    return value;
  };
  fl_address key{};
  key.high = number(0);
  key.low = number(8);
  return key;
}

fl_masks learn(const std::vector<Rule>& rules, const std::string& name, const IpPrefix& address, const Bits& bits) {
  fl_masks masks{};
  const auto covered = [&](const std::vector<IpPrefix>& by) {
    return std::any_of(by.begin(), by.end(), [&](const IpPrefix& p) { return p.covers(address); });
  };
  for (std::size_t i = 0; i < rules.size(); i++) {
    const Match& match = rules[i].match;
    if (std::find(match.names.begin(), match.names.end(), name) == match.names.end() || covered(match.peers)) continue;
    if (match.egress) masks.out |= bit_of(bits, i);
    if (match.ingress && !covered(match.not_from)) masks.in |= bit_of(bits, i);
  }
  return masks;
}

std::uint64_t levels_of(const Cgroup& cgroup) {
  if (cgroup.level == kAnyLevel) return (2ull << FL_MAX_CGROUP_LEVEL) - 1;
  if (cgroup.level <= FL_MAX_CGROUP_LEVEL) return 1ull << cgroup.level;
  throw Failure(Exit::cannot_run, fmt::format("cgroup {} lies more than {} levels deep", cgroup.path,
                                              static_cast<int>(FL_MAX_CGROUP_LEVEL)));
}

CgroupMasks compile_cgroups(const std::vector<Rule>& rules, const Bits& bits) {
  CgroupMasks masks;
  for (std::size_t i = 0; i < rules.size(); i++) {
    if (!rules[i].match.cgroups) continue;
    for (const Cgroup& cgroup : *rules[i].match.cgroups) {
      masks.rules[cgroup.id] |= bit_of(bits, i);
      masks.levels |= levels_of(cgroup);
    }
  }
  if (masks.rules.size() > FL_MAX_CGROUPS)
    throw Failure(Exit::cannot_run, fmt::format("the targets have {} cgroups; one site takes {}", masks.rules.size(),
                                                static_cast<int>(FL_MAX_CGROUPS)));
  return masks;
}

}  // namespace faultline::site
