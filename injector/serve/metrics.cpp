#include "injector/serve/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

#include "injector/base/clock.h"
#include "injector/record/verdict.h"
#include "injector/serve/families.h"

namespace faultline::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void gauge(MetricFamily& to, std::vector<ClientMetric::Label> labels, double value) {
  add(to, std::move(labels)).gauge.value = value;
}

}  // namespace

Metrics::Metrics(const plan::Plan& plan, bool plain_errors)
    : plan_(plan), plain_errors_(plain_errors), probes_(plan.probes.size()), connections_(plan) {
  for (const auto& hypothesis : plan.hypotheses) plain_.keep(hypothesis);
  for (const auto& guard : plan.guards) plain_.keep(guard);
}

std::map<std::string, std::uint64_t> Metrics::OfProbe::failed_so_far() const {
  const MutexLock lock(mutex);
  return failed;
}

void Metrics::sample(const probe::Sample& sample) {
  if (sample.probe >= probes_.size()) return;
  OfProbe& probe = probes_[sample.probe];
  if (!sample.ok) {
    const std::string name = plain_errors_ ? plain_.name(sample.error) : sample.error;
    const MutexLock lock(probe.mutex);
    probe.failed[name]++;
    return;
  }
  probe.answers[time_bucket(sample.latency)].fetch_add(1, std::memory_order_relaxed);
  probe.latency_ns.fetch_add(static_cast<std::uint64_t>(std::max<Ns>(sample.latency, 0)), std::memory_order_relaxed);
}

std::vector<MetricFamily> Metrics::families() const {
  const Ns epoch = epoch_, now = epoch == 0 ? -1 : monotonic_now() - epoch;
  const bool playing = epoch != 0 && now >= 0 && !healed_;
  auto info = family("faultline_run_info", "The run under way.", MetricType::Gauge);
  gauge(info, {{"plan", plan_.name}, {"arm", plan_.arm}, {"version", FAULTLINE_VERSION}}, 1);
  auto duration = family("faultline_run_duration_seconds", "How long the run lasts as planned.", MetricType::Gauge);
  gauge(duration, {}, static_cast<double>(plan_.duration) / kSecond);
  auto elapsed =
      family("faultline_run_elapsed_seconds", "Time since T0; negative: it has yet to come.", MetricType::Gauge);
  if (epoch != 0) gauge(elapsed, {}, static_cast<double>(now) / kSecond);
  auto phase =
      family("faultline_phase_active", "1 while the phase lasts: baseline, each fault, recovery.", MetricType::Gauge);
  for (const auto& one : record::phases(plan_))
    gauge(phase, {{"phase", one.name}}, playing && now >= one.start && now < one.end ? 1 : 0);
  auto fault = family("faultline_fault_active", "1 while the fault is in force.", MetricType::Gauge);
  for (const auto& one : plan_.faults)
    gauge(fault, {{"fault", one.name}, {"kind", std::string(one.kind->name)}},
          playing && now >= one.start && now < one.end ? 1 : 0);
  auto healed = family("faultline_healed", "1 once every fault is off for good.", MetricType::Gauge);
  gauge(healed, {}, healed_ ? 1 : 0);

  auto failed =
      family("faultline_requests_failed_total", "Requests of a probe that failed, by error.", MetricType::Counter);
  auto took =
      family("faultline_request_duration_seconds", "How long requests took that succeeded.", MetricType::Histogram);
  for (std::size_t i = 0; i < probes_.size(); i++) {
    const OfProbe& probe = probes_[i];
    const std::string& name = plan_.probes[i].name;
    for (const auto& [error, count] : probe.failed_so_far())
      add(failed, {{"probe", name}, {"error", error}}).counter.value = static_cast<double>(count);
    TimeBuckets answers{};
    for (std::size_t b = 0; b < answers.size(); b++) answers[b] = probe.answers[b].load(std::memory_order_relaxed);
    fill(add(took, {{"probe", name}}), answers,
         static_cast<double>(probe.latency_ns.load(std::memory_order_relaxed)) / kSecond);
  }
  std::vector<MetricFamily> all{info, duration, elapsed, phase, fault, healed, failed, took};
  connections_.append_to(all);
  return all;
}

std::string Metrics::text() const { return prometheus::TextSerializer().Serialize(families()); }

}  // namespace faultline::serve
