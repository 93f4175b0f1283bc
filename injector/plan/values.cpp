#include "injector/plan/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "injector/probe/value.h"

namespace faultline::plan {
namespace {

constexpr std::string_view kUnitHint = "units are ns, us, ms, s, m and h: \"300ms\", \"1m30s\"";

struct Unit {
  std::string_view name;
  Ns length;
};
constexpr std::array<Unit, 8> kUnits{{{"h", 3600 * kSecond},
                                      {"m", 60 * kSecond},
                                      {"s", kSecond},
                                      {"ms", kMillisecond},
                                      {"us", kMicrosecond},
                                      {"\u00b5s", kMicrosecond},  // micro sign
                                      {"\u03bcs", kMicrosecond},  // Greek mu
                                      {"ns", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A word of the plan in a message: quoted, and cut when it is very long.
std::string quoted(std::string_view text) {
  if (text.size() <= 60) return fmt::format("\"{}\"", text);
  std::size_t cut = 57;
  while (cut > 0 && (text[cut] & 0xc0) == 0x80) --cut;
  return fmt::format("\"{}...\"", text.substr(0, cut));
}

/// The digits at the front of `text`, which loses them.
std::string_view take_digits(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  const auto digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

/// whole.fraction times unit, exactly. Empty when it overflows or is finer than a nanosecond.
enum class Exact { ok, too_long, too_fine };
Exact multiply(std::string_view whole, std::string_view fraction, Ns unit, Ns& out) {
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  if (fraction.size() > 13) return Exact::too_fine;  // an hour has 3.6e12 ns
  __int128 value = 0;
  for (const char c : whole) {
    value = value * 10 + (c - '0');
    if (value > std::numeric_limits<Ns>::max()) return Exact::too_long;
  }
  if (value > std::numeric_limits<Ns>::max() / unit) return Exact::too_long;
  __int128 scale = 1;
  for (const char c : fraction) {
    value = value * 10 + (c - '0');
    scale *= 10;
  }
  value *= unit;
  if (value % scale != 0) return Exact::too_fine;
  value /= scale;
  if (value > std::numeric_limits<Ns>::max()) return Exact::too_long;
  out = static_cast<Ns>(value);
  return Exact::ok;
}

/// A decimal number without sign or exponent, all of `text`.
std::optional<double> read_decimal(std::string_view text) {
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<Bound::Op> take_operator(std::string_view& text) {
  static constexpr std::array<std::pair<std::string_view, Bound::Op>, 5> kOperators{
      {{">=", Bound::Op::ge}, {"<=", Bound::Op::le}, {">", Bound::Op::gt}, {"<", Bound::Op::lt}, {"=", Bound::Op::eq}}};
  for (const auto& [name, op] : kOperators) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    text = trim(text);
    return op;
  }
  return std::nullopt;
}

/// What a bound may be: how its value is read, an example, and whether it can be met exactly.
template <class T>
struct BoundStyle {
  Read<T> (*read_value)(std::string_view);
  std::string_view example;
  bool exact = false;
};

template <class T>
Read<Bound> read_bound(std::string_view text, const BoundStyle<T>& style) {
  const std::string_view operators = style.exact ? ">=, >, <=, < or =" : ">=, >, <= or <";
  std::string_view rest = trim(text);
  const auto op = take_operator(rest);
  if (!op)
    return {{},
            fmt::format("{} has no comparison", quoted(text)),
            fmt::format("write {} in front: \"{}\"", operators, style.example)};
  if (*op == Bound::Op::eq && !style.exact)
    return {{},
            fmt::format("{} asks for one exact value, which a measured figure never is", quoted(text)),
            fmt::format("write {} in front: \"{}\"", operators, style.example)};
  const auto value = style.read_value(rest);
  if (!value.value) return {{}, value.error, value.hint};
  return {Bound{*op, static_cast<double>(*value.value), std::string(trim(text))}, {}, {}};
}

constexpr std::string_view kOfBaseline = "baseline";

Read<std::uint64_t> read_count(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count > 1'000'000'000'000)
    return {{}, quoted(text) + " is not a number of requests", "write a whole number: \"= 0\", \">= 100\""};
  return {count, {}, {}};
}

Read<double> read_plain_number(std::string_view text) {
  const auto number = probe::number_of(text);
  if (!number) return {{}, quoted(text) + " is not a number", "write a number without a unit: \"<= 100\""};
  return {*number, {}, {}};
}

Read<double> read_per_second(std::string_view text) {
  constexpr std::string_view kHint = "write how many succeed in a second: \">= 100/s\"";
  const std::string_view all = text;
  if (!text.ends_with("/s")) return {{}, quoted(all) + " is not a rate", std::string(kHint)};
  text.remove_suffix(2);
  const auto number = read_decimal(trim(text));
  if (!number) return {{}, quoted(all) + " is not a rate", std::string(kHint)};
  return {*number, {}, {}};
}

Read<double> read_times_baseline(std::string_view text) {
  constexpr std::string_view kHint = "write how many times: \"<= 2x baseline\", \">= 0.5x baseline\"";
  const std::string_view all = text;
  if (!text.ends_with(kOfBaseline)) return {{}, quoted(all) + " is not a share of the baseline", std::string(kHint)};
  text.remove_suffix(kOfBaseline.size());
  text = trim(text);
  if (!text.ends_with('x')) return {{}, quoted(all) + " does not say how many times", std::string(kHint)};
  text.remove_suffix(1);
  const auto number = read_decimal(trim(text));
  if (!number) return {{}, quoted(all) + " does not say how many times", std::string(kHint)};
  constexpr double kMost = 1e6;
  if (*number > kMost) return {{}, quoted(all) + " is more than a million times", std::string(kHint)};
  return {*number, {}, {}};
}

Read<Bound> with_measure(Read<Bound> bound, Bound::Measure measure) {
  if (bound.value) bound.value->measure = measure;
  return bound;
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Read<Ns> read_duration(std::string_view text) {
  const std::string_view all = text;
  const auto wrong = [&](std::string message, std::string hint = std::string(kUnitHint)) {
    return Read<Ns>{{}, quoted(all) + " " + message, std::move(hint)};
  };
  if (text.empty()) return wrong("is empty");
  if (text.front() == '-') return wrong("is negative", "durations count from 0");
  Ns total = 0, previous_unit = std::numeric_limits<Ns>::max();
  while (!text.empty()) {
    const auto whole = take_digits(text);
    std::string_view fraction;
    if (whole.empty()) return wrong("is not a duration");
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      fraction = take_digits(text);
      if (fraction.empty()) return wrong("is not a duration");
    }
    std::size_t length = 0;
    while (length < text.size() && !is_digit(text[length]) && text[length] != '.') ++length;
    const auto name = text.substr(0, length);
    text.remove_prefix(length);
    if (name.empty())
      return wrong("has no unit", fmt::format("did you mean \"{}ms\" or \"{}s\"? {}", all, all, kUnitHint));
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == name; });
    if (unit == kUnits.end()) {
      if (name.find(' ') != std::string_view::npos)
        return wrong("has a space in it", "write number and unit together: \"300ms\", \"1m30s\"");
      if (name == "d") return wrong("is in days", "the largest unit is h: a day is \"24h\"");
      return wrong(fmt::format("has an unknown unit {}", quoted(name)));
    }
    if (unit->length >= previous_unit)
      return wrong("has its units out of order", "the largest comes first, each at most once: \"1m30s\"");
    previous_unit = unit->length;
    Ns part = 0;
    switch (multiply(whole, fraction, unit->length, part)) {
      case Exact::too_fine:
        return wrong("is finer than a nanosecond", "");
      case Exact::too_long:
        return wrong("is too long", "the limit is 292 years");
      case Exact::ok:
        break;
    }
    if (__builtin_add_overflow(total, part, &total)) return wrong("is too long", "the limit is 292 years");
  }
  return {total, {}, {}};
}

Read<double> read_probability(std::string_view text) {
  const std::string_view all = text;
  constexpr std::string_view kHint = "write it as a percentage: \"10%\", \"0.01%\"";
  text = trim(text);
  if (!text.ends_with('%')) {
    const auto number = read_decimal(text);
    if (!number) return {{}, quoted(all) + " is not a probability", std::string(kHint)};
    return {{},
            quoted(all) + " has no % sign",
            *number <= 1
                ? fmt::format("probabilities are percentages: did you mean \"{}\"?", format_probability(*number))
                : fmt::format("did you mean \"{}%\"?", text)};
  }
  text.remove_suffix(1);
  if (text.starts_with('-')) return {{}, quoted(all) + " is negative", "a probability is between 0% and 100%"};
  const auto number = read_decimal(trim(text));
  if (!number) return {{}, quoted(all) + " is not a probability", std::string(kHint)};
  if (*number > 100) return {{}, quoted(all) + " is more than 100%", "a probability is between 0% and 100%"};
  return {*number / 100, {}, {}};
}

Read<Bound> read_ratio_bound(std::string_view text) {
  return read_bound(text, BoundStyle<double>{read_probability, ">= 99%"});
}
Read<Bound> read_duration_bound(std::string_view text) {
  return read_bound(text, BoundStyle<Ns>{read_duration, "<= 250ms"});
}
Read<Bound> read_count_bound(std::string_view text) {
  return read_bound(text, BoundStyle<std::uint64_t>{read_count, "= 0", true});
}
Read<Bound> read_share_or_count_bound(std::string_view text) {
  if (text.find('%') != std::string_view::npos) return read_bound(text, BoundStyle<double>{read_probability, "<= 1%"});
  return with_measure(read_count_bound(text), Bound::Measure::count);
}
Read<Bound> read_throughput_bound(std::string_view text) {
  return read_bound(text, BoundStyle<double>{read_per_second, ">= 100/s"});
}
Read<Bound> read_value_bound(std::string_view text) {
  return read_bound(text, BoundStyle<double>{read_plain_number, "<= 100", true});
}
Read<Bound> read_count_or_rate_bound(std::string_view text) {
  if (text.find('/') != std::string_view::npos)
    return with_measure(read_throughput_bound(text), Bound::Measure::per_second);
  return read_count_bound(text);
}
bool is_baseline_bound(std::string_view text) { return trim(text).ends_with(kOfBaseline); }
Read<Bound> read_baseline_bound(std::string_view text) {
  return with_measure(read_bound(text, BoundStyle<double>{read_times_baseline, "<= 2x baseline"}),
                      Bound::Measure::times_baseline);
}

Read<std::vector<PortRange>> read_ports(std::string_view text) {
  constexpr std::string_view kHint = "ports are 1 to 65535: 443, \"80,8000-8080\"";
  std::vector<PortRange> ports;
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    const auto part = trim(rest.substr(0, comma));
    const auto dash = part.find('-');
    const auto first = read_port(trim(part.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : read_port(trim(part.substr(dash + 1)));
    if (!first || !last) return {{}, fmt::format("{} is not a port", quoted(part)), std::string(kHint)};
    if (*first > *last)
      return {
          {}, fmt::format("{} runs backwards", quoted(part)), fmt::format("did you mean \"{}-{}\"?", *last, *first)};
    ports.push_back({*first, *last});
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return {std::move(ports), {}, {}};
}

Read<double> read_scale(std::string_view text) {
  constexpr std::string_view kHint = "write 1:30 to run thirty times as fast, 1:1 to run the true timeline";
  if (!text.starts_with("1:")) return {{}, quoted(text) + " is not a scale", std::string(kHint)};
  const auto number = read_decimal(text.substr(2));
  if (!number) return {{}, quoted(text) + " is not a scale", std::string(kHint)};
  if (*number < 1 || *number > 1e6)
    return {{}, quoted(text) + " is out of range", "the scale is between 1:1 and 1:1000000"};
  return {*number, {}, {}};
}

std::string_view pattern_of(void (*reader)()) {
#define FAULTLINE_DURATION "([0-9]+(\\.[0-9]+)?(h|m|s|ms|us|\u00b5s|\u03bcs|ns))+"
#define FAULTLINE_NUMBER "[0-9]+(\\.[0-9]+)?"
#define FAULTLINE_COMPARED " *(>=|>|<=|<) *"
#define FAULTLINE_COUNTED " *(>=|>|<=|<|=) *[0-9]+ *"
  const auto is = [&](auto* read) { return reader == reinterpret_cast<void (*)()>(read); };
  if (is(read_duration)) return FAULTLINE_DURATION;
  if (is(read_probability)) return " *" FAULTLINE_NUMBER " *% *";
  if (is(read_ratio_bound)) return FAULTLINE_COMPARED FAULTLINE_NUMBER " *% *";
  if (is(read_duration_bound)) return FAULTLINE_COMPARED FAULTLINE_DURATION " *";
  if (is(read_count_bound)) return FAULTLINE_COUNTED;
  if (is(read_share_or_count_bound)) return FAULTLINE_COUNTED "|" FAULTLINE_COMPARED FAULTLINE_NUMBER " *% *";
  if (is(read_count_or_rate_bound)) return FAULTLINE_COUNTED "|" FAULTLINE_COMPARED FAULTLINE_NUMBER " */s *";
  if (is(read_throughput_bound)) return FAULTLINE_COMPARED FAULTLINE_NUMBER " */s *";
  if (is(read_baseline_bound)) return FAULTLINE_COMPARED FAULTLINE_NUMBER " *x *baseline *";
  if (is(read_value_bound)) return " *(>=|>|<=|<|=)[ \\t\\r\\n]*[+-]?[0-9.]+([eE][+-]?[0-9]+)?[ \\t\\r\\n]*";
  if (is(read_ports)) return "[ 0-9,-]+";
  if (is(read_rate)) return "[0-9]+\\.?[0-9]* *(kbit|mbit|gbit)";
  if (is(read_queue)) return "[0-9].*";
  if (is(read_bytes)) return "[0-9]+\\.?[0-9]* *(kB|MB|KiB|MiB|B)";
  return {};
#undef FAULTLINE_DURATION
#undef FAULTLINE_NUMBER
#undef FAULTLINE_COMPARED
#undef FAULTLINE_COUNTED
}

std::string format_duration(Ns duration) {
  if (duration == 0) return "0s";
  if (duration < 0) {
    if (duration == std::numeric_limits<Ns>::min()) ++duration;  // its negative does not exist
    return "-" + format_duration(-duration);
  }
  const auto decimal = [](Ns value, Ns unit, std::string_view name) {
    std::string digits = fmt::format("{}", value / unit);
    if (Ns rest = value % unit) {
      digits += '.';
      for (Ns place = unit / 10; rest; place /= 10) {
        digits += static_cast<char>('0' + rest / place);
        rest %= place;
      }
    }
    return digits.append(name);
  };
  std::string text;
  if (duration >= 3600 * kSecond) text += fmt::format("{}h", duration / (3600 * kSecond));
  if (duration >= 60 * kSecond && duration / (60 * kSecond) % 60)
    text += fmt::format("{}m", duration / (60 * kSecond) % 60);
  const Ns rest = duration % (60 * kSecond);
  if (rest >= kSecond) return text + decimal(rest, kSecond, "s");
  if (rest >= kMillisecond) return text + decimal(rest, kMillisecond, "ms");
  if (rest >= kMicrosecond) return text + decimal(rest, kMicrosecond, "us");
  if (rest) return text + decimal(rest, 1, "ns");
  return text;
}

std::string format_probability(double p) {
  std::string text = fmt::format("{:.10f}", p * 100);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + "%";
}

}  // namespace faultline::plan
