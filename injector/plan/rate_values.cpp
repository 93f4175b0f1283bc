// Rates, queue limits and counts of bytes: the words of a link's bandwidth.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "faults/abi.h"
#include "injector/plan/values.h"

namespace faultline::plan {
namespace {

struct SizeUnit {
  std::string_view name;
  double size;
};
constexpr std::array<SizeUnit, 3> kRates{{{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}}};
constexpr std::array<SizeUnit, 5> kSizes{{{"kB", 1e3}, {"MB", 1e6}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"B", 1}}};
constexpr Ns kLongestQueue = 60 * kSecond;
constexpr double kLargestQueue = 1e9, kLargestSize = 1e12;

/// A number and the unit behind it, which `unit` names.
struct Parts {
  std::optional<double> number;
  std::string_view unit;
};
Parts parts_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  Parts parts;
  if (error == std::errc() && text.front() >= '0' && text.front() <= '9') parts.number = number;
  parts.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (parts.unit.starts_with(' ')) parts.unit.remove_prefix(1);
  return parts;
}

std::string shortest(double value, std::span<const SizeUnit> units) {
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
    if (value >= unit->size) return fmt::format("{:.10g}{}", value / unit->size, unit->name);
  return fmt::format("{:.10g}{}", value / units.front().size, units.front().name);
}

}  // namespace

Read<double> read_rate(std::string_view text) {
  const std::string bad = fmt::format("\"{}\" is not a rate", text.substr(0, 60));
  if (text.empty()) return {{}, bad, "write \"10mbit\""};
  const Parts parts = parts_of(text);
  if (!parts.number) return {{}, bad, "write a number and its unit: \"10mbit\""};
  for (const auto& unit : kRates) {
    if (parts.unit != unit.name) continue;
    const double rate = *parts.number * unit.size;
    if (rate < static_cast<double>(FL_RATE_MIN) || rate > static_cast<double>(FL_RATE_MAX))
      return {{},
              fmt::format("\"{}\" is out of range", text),
              "rates are between 1kbit and 1000gbit; to cut a link use kind = \"sever\""};
    return {rate, {}, {}};
  }
  if (parts.unit.ends_with("bps") || parts.unit.ends_with("Bps") || parts.unit.ends_with("B/s"))
    return {
        {},
        bad,
        fmt::format(
            "\"{}\" means bytes to some and bits to others: write kbit, mbit or gbit (a megabyte a second is 8mbit)",
            parts.unit)};
  return {{}, bad, "units are kbit, mbit and gbit: \"10mbit\", \"1.5gbit\""};
}

Read<faults::QueueLimit> read_queue(std::string_view text) {
  const std::string hint = "give the longest wait, \"100ms\", or the bytes it holds, \"64kB\"";
  const Parts parts = text.empty() ? Parts{} : parts_of(text);
  for (const auto& unit : kSizes) {
    if (!parts.number || parts.unit != unit.name) continue;
    const double bytes = *parts.number * unit.size;
    if (bytes < 1 || bytes > kLargestQueue)
      return {{}, fmt::format("\"{}\" is out of range", text), "a queue holds 1B to 1000MB"};
    return {faults::QueueLimit{0, static_cast<std::uint64_t>(std::llround(bytes))}, {}, {}};
  }
  const auto time = read_duration(text);
  if (!time.value) return {{}, fmt::format("\"{}\" is not the length of a queue", text.substr(0, 60)), hint};
  if (*time.value <= 0 || *time.value > kLongestQueue)
    return {{}, fmt::format("\"{}\" is out of range", text), "a queue is longer than 0s, and 60s at most"};
  return {faults::QueueLimit{*time.value, 0}, {}, {}};
}

Read<std::uint64_t> read_bytes(std::string_view text) {
  const std::string bad = fmt::format("\"{}\" is not a number of bytes", text.substr(0, 60));
  const Parts parts = text.empty() ? Parts{} : parts_of(text);
  for (const auto& unit : kSizes) {
    if (!parts.number || parts.unit != unit.name) continue;
    const double bytes = *parts.number * unit.size;
    if (bytes < 1 || bytes > kLargestSize || bytes != std::floor(bytes))
      return {{}, fmt::format("\"{}\" is out of range", text), "write whole bytes, 1B to 1000000MB"};
    return {static_cast<std::uint64_t>(bytes), {}, {}};
  }
  return {{}, bad, "write a number and its unit, B, kB or MB: \"1400B\", \"64kB\""};
}

std::string format_rate(double rate) { return shortest(rate, kRates); }

std::string format_queue(const faults::QueueLimit& limit) {
  if (limit.bytes == 0) return format_duration(limit.time);
  return shortest(static_cast<double>(limit.bytes), std::span(kSizes).first(2));
}

std::string format_bytes(std::uint64_t bytes) {
  // The greatest unit of which it is a whole number: 1400B, and not 1.4kB.
  for (const auto& unit : {kSizes[1], kSizes[0]})
    if (const auto size = static_cast<std::uint64_t>(unit.size); bytes != 0 && bytes % size == 0)
      return fmt::format("{}{}", bytes / size, unit.name);
  return fmt::format("{}B", bytes);
}

}  // namespace faultline::plan
