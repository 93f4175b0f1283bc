// How a run is told at each kind of destination.
#pragma once

#include <memory>

#include "injector/notify/courier.h"

namespace prometheus {
struct MetricFamily;
}

namespace faultline::notify {

/// What was measured so far. Any thread.
using Measured = std::function<std::vector<prometheus::MetricFamily>()>;

/// The plan outlives the sink, here and below.
std::unique_ptr<Sink> make_webhook(const plan::Plan& plan, Webhook webhook);
std::unique_ptr<Sink> make_grafana(const plan::Plan& plan, Grafana grafana);
std::unique_ptr<Sink> make_otlp(const plan::Plan& plan, Otlp otlp, Measured measured);

// ---- bodies, for tests ----

/// An export of metrics as OTLP has it in JSON: counts are strings there, as in all JSON of protobuf's 64-bit integers.
/// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
std::string otlp_metrics(const plan::Plan& plan, const std::vector<prometheus::MetricFamily>& families, Ns began,
                         Ns now);
/// The same of one log record.
std::string otlp_log(const plan::Plan& plan, const Happening& what);

}  // namespace faultline::notify
