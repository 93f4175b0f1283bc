#include "injector/sketch/measured.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "injector/base/error.h"
#include "injector/plan/trace_file.h"
#include "injector/plan/values.h"
#include "injector/sketch/capture.h"

namespace faultline::sketch {
namespace {

/// The first line that has something on it.
std::string_view first_line(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  const std::string_view line = text.substr(0, text.find('\n'));
  return plan::trim(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
}

bool is_json(std::string_view text) { return first_line(text).starts_with('{') || first_line(text).starts_with('['); }
bool has(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

bool looks_like_irtt(std::string_view text) { return is_json(text) && has(text, "\"round_trips\""); }
bool looks_like_atlas(std::string_view text) { return is_json(text) && has(text, "\"prb_id\""); }
bool looks_like_ping(std::string_view text) { return has(text, "icmp_seq="); }
bool looks_like_mahimahi(std::string_view text) {
  const std::string_view line = first_line(text);
  return !line.empty() && line.find_first_not_of("0123456789") == std::string_view::npos;
}

constexpr std::array<MeasuredFormat, 5> kFormats{
    {{"pcap", "a capture of a TCP connection, pcap or pcapng: tcpdump -w FILE", is_capture, read_pcap},
     {"irtt", "irtt client -o FILE.json", looks_like_irtt, read_irtt},
     {"atlas", "results of a ping measurement of RIPE Atlas, JSON", looks_like_atlas, read_atlas},
     {"ping", "ping -D, of iputils", looks_like_ping, read_ping},
     {"mahimahi", "a packet-delivery trace: a rate", looks_like_mahimahi, read_mahimahi}}};

constexpr Ns kLongestRoundTrip = 1000 * kSecond;

Ns bounded(double figure, Ns unit, Ns most, const char* what, const std::string& path, std::size_t line) {
  const double ns = figure * static_cast<double>(unit);
  if (!(ns >= 0 && ns <= static_cast<double>(most)))
    refuse_line(path, line, fmt::format("{} is out of range: it is from 0 to {} s", what, most / kSecond));
  return std::llround(ns);
}

/// Of a text that is none of them; what it looks like, and what would do.
std::string why_none(std::string_view text) {
  if (text.starts_with("\x1f\x8b")) return "it is compressed: gunzip it first";
  if (const auto line = first_line(text); line.starts_with("time") && has(line, ","))
    return "it looks like a trace already: a fault of the kind trace plays it as it is";
  std::string names;
  for (const auto& format : kFormats)
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", format.name, format.doc);
  return "what is read: " + names;
}

}  // namespace

std::span<const MeasuredFormat> measured_formats() { return kFormats; }

void refuse_line(const std::string& path, std::size_t line, const std::string& what) {
  throw Failure(Exit::invalid,
                line == 0 ? fmt::format("{}: {}", path, what) : fmt::format("{}:{}: {}", path, line, what));
}

Ns sent_time(double figure, Ns unit, const std::string& path, std::size_t line) {
  return bounded(figure, unit, kLatestMeasured, "the time", path, line);
}

Ns round_trip_time(double figure, Ns unit, const std::string& path, std::size_t line) {
  return bounded(figure, unit, kLongestRoundTrip, "the round trip", path, line);
}

Measured read_measured(std::string_view text, const std::string& path, const std::string& format,
                       const MeasuredChoice& choice, std::string_view& taken) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  if (first_line(text).empty()) refuse_line(path, 0, "the file is empty");
  const auto found = std::find_if(kFormats.begin(), kFormats.end(), [&](const MeasuredFormat& one) {
    return format.empty() ? one.matches(text) : one.name == format;
  });
  if (found == kFormats.end()) refuse_line(path, 0, "the format is not known; " + why_none(text));
  taken = found->name;
  Measured measured = found->read(text, path, choice);
  std::stable_sort(measured.trips.begin(), measured.trips.end(),
                   [](const RoundTrip& a, const RoundTrip& b) { return a.at < b.at; });
  if (!measured.rates.empty()) return measured;
  if (measured.trips.empty()) refuse_line(path, 0, "there is no round trip in it");
  if (measured.trips.back().at - measured.trips.front().at > kLongestMeasured)
    refuse_line(path, 0, "it is longer than a year");
  if (std::none_of(measured.trips.begin(), measured.trips.end(), [](const RoundTrip& t) { return t.rtt.has_value(); }))
    refuse_line(path, 0, "no round trip in it was answered: play a cut instead (docs/faults/sever.md)");
  return measured;
}

Measured read_mahimahi(std::string_view text, const std::string& path, const MeasuredChoice&) {
  if (!looks_like_mahimahi(text))
    refuse_line(path, 1, "this is no mahimahi trace: a line is a time in whole milliseconds");
  plan::Issues issues;
  auto read = plan::read_trace(path, text, 1, issues);
  if (const auto mistakes = issues.take(); !mistakes.empty())
    refuse_line(path, mistakes.front().at.line, mistakes.front().message);
  return {{}, std::move(*read)};
}

}  // namespace faultline::sketch
