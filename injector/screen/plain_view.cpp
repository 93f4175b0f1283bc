#include "injector/screen/plain_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/plan/values.h"

namespace faultline::screen {
namespace {

bool same_time(const record::Phase& a, const record::Phase& b) { return a.start == b.start && a.end == b.end; }

}  // namespace

std::string PlainView::clock_label(Ns t) {
  if (t > -100 * kMillisecond) t = std::max<Ns>(t, 0);  // the moment between arming and T0 is shown as 0.0s
  return fmt::format("[{:5.1f}s] ", static_cast<double>(t) / kSecond);
}

void PlainView::say(std::vector<std::string>& out, Ns t, const std::string& text) {
  out.push_back(clock_label(t) + text);
  last_said_ = std::max(last_said_, t);
}

template <class Which>
std::string PlainView::names_of(const Which& which) const {
  std::string names;
  for (const auto& phase : watch_.phases)
    if (which(phase)) names += (names.empty() ? "" : "+") + phase.name;
  return names;
}

std::string PlainView::phase_text(std::size_t phase) const {
  std::string text = names_of([&](const auto& one) { return same_time(one, watch_.phases[phase]); }) + ":";
  for (const auto& probe : watch_.probes) {
    const WatchedPhase& p = probe.phases[phase];
    text += fmt::format("{} {} {} finished", &probe == &watch_.probes.front() ? "" : " ·", probe.name,
                        thousands(p.finished));
    if (p.finished == 0) continue;
    text += fmt::format(", {} ok", percent(static_cast<double>(p.ok) / static_cast<double>(p.finished)));
    const record::Latencies latency = p.latencies();
    text += fmt::format(", p50 {}, p99 {}", record::quantile_text(latency.quantile(500)),
                        record::quantile_text(latency.quantile(990)));
    if (latency.lost == 0) continue;
    if (p.ok > 0) text += ", ok.p99 " + short_duration(latency.ok.quantile(990));
    text += ", failed.p99 " + short_duration(latency.failed.quantile(990));
  }
  return text;
}

std::string PlainView::heartbeat_text(Ns now) const {
  const std::string where = names_of([&](const auto& phase) { return phase.start <= now && now < phase.end; });
  std::string text = (where.empty() ? "calm" : where) + ", last second:";
  for (const auto& probe : watch_.probes) {
    const LastSecond last = probe.last_second(now);
    text += fmt::format("{} {} ", &probe == &watch_.probes.front() ? "" : " ·", probe.name);
    if (last.finished == 0)
      text += "-";
    else
      text += percent(static_cast<double>(last.ok) / static_cast<double>(last.finished)) + " ok";
    if (last.finished > 0) text += ", p99 " + record::quantile_text(last.p99);
  }
  return text;
}

std::vector<std::string> PlainView::lines(Ns now, bool final) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < watch_.faults.size(); ++i) {
    const WatchedFault& fault = watch_.faults[i];
    if (!begun_[i] && now >= fault.start) {
      begun_[i] = true;
      say(out, fault.start,
          fmt::format("fault {} begins ({}{}{})", fault.name, plan::format_duration(fault.end - fault.start),
                      fault.asked.empty() ? "" : ": ", fault.asked));
    }
    if (begun_[i] && !ended_[i] && now >= fault.end) {
      ended_[i] = true;
      say(out, fault.end, fmt::format("fault {} ends", fault.name));
    }
  }
  // A phase's last requests may still be under way when it ends: wait for them, within reason.
  Ns grace = 0;
  for (const auto& probe : watch_.probes) grace = std::max(grace, std::min(probe.timeout, kSecond));
  for (std::size_t i = 0; i < watch_.phases.size(); ++i) {
    const record::Phase& phase = watch_.phases[i];
    if (phase_told_[i] || watch_.probes.empty()) continue;
    if (now < phase.end + grace && !(final && now > phase.start)) continue;
    for (std::size_t j = i; j < watch_.phases.size(); ++j)
      if (same_time(watch_.phases[j], phase)) phase_told_[j] = true;
    say(out, now, phase_text(i));
  }
  if (!final && now - last_said_ >= kHeartbeat && now < watch_.duration && !watch_.probes.empty())
    say(out, now, heartbeat_text(now));
  return out;
}

}  // namespace faultline::screen
