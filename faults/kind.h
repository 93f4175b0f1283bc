// A fault kind: the keys it takes in a plan, a compiler from their values to a channel, and what others must know of
// it. The key table is the one definition that the plan parser, the plan reference and command-line options are made
// from. A new fault is one file with a Kind in it and a line in catalogue.cpp; no eBPF changes. Kinds know neither TOML
// nor the machine, and nobody else knows a kind by its name: what sets one apart is a property here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "faults/channel.h"
#include "faults/params.h"
#include "faults/profile.h"

namespace faultline::faults {

/// One key of a fault's TOML table. A dotted name ("episodes.every") is a key of a sub-table.
struct Key {
  std::string_view name;
  ValueType type;
  std::string_view doc;      ///< one sentence for the reference
  std::string_view example;  ///< as written in a plan, quotes included
  bool required = false;
  std::string_view fallback = {};  ///< as written in a plan; empty: no default, the key does nothing when absent
  Ns min = 0;                      ///< of durations, in ns, and of bytes; inclusive
  Ns max = 0;                      ///< 0: no limit
  std::vector<std::string_view> choices = {};
};

/// A mistake in the values, found by a kind's own validation (one that no single key's range can express).
struct Problem {
  std::string key;      ///< the key to point at ("profile[2]": an element of it); empty: the fault's table
  std::string message;  ///< what is wrong
  std::string hint;     ///< what would be right
  bool idle = false;    ///< no mistake: the fault asks for nothing, since all of its values are zero
};

/// Said of a fault that asks for nothing: a sweep may begin there.
inline Problem idle_problem(std::string key = {}) {
  return {std::move(key), "it does nothing: all of its values are zero", {}, true};
}

struct Request {
  const Params& params;
  Window window;       ///< the fault's own, since T0
  std::uint64_t seed;  ///< of this fault: derived from the plan's seed and the fault's name
  std::string_view
      link;  ///< which of the fault's sites this channel is for: gives each link of a room its own gain and lag
};

struct Kind {
  std::string_view name;
  std::string_view summary;  ///< one line for `faultline list`
  std::vector<Key> keys;
  std::vector<Problem> (*validate)(const Params&, Ns duration);
  Channel (*compile)(const Request&);
  std::uint16_t port = 0;    ///< what it is about goes to this port, unless the peer names another; 0: any
  bool egress_only = false;  ///< it acts on what leaves `on`: the plan has no say in its direction
  bool cuts = false;         ///< it is a cut of the network: of a machine as a whole it leaves out lo
  bool parts = false;        ///< it parts its targets from each other: groups, edges or a shape say how (partition.h)
  /// The greatest loss that it may come to at any time, 0..1.
  double (*greatest_loss)(const Params&) = [](const Params& params) { return greatest(params, "loss"); };
};

/// Every kind, in the order of the reference. An explicit list: nothing registers itself.
std::span<const Kind> catalogue();
const Kind* find_kind(std::string_view name);
/// The one that examples are made with, and a first plan when nobody says which.
const Kind& usual_kind();

}  // namespace faultline::faults
