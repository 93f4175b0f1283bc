#include "injector/base/text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

namespace faultline {
namespace {

std::string three_figures(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

}  // namespace

std::string rfc3339(Ns wall) {
  Ns seconds = wall / kSecond, rest = wall % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const time_t second = static_cast<time_t>(seconds);
  tm utc{};
  gmtime_r(&second, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, rest / kMicrosecond);
}

std::optional<Ns> wall_of(std::string_view instant) {
  const std::string text(instant);
  struct tm utc {};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr || utc.tm_year + 1900 > 2200) return {};  // nanoseconds in 64 bits end in 2262
  Ns fraction = 0;
  if (*rest == '.') {
    Ns unit = kSecond / 10;
    for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) fraction += (*rest - '0') * unit;
  }
  const int day = utc.tm_mday;
  const bool leap = utc.tm_sec == 60;  // which may begin another day
  const Ns wall = static_cast<Ns>(timegm(&utc)) * kSecond + fraction;
  if (utc.tm_mday != day && !leap) return {};  // the 31st of February
  if (std::string_view(rest) == "Z") return wall;
  int hours = 0, minutes = 0;
  char sign = 0, end = 0;
  if (std::sscanf(rest, "%c%2d:%2d%c", &sign, &hours, &minutes, &end) != 3 || (sign != '+' && sign != '-') ||
      hours > 23 || minutes > 59)
    return {};
  return wall - (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60) * kSecond;
}

std::string time_of_day(const std::string& instant) {
  constexpr std::size_t kFrom = 11, kLength = 8;  // behind "2026-11-22T"
  return instant.size() < kFrom + kLength ? instant : instant.substr(kFrom, kLength) + "Z";
}

std::string short_duration(Ns value) {
  if (value < 0) return "-" + short_duration(-std::max(value, -std::numeric_limits<Ns>::max()));
  const double ns = static_cast<double>(value);
  if (value < kMicrosecond) return fmt::format("{} ns", value);
  if (ns < 999.5 * kMicrosecond) return three_figures(ns / kMicrosecond) + " µs";
  if (ns < 999.5 * kMillisecond) return three_figures(ns / kMillisecond) + " ms";
  return three_figures(ns / kSecond) + " s";
}

std::string short_microseconds(double us) { return short_duration(std::llround(us * 1000)); }

std::string percent(double ratio) {
  const double p = ratio * 100;
  if (p <= 0) return "0%";
  if (p >= 100) return "100%";
  // Cut, not rounded, near the top: 99.996% is not 100%.
  if (p >= 99.9) return fmt::format("{:.3f}%", std::floor(p * 1000) / 1000);
  if (p >= 99) return fmt::format("{:.2f}%", p);
  if (p >= 1) return fmt::format("{:.1f}%", p);
  return fmt::format("{:.2g}%", p);
}

std::string thousands(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

Visible for_locale(Visible text, bool utf8) {
  if (utf8) return text;
  for (const auto& [fancy, simple] : {std::pair{"µ", "u"}, {"·", "|"}, {"±", "+/-"}}) text.replace_all(fancy, simple);
  return text;
}

std::string for_locale(std::string text, bool utf8) {
  if (utf8) return text;
  return for_locale(Visible(text), false).bytes();
}

}  // namespace faultline
