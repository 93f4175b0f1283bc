// The jitter of a recorded link, as a distribution in a file. Two kinds are read: the tables that come with iproute2
// (tc-netem(8), `maketable`), whose numbers are deviations in units of 1/8192 (NETEM_DIST_SCALE,
// include/uapi/linux/pkt_sched.h), and delays as they were measured, with their units, which are brought to mean 0 and
// deviation 1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/plan/table.h"

namespace faultline::plan {

inline constexpr double kTableScale = 8192;
inline constexpr std::size_t kMostSamples = 1'000'000;

/// Reads the text of such a file, values apart by blanks, commas or ends of lines, in any order; '#' begins a comment.
/// Its values in ascending order, in standard deviations. Nothing when there were mistakes; they are in `issues`, with
/// their line and column of `file`.
std::optional<std::vector<double>> read_samples(const std::string& file, std::string_view text, Issues& issues);

}  // namespace faultline::plan
