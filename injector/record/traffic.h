// When traffic stopped going into a fault, from how many packets its rules matched over time.
#pragma once

#include <optional>
#include <vector>

#include "injector/record/sighting_events.h"

namespace faultline::record {

struct FaultRecord;
struct Finding;
struct Recording;

/// Fewer than this share of what the busiest second had, in each second from then on: traffic has stopped. Something
/// always goes on, as a look whether the other side is back, or what is sent once more of what was lost.
inline constexpr double kTrickle = 0.1;

/// The instant, since T0, from which traffic stayed away from [start, end); nothing: it did not, or none came.
std::optional<Ns> traffic_stopped(const std::vector<events::Traffic>& traffic, Ns start, Ns end);

/// Whether traffic stopped going into `fault` within this time of its beginning.
Finding judge_traffic(const Recording& recording, const FaultRecord& fault, Ns within, const std::string& stop_text);

}  // namespace faultline::record
