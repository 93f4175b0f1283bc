#include "injector/serve/connection_metrics.h"

namespace faultline::serve {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using record::ConnectionCounts;

/// A counter of each target; two that differ in their direction are one family.
struct Counter {
  const char* name;
  const char* help;
  std::uint64_t ConnectionCounts::*value;
  const char* direction;  ///< "": it has none
};

constexpr Counter kCounters[] = {
    {"faultline_connections_opened_total", "TCP connections that a target opened.", &ConnectionCounts::opened, ""},
    {"faultline_connections_accepted_total", "TCP connections that others opened to a target.",
     &ConnectionCounts::accepted, ""},
    {"faultline_connections_closed_total", "TCP connections of a target that ended.", &ConnectionCounts::closed, ""},
    {"faultline_retransmits_total", "Segments that a target sent again.", &ConnectionCounts::retransmits, ""},
    {"faultline_retransmits_ours_total", "Of these: since a fault dropped the segment, or an acknowledgement of it.",
     &ConnectionCounts::retransmits_ours, ""},
    {"faultline_retransmission_timeouts_total", "Of retransmits: since the retransmission timer ran out.",
     &ConnectionCounts::timeouts, ""},
    {"faultline_resets_total", "TCP resets of a target.", &ConnectionCounts::resets_sent, "sent"},
    {"faultline_resets_total", "TCP resets of a target.", &ConnectionCounts::resets_received, "received"},
    {"faultline_payload_bytes_total", "Payload of a target's TCP connections.", &ConnectionCounts::bytes_sent, "sent"},
    {"faultline_payload_bytes_total", "Payload of a target's TCP connections.", &ConnectionCounts::bytes_received,
     "received"},
    {"faultline_packets_total", "Packets of a target's TCP connections.", &ConnectionCounts::packets_sent, "sent"},
    {"faultline_packets_total", "Packets of a target's TCP connections.", &ConnectionCounts::packets_received,
     "received"},
};

}  // namespace

ConnectionMetrics::ConnectionMetrics(const plan::Plan& plan) : turns_(plan.telemetry_options.turns) {
  for (const auto& target : plan.telemetry) targets_[target];
}

void ConnectionMetrics::Times::add(const record::Histogram& times) {
  for (const auto& [time, count] : times) {
    buckets[time_bucket(time)] += count;
    sum += static_cast<double>(time) / kSecond * static_cast<double>(count);
  }
}

void ConnectionMetrics::add(const record::events::Telemetry& span) {
  const MutexLock lock(mutex_);
  OfTarget& target = targets_[span.target];
  target.counts.add(span);
  target.rtt.add(span.rtt);
  if (span.turns) target.turns.add(*span.turns);
}

void ConnectionMetrics::append_to(std::vector<MetricFamily>& families) const {
  const MutexLock lock(mutex_);
  if (targets_.empty()) return;
  for (const auto& counter : kCounters) {
    if (families.back().name != counter.name)
      families.push_back(family(counter.name, counter.help, MetricType::Counter));
    for (const auto& [name, target] : targets_) {
      std::vector<prometheus::ClientMetric::Label> labels{{"target", name}};
      if (*counter.direction != '\0') labels.push_back({"direction", counter.direction});
      serve::add(families.back(), std::move(labels)).counter.value = static_cast<double>(target.counts.*counter.value);
    }
  }
  auto failed = family("faultline_connections_failed_total", "Attempts of a target to open a TCP connection, by error.",
                       MetricType::Counter);
  auto rtt =
      family("faultline_rtt_seconds", "Smoothed round-trip times of a target's connections.", MetricType::Histogram);
  auto turns = family("faultline_turn_seconds",
                      "From the last byte of what was asked to the first of its answer, on a target's connections.",
                      MetricType::Histogram);
  for (const auto& [name, target] : targets_) {
    for (const auto& [error, count] : target.counts.failed)
      serve::add(failed, {{"target", name}, {"error", error}}).counter.value = static_cast<double>(count);
    fill(serve::add(rtt, {{"target", name}}), target.rtt.buckets, target.rtt.sum);
    if (turns_) fill(serve::add(turns, {{"target", name}}), target.turns.buckets, target.turns.sum);
  }
  families.insert(families.end(), {failed, rtt});
  if (turns_) families.push_back(turns);
}

}  // namespace faultline::serve
