#include "injector/record/telemetry.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <type_traits>

#include "injector/base/text.h"

namespace faultline::record {

std::uint64_t ConnectionCounts::all_failed() const {
  std::uint64_t all = 0;
  for (const auto& [error, count] : failed) all += count;
  return all;
}

void ConnectionCounts::add(const ConnectionCounts& other) {
  for_each_field<ConnectionCounts>([&](const auto& field) {
    if constexpr (std::is_same_v<decltype(field.in), std::uint64_t ConnectionCounts::*>)
      this->*field.in += other.*field.in;
  });
  for (const auto& [error, count] : other.failed) failed[error] += count;
}

void TelemetryStats::add(const ConnectionSpan& span) {
  ConnectionCounts::add(span);
  buckets++;
  for (const auto& [value, count] : span.rtt) rtt.ok.add(value, count);
  turns.lost += span.unanswered;
  if (!span.turns) return;
  for (const auto& [took, count] : *span.turns) turns.ok.add(took, count);
}

namespace {

/// Whether "rtt" is said of "rtt.p99".
bool is_of(std::string_view series, std::string_view key) {
  return key == series || (key.starts_with(series) && key.substr(series.size()).starts_with('.'));
}

bool asks_for(const plan::Conditions& asked, std::string_view series) {
  if (asked.errors && series == "errors") return true;
  return std::any_of(plan::Conditions::keys().begin(), plan::Conditions::keys().end(),
                     [&](const auto& key) { return asked.*key.bound && is_of(series, key.name); });
}

}  // namespace

bool concerns(const events::Uncounted& missing, const plan::Asking& whose, const plan::Conditions& asked) {
  if (missing.target && missing.target != whose.telemetry) return false;
  if (missing.peer && missing.peer != whose.peer) return false;
  if (missing.series.empty()) return asked.any();
  return std::any_of(missing.series.begin(), missing.series.end(),
                     [&](const std::string& series) { return asks_for(asked, series); });
}

const ConnectionSpan* span_of(const events::Telemetry& bucket, const std::optional<std::string>& peer) {
  if (!peer) return &bucket;
  if (!bucket.peers) return nullptr;
  for (const auto& one : *bucket.peers)
    if (one.peer == *peer) return &one;
  return nullptr;
}

TelemetryStats stats_in(const TelemetryRecord& record, Ns start, Ns end, const std::optional<std::string>& peer) {
  TelemetryStats stats;
  auto bucket = std::lower_bound(record.buckets.begin(), record.buckets.end(), start,
                                 [](const events::Telemetry& one, Ns t) { return one.from < t; });
  for (; bucket != record.buckets.end() && bucket->from < end; ++bucket)
    if (const ConnectionSpan* span = span_of(*bucket, peer)) stats.add(*span);
  return stats;
}

std::vector<std::string> peers_of(const TelemetryRecord& record) {
  std::set<std::string> names;
  for (const auto& bucket : record.buckets)
    if (bucket.peers)
      for (const auto& one : *bucket.peers) names.insert(one.peer);
  return {names.begin(), names.end()};
}

std::uint64_t count_of(plan::Series series, const ConnectionCounts& counts, std::uint64_t answered) {
  using plan::Series;
  switch (series) {
    case Series::opened:
      return counts.opened;
    case Series::accepted:
      return counts.accepted;
    case Series::failed:
      return counts.all_failed();
    case Series::closed:
      return counts.closed;
    case Series::retransmits:
      return counts.retransmits;
    case Series::retransmits_ours:
      return counts.retransmits_ours;
    case Series::timeouts:
      return counts.timeouts;
    case Series::resets_sent:
      return counts.resets_sent;
    case Series::resets_received:
      return counts.resets_received;
    case Series::bytes_sent:
      return counts.bytes_sent;
    case Series::bytes_received:
      return counts.bytes_received;
    case Series::packets_sent:
      return counts.packets_sent;
    case Series::packets_received:
      return counts.packets_received;
    case Series::answered:
      return answered;
    case Series::unanswered:
      return counts.unanswered;
    case Series::none:
      break;
  }
  return 0;
}

double figure_of(const plan::Bound& bound, std::uint64_t count, Ns length) {
  const auto n = static_cast<double>(count);
  if (bound.measure != plan::Bound::Measure::per_second) return n;
  return length <= 0 ? 0 : n * static_cast<double>(kSecond) / static_cast<double>(length);
}

std::string series_text(const plan::Conditions::Key& key, const plan::Bound& bound, std::uint64_t count, Ns length) {
  std::string text = fmt::format("{} {}", key.name, thousands(count));
  if (bound.measure)
    text += fmt::format(" ({:.1f}/s)", figure_of({{}, 0, {}, plan::Bound::Measure::per_second}, count, length));
  return text;
}

}  // namespace faultline::record
