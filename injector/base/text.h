// How quantities are written for people. One place, so that the display, the verdict and junit.xml use the same words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "injector/base/units.h"
#include "injector/base/visible_text.h"

namespace faultline {

std::string rfc3339(Ns wall);  ///< "2026-11-22T01:50:05.123456Z" of CLOCK_REALTIME nanoseconds
/// CLOCK_REALTIME nanoseconds of an RFC 3339 instant, with or without a fraction of a second. None: it is another text.
std::optional<Ns> wall_of(std::string_view instant);
std::string time_of_day(const std::string& instant);  ///< of an RFC 3339 instant in UTC, to the second: "17:04:01Z"
std::string short_duration(Ns value);                 ///< three figures: "38.2 µs", "204 ms", "12.3 s"
std::string short_microseconds(double us);
std::string percent(double ratio);       ///< "99.8%"; "100%" and "0%" only when it is exactly that
std::string thousands(std::uint64_t n);  ///< "12,345"
/// The same text without the few non-ASCII characters that this file and the views write, unless `utf8`.
std::string for_locale(std::string text, bool utf8);
Visible for_locale(Visible text, bool utf8);

}  // namespace faultline
