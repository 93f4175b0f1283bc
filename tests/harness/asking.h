// Running a probe in a test: a namespace of one's own with lo up, and the samples that came of it.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "injector/base/rtnetlink.h"
#include "injector/probe/probe.h"

namespace faultline::test {

inline NetNs loopback_ns() {
  NetNs ns = NetNs::create();
  const Inside inside(ns);
  set_up("lo");
  return ns;
}

/// Where samples go. Outlives the Prober that writes to it.
class Samples {
 public:
  probe::Sink sink() {
    return [this](probe::Sample&& s) {
      const std::lock_guard lock(mutex_);
      all_.push_back(std::move(s));
    };
  }
  std::vector<probe::Sample> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<probe::Sample> all_;
};

/// How many samples there were of each error; "ok" for those without.
using Verdicts = std::map<std::string, int>;
inline Verdicts verdicts(const std::vector<probe::Sample>& samples) {
  Verdicts result;
  for (const auto& s : samples) ++result[s.ok && s.error.empty() ? "ok" : s.error];
  return result;
}

/// Of four requests: each was answered; each met a server whose certificate it does not trust.
inline const Verdicts kWell{{"ok", 4}}, kTls{{"tls", 4}};

/// Whether each of the first `count` requests has one sample, with its right due time, in whatever order.
inline bool complete(const std::vector<probe::Sample>& samples, Ns every, std::size_t count) {
  std::vector<Ns> due;
  for (const auto& s : samples) due.push_back(s.due);
  std::sort(due.begin(), due.end());
  if (due.size() != count) return false;
  for (std::size_t n = 0; n < count; ++n)
    if (due[n] != static_cast<Ns>(n) * every) return false;
  return true;
}

inline void sleep_until(Ns instant) {
  const timespec at{instant / kSecond, instant % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

/// Asks for `duration` from 10 ms from now on, and awaits the end.
inline std::vector<probe::Sample> ask(const probe::Probe& what, const NetNs& ns, Ns duration,
                                      std::map<std::string, std::string> names = {},
                                      nursery::Nursery* nursery = nullptr) {
  Samples samples;
  probe::Prober prober(what, 0, {&ns, "", std::move(names)}, nursery, samples.sink());
  const Ns epoch = monotonic_now() + 10 * kMillisecond;
  prober.start(epoch, duration);
  sleep_until(epoch + duration);
  prober.finish();
  if (!prober.failure().empty()) throw std::runtime_error(prober.failure());
  return samples.all();
}

/// A probe of this kind that asks `subject`, or runs it.
inline probe::Probe probe_of(const char* kind, probe::Value subject) {
  probe::Probe p;
  p.name = "web";
  p.kind = probe::find_kind(kind);
  p.params = probe::defaults(*p.kind);
  p.params.set(kind, std::move(subject));
  p.every = 50 * kMillisecond;
  p.timeout = 10 * kSecond;
  return p;
}
inline probe::Probe http_probe(const std::string& url) { return probe_of("http", url); }
inline probe::Probe tcp_probe(const std::string& endpoint) { return probe_of("tcp", endpoint); }
inline probe::Probe icmp_probe(const std::string& host) { return probe_of("icmp", host); }

}  // namespace faultline::test
