// A plan, recordings of it and folders to keep journals in, for the tests of injector/record.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "injector/record/recording.h"
#include "tests/harness/command.h"

namespace faultline::record::testing {

struct TemporaryFolder : test::TemporaryFolder {
  std::string read(const std::string& name) const {
    std::ifstream file(path() / name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

inline plan::Bound bound(plan::Bound::Op op, double value, const std::string& text) { return {op, value, text}; }

/// Adds a request every 20 ms in [from, to): all alike.
inline void add_requests(ProbeRecord& probe, Ns from, Ns to, bool ok, Ns latency) {
  for (Ns due = from; due < to; due += 20 * kMillisecond) {
    probe.answers.push_back({due, latency, ok ? 0 : probe.error_index("timeout"), 1});
    probe.late.add(50 * kMicrosecond);
  }
}

/// What was counted of "web" in 100 ms: nothing yet.
inline events::Telemetry bucket(Ns from) {
  events::Telemetry made;
  made.target = "web";
  made.from = from;
  made.length = 100 * kMillisecond;
  return made;
}

/// A span in which every figure has a value of its own: numbers 1 to 15 in the order of plan::Series, times of 3 ms and
/// 5 ms.
inline events::Telemetry one_of_each(Ns from) {
  auto b = bucket(from);
  b.opened = 1;
  b.accepted = 2;
  b.failed = {{"refused", 3}};
  b.closed = 4;
  b.retransmits = 5;
  b.timeouts = 6;
  b.resets_sent = 7;
  b.resets_received = 8;
  b.bytes_sent = 9;
  b.bytes_received = 10;
  b.packets_sent = 11;
  b.packets_received = 12;
  b.unanswered = 14;
  b.retransmits_ours = 15;
  b.rtt = {{3 * kMillisecond, 1}};
  b.turns = {{5 * kMillisecond, 13}};
  return b;
}

/// The value that a figure has there.
inline double value_of(const plan::Conditions::Key& key) {
  if (key.of == plan::Conditions::Of::rtt) return 3.0 * kMillisecond;
  if (key.of == plan::Conditions::Of::turns) return 5.0 * kMillisecond;
  return static_cast<double>(key.series);
}

/// A run that passes: "pay" every 20 ms for 30 s, fault "cut" in [10 s, 20 s), 2 ms latency throughout.
inline Recording good_recording() {
  Recording r;
  r.name = "test";
  r.title = "A test";
  r.duration = 30 * kSecond;
  r.planned = r.begun = r.ended = true;
  r.last_seen = r.duration;
  r.cleanup = Cleanup{};
  ProbeRecord probe;
  probe.name = "pay";
  probe.every = 20 * kMillisecond;
  add_requests(probe, 0, r.duration, true, 2 * kMillisecond);
  r.probes.push_back(probe);

  FaultRecord fault;
  fault.name = "cut";
  fault.kind = "degrade";
  fault.start = 10 * kSecond;
  fault.end = 20 * kSecond;
  fault.delay = 100 * kMillisecond;
  Account result;
  result.fault = "cut";
  result.matched = 1000;
  result.delayed = 1000;
  result.applied_delay = {100000, 100100, 100200, 100900, 1000};
  result.held = {100040, 100200, 100400, 101800, 1000};
  result.lateness = {40, 100, 200, 900, 1000};
  result.first_affected = 10 * kSecond + 30 * kMicrosecond;
  fault.account = result;
  r.faults.push_back(fault);

  plan::Hypothesis h;
  h.name = "payments keep working";
  h.probe = "pay";
  h.during = "cut";
  h.success = bound(plan::Bound::Op::ge, 0.99, ">= 99%");
  h.p99 = bound(plan::Bound::Op::le, 250.0 * kMillisecond, "<= 250ms");
  r.hypotheses.push_back(h);
  return r;
}

/// Replaces the requests of "pay" due in [from, to).
inline void replace_requests(Recording& r, Ns from, Ns to, bool ok, Ns latency) {
  auto& probe = r.probes.at(0);
  for (auto& a : probe.answers)
    if (a.due >= from && a.due < to) {
      a.error = ok ? 0 : probe.error_index("timeout");
      a.latency = latency;
    }
}

}  // namespace faultline::record::testing
