// A site's rules are the bits of one word, and 64 are all there are. Rules that match the same packets and are apart in
// time can have the same bit: which of them it stands for is then told by a *bank*, a table of rules by bit that holds
// for a stretch of the run. A site of no more rules than bits has no bank: each rule has its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "faults/abi.h"

namespace faultline::faults {

/// What a rule takes of its site: a bit, from `from` on and before `until` (since T0).
struct Claim {
  std::uint64_t from = 0, until = 0;
  std::uint32_t match = 0;  ///< equal of rules that match the same packets: only these can share a bit
  std::uint32_t fault = 0;  ///< rules of one fault stand together, and get bits that do: a packet meets it once
};

/// A bit for each of a site's rules, which are in their order. Each has its own as long as there are enough. Otherwise
/// those that share one have the same `match`, and each begins when the one before has ended. Nothing: it cannot be
/// done.
std::optional<std::vector<std::uint8_t>> allot_bits(std::span<const Claim> claims);

/// How many bits these take at least: for each match, as many as there are at once.
std::size_t bits_needed(std::span<const Claim> claims);

}  // namespace faultline::faults
