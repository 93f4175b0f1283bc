// The plan of a run that a test watches from outside: a victim in a namespace, a ping from it, and one fault on it.
// What a test does not say is as it stands here.
#pragma once

#include <fmt/format.h>

#include <string>

namespace faultline::test {

struct VictimPlan {
  std::string netns;  ///< the victim's
  std::string duration = "20s";
  std::string ping = "10.7.0.2", timeout = "1s";
  std::string fault = "slow", effect = "kind = \"degrade\"\ndelay = \"100ms\"";
  std::string start = "500ms", length = "15s";
  std::string more = {};  ///< further tables

  std::string text() const {
    return fmt::format(R"(
seed = 1
duration = "{}"
[targets.victim]
netns = "{}"
[probes.ping]
icmp = "{}"
from = "victim"
every = "50ms"
timeout = "{}"
[[faults]]
name = "{}"
on = "victim"
start = "{}"
for = "{}"
{}
{})",
                       duration, netns, ping, timeout, fault, start, length, effect, more);
  }
};

/// The tables of a probe of the number that a file holds; what it does not say is in `keys`.
inline std::string number_probe(const std::string& name, const std::string& file, const std::string& keys) {
  return fmt::format("[probes.{}]\nexec = [\"cat\", \"{}\"]\nvalue = \"number\"\nfrom = \"here\"\n{}\n", name, file,
                     keys);
}

}  // namespace faultline::test
