#include "injector/observe/telemetry/peers.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>

#include "injector/base/mapped.h"

namespace faultline::observe {
namespace {

/// As the kernel's programs have it: both families in one tree.
IpPrefix in_tree(const IpPrefix& prefix) { return mapped(prefix.network()); }

struct Named {
  IpPrefix at;  ///< in_tree()
  std::size_t peer = 0;
  IpPrefix prefix;

  bool has(const Named& other) const { return at.length <= other.at.length && at.covers(other.at); }
};

}  // namespace

std::map<std::string, std::set<std::string>> askers_of_peers(const plan::Plan& plan) {
  std::map<std::string, std::set<std::string>> askers;
  const auto note = [&](const plan::Asking& one) {
    if (one.peer && one.telemetry) askers[*one.peer].insert(*one.telemetry);
  };
  for (const auto& one : plan.hypotheses) note(one);
  for (const auto& one : plan.guards) note(one);
  return askers;
}

fl_telemetry_address key_of(const IpPrefix& prefix) {
  const IpPrefix at = in_tree(prefix);
  fl_telemetry_address key{};
  key.length = static_cast<__u32>(at.length);
  std::memcpy(key.words, at.bytes.data(), at.bytes.size());
  return key;
}

std::vector<SharedAddresses> shared_addresses(const NamedPeers& named) {
  std::vector<Named> all;
  for (std::size_t i = 0; i < named.size(); i++)
    for (const auto& prefix : named[i].second) all.push_back({in_tree(prefix), i, prefix.network()});
  // A prefix comes after those that it lies in, which `around` holds.
  std::sort(all.begin(), all.end(), [](const Named& a, const Named& b) {
    return std::tie(a.at.bytes, a.at.length, a.peer) < std::tie(b.at.bytes, b.at.length, b.peer);
  });
  std::vector<std::optional<SharedAddresses>> shared(named.size());
  const auto note = [&](const Named& of, const Named& other, const IpPrefix& addresses) {
    auto& known = shared[of.peer];
    if (!known && of.peer != other.peer) known = {named[of.peer].first, named[other.peer].first, addresses};
  };
  std::vector<const Named*> around;
  for (const auto& one : all) {
    while (!around.empty() && !around.back()->has(one)) around.pop_back();
    for (const Named* outer : around) {
      note(*outer, one, one.prefix);
      if (outer->at.length == one.at.length) note(one, *outer, one.prefix);
    }
    around.push_back(&one);
  }
  std::vector<SharedAddresses> result;
  for (auto& one : shared)
    if (one) result.push_back(std::move(*one));
  return result;
}

}  // namespace faultline::observe
