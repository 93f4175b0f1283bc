// What others have measured of a link, as a trace that a fault can play: round trips in the output of ping, irtt and
// RIPE Atlas and in captures of a TCP connection, and mahimahi's traces of a rate. The format is told by the content.
// Round trips are gathered into rows, and what both ways did together is put on each of them; how, the trace says in
// its own comments.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "faults/profile.h"
#include "injector/base/units.h"

namespace faultline::sketch {

struct RoundTrip {
  Ns at = 0;                   ///< when it was sent, of any clock
  std::optional<Ns> rtt = {};  ///< none: there was no answer
};

/// A file that was read: round trips in the order of their times, or the points of a rate.
struct Measured {
  std::vector<RoundTrip> trips = {};
  faults::Profile rates = {};
  std::string note = {};  ///< of what it is, where the format does not say it
};

/// What to read of a file that holds more than one measurement.
struct MeasuredChoice {
  std::string probe = {};  ///< RIPE Atlas: of this probe; empty: the only one that there is
  std::string flow = {};   ///< pcap: of this connection, "10.0.0.1:5000-10.0.0.2:443"; empty: the only one
};

struct MeasuredFormat {
  std::string_view name;
  std::string_view doc;               ///< what makes such a file
  bool (*matches)(std::string_view);  ///< whether a text looks like it
  /// `path` names the file in messages. Throws Failure(invalid) with file and line.
  Measured (*read)(std::string_view text, const std::string& path, const MeasuredChoice& choice);
};

std::span<const MeasuredFormat> measured_formats();

/// Reads a file's text. `format` is a name of one of measured_formats(); empty: by its content. Throws Failure(invalid)
/// for what cannot be read, with the line where there is one. `taken` becomes the format's name.
Measured read_measured(std::string_view text, const std::string& path, const std::string& format,
                       const MeasuredChoice& choice, std::string_view& taken);

struct TraceWish {
  std::optional<Ns> every = {};  ///< how long a row is; none: ten round trips, a second at least
  bool round_trip = false;       ///< delay and loss stay those of the round trip, for a fault of one direction
  bool excess = false;           ///< less the least delay: what was added to the link as it usually is
};

struct MadeTrace {
  std::string csv;
  std::size_t rows = 0, trips = 0, lost = 0;
  Ns length = 0;
};

/// A trace's text for a fault of the kind `trace`. `source` is said in its comments.
MadeTrace make_trace(const Measured& measured, const TraceWish& wish, const std::string& source);

// The readers of the formats; each has its file.
Measured read_ping(std::string_view text, const std::string& path, const MeasuredChoice& choice);
Measured read_irtt(std::string_view text, const std::string& path, const MeasuredChoice& choice);
Measured read_atlas(std::string_view text, const std::string& path, const MeasuredChoice& choice);
Measured read_pcap(std::string_view text, const std::string& path, const MeasuredChoice& choice);
Measured read_mahimahi(std::string_view text, const std::string& path, const MeasuredChoice& choice);

/// Throws Failure(invalid): "FILE:LINE: what; hint".
[[noreturn]] void refuse_line(const std::string& path, std::size_t line, const std::string& what);

// Figures of a file, in its units, as times. What is reckoned with them cannot overflow: a figure that is out of range
// is refused with its line.
inline constexpr Ns kLatestMeasured = 4'000'000'000 * kSecond;         ///< since 1970
inline constexpr Ns kLongestMeasured = Ns{366} * 24 * 3600 * kSecond;  ///< from the first to the last; as a fault is
Ns sent_time(double figure, Ns unit, const std::string& path, std::size_t line);
Ns round_trip_time(double figure, Ns unit, const std::string& path, std::size_t line);

}  // namespace faultline::sketch
