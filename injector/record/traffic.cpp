#include "injector/record/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "injector/base/text.h"
#include "injector/record/recording.h"
#include "injector/record/sightings.h"
#include "injector/record/windows.h"

namespace faultline::record {

using events::Traffic;

std::optional<Ns> traffic_stopped(const std::vector<Traffic>& traffic, Ns start, Ns end) {
  // Packets of a look count as at its end: nobody is told to be quicker than he was.
  std::vector<Ns> looks;
  std::vector<std::uint64_t> before{0};  // packets of all looks before this one
  for (const auto& look : traffic) {
    if (look.to <= start || look.to > end) continue;
    looks.push_back(look.to);
    before.push_back(before.back() + look.packets);
  }
  const auto until = [&](Ns t) {
    return before[static_cast<std::size_t>(std::upper_bound(looks.begin(), looks.end(), t) - looks.begin())];
  };
  // The seconds in which the number of packets is another: those that begin, and those that end, with a look.
  const Ns last = end - plan::kStopSeen;
  std::vector<Ns> seconds{start};
  for (const Ns look : looks)
    for (const Ns from : {look - plan::kStopSeen, look})
      if (from >= start && from <= last) seconds.push_back(from);
  const auto packets = [&](Ns from) { return until(from + plan::kStopSeen) - until(from); };
  std::uint64_t busiest = 0;
  for (const Ns from : seconds) busiest = std::max(busiest, packets(from));
  if (busiest == 0 || last < start) return {};
  Ns noisy = start - 1;
  for (const Ns from : seconds)
    if (static_cast<double>(packets(from)) >= kTrickle * static_cast<double>(busiest)) noisy = std::max(noisy, from);
  if (noisy < start) return start;
  const auto stopped = std::upper_bound(looks.begin(), looks.end(), noisy);
  return stopped == looks.end() || *stopped > last ? std::nullopt : std::optional(*stopped);
}

Finding judge_traffic(const Recording& r, const FaultRecord& fault, Ns within, const std::string& stop_text) {
  const Ns end = std::min(fault.end, r.observed_until());
  const std::uint64_t all = std::accumulate(fault.traffic.begin(), fault.traffic.end(), std::uint64_t{0},
                                            [](std::uint64_t n, const Traffic& look) { return n + look.packets; });
  const Ns looked = std::max<Ns>(0, end - fault.start);
  if (looked < within + plan::kStopSeen) return {{}, "", not_over_text(stop_text, "that time")};
  if (fault.traffic.empty() || fault.traffic.back().to < end - plan::kStopSeen)
    return {{}, "", "how much traffic went into it was not recorded"};
  if (all == 0) return {{}, "", "no packet went into it"};
  if (const auto stopped = traffic_stopped(fault.traffic, fault.start, end)) {
    const Ns after = *stopped - fault.start;
    return {after <= within, "traffic stopped after " + short_duration(after), "detection", after};
  }
  return {false, fmt::format("traffic went into it for all of {}", short_duration(looked)), "detection"};
}

}  // namespace faultline::record
