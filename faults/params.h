// The values of a fault's keys: the types that there are, and what a plan gave. What reads them from TOML, and what
// writes them for people, goes by type and never by the kind that they belong to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
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
  bytes,        ///< std::uint64_t; "1400B", "64kB"
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
using Value = std::variant<Ns, double, std::string, bool, QueueLimit, std::uint64_t, std::vector<std::string>, Profile,
                           Trace, Samples, Groups>;

/// The values that a plan gave, by key name; defaults are filled in by the parser.
class Params {
 public:
  void set(std::string_view name, Value value) { values_[std::string(name)] = std::move(value); }
  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  Ns duration(std::string_view name) const { return get<Ns>(name, 0); }
  double probability(std::string_view name) const { return get<double>(name, 0.0); }
  double rate(std::string_view name) const { return get<double>(name, 0.0); }
  QueueLimit queue(std::string_view name) const { return get<QueueLimit>(name, {}); }
  std::uint64_t bytes(std::string_view name) const { return get<std::uint64_t>(name, 0); }
  std::string text(std::string_view name) const { return get<std::string>(name, std::string()); }
  bool boolean(std::string_view name) const { return get<bool>(name, false); }
  std::vector<std::string> texts(std::string_view name) const { return get<std::vector<std::string>>(name, {}); }
  Profile profile(std::string_view name) const { return get<Profile>(name, {}); }
  Trace trace(std::string_view name) const { return get<Trace>(name, {}); }
  Samples samples(std::string_view name) const { return get<Samples>(name, {}); }
  Groups groups(std::string_view name) const { return get<Groups>(name, {}); }

  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  template <class T>
  T get(std::string_view name, T absent) const {
    const auto it = values_.find(std::string(name));
    if (it == values_.end()) return absent;
    return std::get<T>(it->second);
  }
  std::map<std::string, Value> values_;
};

}  // namespace faultline::faults
