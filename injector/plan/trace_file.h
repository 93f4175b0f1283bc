// A recorded link in a file. Two kinds are read: CSV, one row per instant with the figures from there on, and
// mahimahi's traces, a line per millisecond at which one packet of full size may pass. Both become a profile.
#pragma once

#include <optional>
#include <string>

#include "faults/channel.h"
#include "faults/profile.h"
#include "injector/plan/table.h"

namespace faultline::plan {

/// Reads the text of a trace. `file` names it in messages, which point at line and column of the file. Times count from
/// its first row, and are divided by `scale`. Nothing when there were mistakes; they are in `issues`.
std::optional<faults::Profile> read_trace(const std::string& file, std::string_view text, double scale, Issues& issues);

/// A mahimahi trace is told from CSV by its first line: a bare number. Averaged over 20 ms, or as much longer as it
/// takes to the next packet: a link that lets a packet through every two seconds has a low rate, and none of zero.
inline constexpr Ns kMahimahiCell = 20 * kMillisecond;
/// What one opportunity lets pass: a packet of 1500 bytes with its Ethernet header, as rates count.
inline constexpr double kMahimahiBits = faults::kFullFrame * 8;

}  // namespace faultline::plan
