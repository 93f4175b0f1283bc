// Measurements in JSON: irtt's, of one client and one server, and RIPE Atlas', of one probe or of many.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "injector/plan/values.h"
#include "injector/sketch/measured.h"

namespace faultline::sketch {
namespace {

using nlohmann::json;

std::size_t line_at(std::string_view text, std::size_t byte) {
  byte = std::min(byte, text.size());
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(byte), '\n'));
}

/// The lines on which the elements of the first array behind `from` begin. The text is sound JSON.
std::vector<std::size_t> lines_of_elements(std::string_view text, std::size_t from) {
  std::vector<std::size_t> lines;
  std::size_t line = line_at(text, from), depth = 0;
  bool quoted = false, expected = false;
  for (std::size_t i = from; i < text.size(); i++) {
    const char c = text[i];
    if (c == '\n') line++;
    if (quoted) {
      if (c == '\\')
        i++;
      else
        quoted = c != '"';
      continue;
    }
    if (depth == 1 && expected && !std::isspace(static_cast<unsigned char>(c)) && c != ']') {
      lines.push_back(line);
      expected = false;
    }
    if (c == '"') quoted = true;
    if (depth == 1 && c == ',') expected = true;
    if (c == '[' || c == '{') expected = depth++ == 0;
    if ((c == ']' || c == '}') && (depth == 0 || --depth == 0)) break;
  }
  return lines;
}

json parsed(std::string_view text, const std::string& path, std::size_t line_before = 0) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    const std::size_t line = line_before + line_at(text, error.byte == 0 ? 0 : error.byte - 1);
    if (error.byte > text.size()) refuse_line(path, line, "the JSON ends too soon: is the file whole?");
    refuse_line(path, line, "this is not JSON");
  } catch (const json::exception&) {  // 1e999
    refuse_line(path, line_before + 1, "a number in the JSON is out of range");
  }
}

/// The value at a path of keys; null when it is not there.
const json* at(const json& value, std::initializer_list<const char*> keys) {
  const json* found = &value;
  for (const char* key : keys) {
    if (!found->is_object()) return nullptr;
    const auto it = found->find(key);
    if (it == found->end()) return nullptr;
    found = &*it;
  }
  return found;
}

std::optional<double> number(const json* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto read = value->get<double>();
  return std::isfinite(read) ? std::optional(read) : std::nullopt;
}

// ---- irtt ----

/// Nanoseconds of one clock or another.
std::optional<double> sent_at(const json& trip) {
  for (const char* clock : {"monotonic", "wall"})
    if (const auto read = number(at(trip, {"timestamps", "client", "send", clock}))) return read;
  return std::nullopt;
}

/// irtt says false, or "true", "true_up", "true_down"; whether as text depends on its version.
std::optional<bool> is_lost(const json* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  if (!value->is_string()) return std::nullopt;
  return value->get<std::string>() != "false";
}

// ---- RIPE Atlas ----

/// A result of an Atlas measurement, with the line on which it begins.
struct Result {
  json value;
  std::size_t line = 0;
};

/// An array of results, or a result on each line.
std::vector<Result> results_of(std::string_view text, const std::string& path) {
  std::vector<Result> results;
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '[') {
    json all = parsed(text, path);
    const auto lines = lines_of_elements(text, begin);
    for (std::size_t i = 0; i < all.size(); i++)
      results.push_back({std::move(all[i]), i < lines.size() ? lines[i] : 0});
    return results;
  }
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    number++;
    if (!plan::trim(line).empty() && line != "\r") results.push_back({parsed(line, path, number - 1), number});
  }
  return results;
}

std::string probe_of(const json& result) {
  const json* id = at(result, {"prb_id"});
  return id != nullptr && id->is_number_integer() ? std::to_string(id->get<std::int64_t>()) : "";
}

void take_result(const Result& result, const std::string& path, std::vector<RoundTrip>& trips) {
  const auto time = number(at(result.value, {"timestamp"}));
  if (!time) refuse_line(path, result.line, "the result has no timestamp");
  const Ns sent = sent_time(*time, kSecond, path, result.line);  // one for all: its packets are a row's
  const json* packets = at(result.value, {"result"});
  if (packets == nullptr || !packets->is_array())
    refuse_line(path, result.line, "the result does not have its packets one by one: is it of firmware 1?");
  for (const auto& packet : *packets) {
    if (at(packet, {"dup"}) != nullptr) continue;
    RoundTrip trip{sent, {}};
    if (const json* rtt = at(packet, {"rtt"}); rtt != nullptr) {
      const auto ms = number(rtt);
      if (!ms) refuse_line(path, result.line, "rtt is no number of milliseconds");
      trip.rtt = round_trip_time(*ms, kMillisecond, path, result.line);
    } else if (at(packet, {"x"}) == nullptr && at(packet, {"error"}) == nullptr) {
      refuse_line(path, result.line, "a packet has neither rtt nor x nor error");
    }
    trips.push_back(trip);
  }
}

}  // namespace

Measured read_irtt(std::string_view text, const std::string& path, const MeasuredChoice&) {
  Measured measured;
  const json whole = parsed(text, path);
  const json* trips = at(whole, {"round_trips"});
  if (trips == nullptr || !trips->is_array()) refuse_line(path, 0, "there is no array \"round_trips\"");
  const auto lines = lines_of_elements(text, text.find('[', text.find("\"round_trips\"")));
  for (std::size_t i = 0; i < trips->size(); i++) {
    const json& trip = (*trips)[i];
    const std::size_t line = i < lines.size() ? lines[i] : 0;
    const auto sent = sent_at(trip);
    const auto lost = is_lost(at(trip, {"lost"}));
    if (!sent) refuse_line(path, line, "the round trip has no timestamps.client.send");
    if (!lost) refuse_line(path, line, "the round trip does not say whether it was \"lost\"");
    RoundTrip read{sent_time(*sent, 1, path, line), {}};
    if (!*lost) {
      const auto rtt = number(at(trip, {"delay", "rtt"}));
      if (!rtt) refuse_line(path, line, "the round trip has no delay.rtt");
      read.rtt = round_trip_time(*rtt, 1, path, line);
    }
    measured.trips.push_back(read);
  }
  return measured;
}

Measured read_atlas(std::string_view text, const std::string& path, const MeasuredChoice& choice) {
  Measured measured;
  const auto results = results_of(text, path);
  std::set<std::string> probes;
  for (const auto& result : results) {
    const json* type = at(result.value, {"type"});
    if (type != nullptr && *type != "ping") refuse_line(path, result.line, "it is not a result of a ping");
    const std::string probe = probe_of(result.value);
    if (probe.empty()) refuse_line(path, result.line, "the result has no prb_id");
    probes.insert(probe);
    if (choice.probe.empty() || choice.probe == probe) take_result(result, path, measured.trips);
  }
  constexpr std::size_t kShown = 10;
  const std::vector<std::string> some(probes.begin(), std::next(probes.begin(), std::min(kShown, probes.size())));
  const std::string known = fmt::format("{}{}", fmt::join(some, ", "), probes.size() > kShown ? ", ..." : "");
  if (choice.probe.empty() && probes.size() > 1)
    refuse_line(path, 0,
                fmt::format("these are results of {} probes: choose one with --probe: {}", probes.size(), known));
  if (!choice.probe.empty() && !probes.contains(choice.probe))
    refuse_line(path, 0, fmt::format("--probe {}: there is no result of it; there are {}", choice.probe, known));
  return measured;
}

}  // namespace faultline::sketch
