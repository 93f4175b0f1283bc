// A fault kind: the keys it takes in a plan, and a compiler from their values to a channel. The key table is the one
// definition that the plan parser, the plan reference and command-line options are made from. A new fault is one file
// with a Kind in it and a line in catalogue.cpp; no eBPF changes. Kinds know neither TOML nor the machine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "faults/channel.h"
#include "faults/profile.h"

namespace faultline::faults {

enum class ValueType {
  duration,     ///< Ns; "300ms", "1m30s"
  timeline,     ///< Ns; a duration that --scale compresses, and that may be { true = …, scaled = … }
  probability,  ///< double 0..1; "10%"
  choice,       ///< std::string, one of Key::choices
  boolean,      ///< bool
  rate,         ///< double, bit/s; "10mbit"
  queue,        ///< QueueLimit; "100ms", "64kB"
  texts,        ///< std::vector<std::string>; a string or an array of them
  profile,      ///< Profile; [{ at = "0s", delay = "10ms" }, …]
  trace,        ///< Trace; the name of a file with a profile
  samples,      ///< Samples; the name of a file with a distribution
  groups,       ///< Groups; [["a", "b"], ["c"]]: names of targets
};

/// How long a queue may grow: by the wait of what comes last, or by its bytes. One of the two is 0.
struct QueueLimit {
  Ns time = 0;
  std::uint64_t bytes = 0;
  bool operator==(const QueueLimit&) const = default;
};

/// A profile that was read from a file.
struct Trace {
  std::string file;  ///< as the plan names it
  Profile points;
};

/// A distribution that was read from a file.
struct Samples {
  std::string file;  ///< as the plan names it
  Deviations values;
};

using Groups = std::vector<std::vector<std::string>>;
using Value =
    std::variant<Ns, double, std::string, bool, QueueLimit, std::vector<std::string>, Profile, Trace, Samples, Groups>;

/// One key of a fault's TOML table. A dotted name ("episodes.every") is a key of a sub-table.
struct Key {
  std::string_view name;
  ValueType type;
  std::string_view doc;      ///< one sentence for the reference
  std::string_view example;  ///< as written in a plan, quotes included
  bool required = false;
  std::string_view fallback = {};  ///< as written in a plan; empty: no default, the key does nothing when absent
  Ns min = 0;                      ///< of durations, inclusive
  Ns max = 0;                      ///< 0: no limit
  std::vector<std::string_view> choices = {};
};

/// The values that a plan gave, by key name; defaults are filled in by the parser.
class Params {
 public:
  void set(std::string_view name, Value value) { values_[std::string(name)] = std::move(value); }
  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  Ns duration(std::string_view name) const { return get<Ns>(name, 0); }
  double probability(std::string_view name) const { return get<double>(name, 0.0); }
  double rate(std::string_view name) const { return get<double>(name, 0.0); }
  QueueLimit queue(std::string_view name) const { return get<QueueLimit>(name, {}); }
  std::string text(std::string_view name) const { return get<std::string>(name, std::string()); }
  bool boolean(std::string_view name) const { return get<bool>(name, false); }
  std::vector<std::string> texts(std::string_view name) const { return get<std::vector<std::string>>(name, {}); }
  Profile profile(std::string_view name) const { return get<Profile>(name, {}); }
  Trace trace(std::string_view name) const { return get<Trace>(name, {}); }
  Samples samples(std::string_view name) const { return get<Samples>(name, {}); }
  Groups groups(std::string_view name) const { return get<Groups>(name, {}); }

 private:
  template <class T>
  T get(std::string_view name, T absent) const {
    const auto it = values_.find(std::string(name));
    if (it == values_.end()) return absent;
    return std::get<T>(it->second);
  }
  std::map<std::string, Value> values_;
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
};

/// Every kind, in the order of the reference. An explicit list: nothing registers itself.
std::span<const Kind> catalogue();
const Kind* find_kind(std::string_view name);

}  // namespace faultline::faults
