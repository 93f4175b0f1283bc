// What the probes saw, as the summary has it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/record/distribution.h"
#include "injector/record/fields.h"

namespace faultline::report {

using record::field;

/// Quantiles of latencies, in milliseconds.
struct Quantiles {
  std::optional<double> p50, p90, p99, max;

  static constexpr const char* shape = "quantiles";
  static constexpr auto fields = std::tuple{
      field("p50", &Quantiles::p50, "half of them took at most this"), field("p90", &Quantiles::p90, "nine of ten"),
      field("p99", &Quantiles::p99, "99 of 100"), field("max", &Quantiles::max, "all")};
};

/// Those of record::kQuantiles, in its order.
inline constexpr std::array<std::optional<double> Quantiles::*, 4> kQuantilesAt{&Quantiles::p50, &Quantiles::p90,
                                                                                &Quantiles::p99, &Quantiles::max};
static_assert(kQuantilesAt.size() == std::size(record::kQuantiles));

/// What the requests of one probe took in one phase.
struct Latency {
  Quantiles latency_ms;
  std::vector<std::string> never;
  Quantiles ok_latency_ms, failed_latency_ms;

  static constexpr const char* shape = "latency";
  static constexpr auto fields = std::tuple{
      field("latency_ms", &Latency::latency_ms, "of all requests, a failed one being infinitely slow"),
      field("never", &Latency::never, "which of these four are that slow: they are null"),
      field("ok_latency_ms", &Latency::ok_latency_ms, "of those that succeeded; null where there is none"),
      field("failed_latency_ms", &Latency::failed_latency_ms, "of those that did not; null where there is none")};
};

struct ProbePhase : Latency {
  std::string phase;
  std::uint64_t sent = 0, ok = 0, failed = 0;
  std::map<std::string, std::uint64_t> by_error;

  static constexpr const char* shape = "probe's phase";
  static constexpr auto fields = std::tuple{field("phase", &ProbePhase::phase, "its name"),
                                            field("sent", &ProbePhase::sent, "requests that were due in it"),
                                            field("ok", &ProbePhase::ok, "of these: succeeded"),
                                            field("failed", &ProbePhase::failed, "of these: did not"),
                                            field("by_error", &ProbePhase::by_error, "{error: count}"),
                                            record::Among<Latency>{"of its requests"}};
};

struct SendLateness {
  double p50 = 0, p99 = 0, max = 0;

  static constexpr auto fields =
      std::tuple{field("p50", &SendLateness::p50, "of all requests"), field("p99", &SendLateness::p99, "likewise"),
                 field("max", &SendLateness::max, "likewise")};
};

/// What a load was to send, and what was sent.
struct Load {
  std::string rate;
  std::uint64_t offered = 0, sent = 0;

  static constexpr const char* shape = "load";
  static constexpr auto fields = std::tuple{field("rate", &Load::rate, "that was asked for"),
                                            field("offered", &Load::offered, "requests that were due"),
                                            field("sent", &Load::sent,
                                                  "of these: those that were sent; the others "
                                                  "failed as `unsent` or `overload`")};
};

/// What a probe was answered when it failed.
struct FailingAnswer {
  double t_s = 0;
  std::string error, output, errors;
  std::uint64_t left_out = 0;
  std::optional<std::string> mismatch = {};

  static constexpr const char* shape = "failing answer";
  static constexpr auto fields = std::tuple{
      field("t_s", &FailingAnswer::t_s, "when the request was due, since T0"),
      field("error", &FailingAnswer::error, "why it failed"),
      field("output", &FailingAnswer::output, "the beginning of the body, or of the standard output"),
      field("errors", &FailingAnswer::errors, "of the standard error"),
      field("left_out", &FailingAnswer::left_out, "bytes of both that are not here"),
      record::seldom("mismatch", &FailingAnswer::mismatch,
                     "what was wanted, and what was seen instead: `exit status: 0 wanted, 3 seen`; absent: `error` "
                     "says all")};
};

struct Probe {
  std::string name, kind, subject, from;
  double every_ms = 0;
  std::optional<Load> load;
  std::vector<ProbePhase> phases;
  std::vector<FailingAnswer> failing_answers;
  std::uint64_t late_sends = 0;
  SendLateness send_lateness_ms;
  std::optional<double> recovered_after_s;
  bool recovery_judged = false;

  static constexpr const char* shape = "probe";
  static constexpr auto fields = std::tuple{
      field("name", &Probe::name, "its name"),
      field("kind", &Probe::kind, "`http`, `tcp`, …"),
      field("subject", &Probe::subject, "whom it asks, without a password"),
      field("from", &Probe::from, "the target or host that asks, or `here`"),
      field("every_ms", &Probe::every_ms, "from one request to the next; of a load, at its peak"),
      field("load", &Probe::load, "null: it makes none"),
      field("phases", &Probe::phases, "what it saw in each"),
      field("failing_answers", &Probe::failing_answers, "the first answer with each error, in each part of the run"),
      field("late_sends", &Probe::late_sends, "requests that we sent too late"),
      field("send_lateness_ms", &Probe::send_lateness_ms, "how much later than due we sent them"),
      field("recovered_after_s", &Probe::recovered_after_s,
            "since the end of the last fault; null: not while we looked"),
      field("recovery_judged", &Probe::recovery_judged, "there was something to judge it by")};
};

/// A quantile of a phase: "412 ms", "never" where so many failed, nothing where there was no request. `which` is its
/// place in record::kQuantiles.
std::string latency_text(const Latency& latency, Quantiles Latency::*whose, std::size_t which);

/// The places of those that are shown where there is room for two.
inline constexpr std::size_t kP50 = 0, kP99 = 2;

}  // namespace faultline::report
