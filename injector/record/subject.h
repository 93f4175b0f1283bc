// Whom a hypothesis is about: the requests of a probe, or the connections of a target. What is asked of either is
// judged by the same rules (hypothesis.cpp); this is what they are told by.
#pragma once

#include <optional>
#include <string>

#include "injector/record/verdict.h"

namespace faultline::record {

/// What was seen in a window. Of connections, a request is an attempt of the target to open one.
struct Seen : PhaseStats {
  TelemetryStats connections;
  bool anything = false;

  /// Those that a quantile is of.
  const Latencies& latencies(const plan::Conditions::Key& key) const;
};

class Subject {
 public:
  /// The recording must outlive it.
  Subject(const Recording& recording, const plan::Hypothesis& hypothesis);

  /// Why there is nothing to judge by; empty: there is.
  std::string missing() const;
  Seen in(Ns start, Ns end) const;
  /// Why what is asked was not counted, as a whole, in [start, end); empty: it was.
  std::string uncounted(const plan::Conditions& asked, Ns start, Ns end) const;
  /// That there was nothing in a window, in words.
  std::string nothing_in(const std::string& window) const;
  std::optional<Ns> first_holding(const plan::Conditions& settled, const Phase& window, std::optional<Ns> stays) const;
  /// Null: it is about connections.
  const ProbeRecord* probe() const { return probe_; }

 private:
  const plan::Hypothesis& hypothesis_;
  const ProbeRecord* probe_ = nullptr;
  const TelemetryRecord* telemetry_ = nullptr;
};

}  // namespace faultline::record
