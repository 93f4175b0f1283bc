#include "faults/banks.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

namespace faultline::faults {
namespace {

constexpr std::size_t kBits = FL_MAX_RULES_PER_SITE;

/// Consecutive rules of one fault.
struct Group {
  std::size_t first, count;
  std::uint64_t from;
};

std::vector<Group> groups_of(std::span<const Claim> claims) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < claims.size(); i++) {
    if (i > 0 && claims[i].fault == claims[i - 1].fault) {
      groups.back().count++;
      groups.back().from = std::min(groups.back().from, claims[i].from);
    } else {
      groups.push_back({i, 1, claims[i].from});
    }
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.from < b.from; });
  return groups;
}

/// A bit, as far as bits have been given out.
struct Bit {
  std::optional<std::uint32_t> match;  ///< of those that have it
  std::uint64_t until = 0;             ///< the last of them
};

/// How good a run of bits is for a group; the least is the best.
using Cost = std::pair<std::uint64_t, std::uint64_t>;

/// `spread`: new bits first, then those that have been free the longest, so that a bank lasts long. Otherwise as few
/// new ones as possible, which leaves the most for other matches.
std::optional<std::vector<std::uint8_t>> allot(std::span<const Claim> claims, bool spread) {
  std::vector<std::uint8_t> bits(claims.size());
  std::array<Bit, kBits> taken;
  for (const Group& group : groups_of(claims)) {
    std::optional<std::pair<Cost, std::size_t>> best;
    for (std::size_t at = 0; at + group.count <= kBits; at++) {
      std::uint64_t fresh = 0, until = 0;
      bool fits = true;
      for (std::size_t j = 0; j < group.count && fits; j++) {
        const Claim& claim = claims[group.first + j];
        const Bit& bit = taken[at + j];
        fits = !bit.match || (*bit.match == claim.match && bit.until <= claim.from);
        fresh += bit.match ? 0 : 1;
        until = std::max(until, bit.until);
      }
      if (!fits) continue;
      const Cost cost = spread ? Cost{group.count - fresh, until} : Cost{fresh, 0};
      if (!best || cost < best->first) best = {cost, at};
    }
    if (!best) return std::nullopt;
    for (std::size_t j = 0; j < group.count; j++) {
      const Claim& claim = claims[group.first + j];
      Bit& bit = taken[best->second + j];
      bit.match = claim.match;
      bit.until = std::max(bit.until, claim.until);
      bits[group.first + j] = static_cast<std::uint8_t>(best->second + j);
    }
  }
  return bits;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> allot_bits(std::span<const Claim> claims) {
  if (claims.size() <= kBits) {
    std::vector<std::uint8_t> own(claims.size());
    std::iota(own.begin(), own.end(), std::uint8_t{0});
    return own;
  }
  if (auto bits = allot(claims, true)) return bits;
  return allot(claims, false);
}

std::size_t bits_needed(std::span<const Claim> claims) {
  std::map<std::uint32_t, std::vector<std::pair<std::uint64_t, int>>> edges;  // by match
  for (const Claim& claim : claims) {
    edges[claim.match].emplace_back(claim.from, 1);
    edges[claim.match].emplace_back(claim.until, -1);
  }
  std::size_t needed = 0;
  for (auto& [match, own] : edges) {
    std::sort(own.begin(), own.end());  // an end comes before a beginning at the same time
    int now = 0, most = 0;
    for (const auto& [t, change] : own) most = std::max(most, now += change);
    needed += static_cast<std::size_t>(most);
  }
  return needed;
}

}  // namespace faultline::faults
