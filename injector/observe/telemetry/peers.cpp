#include "injector/observe/telemetry/peers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <tuple>

namespace faultline::observe {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

struct Named {
  Bytes bytes{};
  unsigned length = 0;
  std::size_t peer = 0;
  IpPrefix prefix;

  bool has(const Named& other) const {
    if (other.length < length) return false;
    const unsigned whole = length / 8, rest = length % 8;
    if (!std::equal(bytes.begin(), bytes.begin() + whole, other.bytes.begin())) return false;
    return rest == 0 || (bytes[whole] ^ other.bytes[whole]) >> (8 - rest) == 0;
  }
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
  fl_telemetry_address key{};
  const IpPrefix network = prefix.network();
  Bytes bytes{};
  if (network.v6) {
    bytes = network.bytes;
  } else {
    bytes[10] = bytes[11] = 0xff;
    std::copy_n(network.bytes.begin(), 4, bytes.begin() + 12);
  }
  key.length = static_cast<__u32>(network.length + (network.v6 ? 0 : 96));
  std::memcpy(key.words, bytes.data(), bytes.size());
  return key;
}

std::vector<SharedAddresses> shared_addresses(const NamedPeers& named) {
  std::vector<Named> all;
  for (std::size_t i = 0; i < named.size(); i++)
    for (const auto& prefix : named[i].second) {
      const auto key = key_of(prefix);
      auto& one = all.emplace_back(Named{{}, key.length, i, prefix.network()});
      std::memcpy(one.bytes.data(), key.words, one.bytes.size());
    }
  // A prefix comes after those that it lies in, which `around` holds.
  std::sort(all.begin(), all.end(), [](const Named& a, const Named& b) {
    return std::tie(a.bytes, a.length, a.peer) < std::tie(b.bytes, b.length, b.peer);
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
      if (outer->length == one.length) note(one, *outer, one.prefix);
    }
    around.push_back(&one);
  }
  std::vector<SharedAddresses> result;
  for (auto& one : shared)
    if (one) result.push_back(std::move(*one));
  return result;
}

}  // namespace faultline::observe
