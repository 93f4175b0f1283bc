// OpenTelemetry's protocol over HTTP in JSON (https://opentelemetry.io/docs/specs/otlp/): what happens as log records,
// at once; what is measured as metrics, now and then and a last time at the end.
#include <fmt/format.h>
#include <prometheus/metric_family.h>

#include <cmath>

#include "injector/base/visible_text.h"
#include "injector/notify/sinks.h"
#include "injector/probe/http_asker.h"

namespace faultline::notify {
namespace {

using nlohmann::json;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string number(std::uint64_t value) { return std::to_string(value); }

json attribute(const std::string& key, const json& value) {
  const char* type = value.is_string()           ? "stringValue"
                     : value.is_boolean()        ? "boolValue"
                     : value.is_number_integer() ? "intValue"
                                                 : "doubleValue";
  // 64-bit integers are strings in the JSON of protobuf.
  return {{"key", key}, {"value", {{type, value.is_number_integer() ? json(value.dump()) : value}}}};
}

json resource(const plan::Plan& plan) {
  json attributes =
      json::array({attribute("service.name", "faultline"), attribute("service.version", FAULTLINE_VERSION),
                   attribute("faultline.plan", plan.name), attribute("faultline.seed", std::to_string(plan.seed))});
  if (!plan.arm.empty()) attributes.push_back(attribute("faultline.arm", plan.arm));
  return {{"attributes", std::move(attributes)}};
}

const json kScope{{"name", "faultline"}, {"version", FAULTLINE_VERSION}};

std::string written(const json& body) { return body.dump(-1, ' ', false, json::error_handler_t::replace); }

/// What a data point of any kind has.
json point(const prometheus::ClientMetric& metric, Ns began, Ns now) {
  json labels = json::array();
  for (const auto& label : metric.label) labels.push_back(attribute(label.name, label.value));
  return {{"attributes", std::move(labels)},
          {"startTimeUnixNano", std::to_string(began)},
          {"timeUnixNano", std::to_string(now)}};
}

constexpr int kCumulative = 2;  // AGGREGATION_TEMPORALITY_CUMULATIVE

json metric_of(const MetricFamily& family, Ns began, Ns now) {
  json points = json::array();
  for (const auto& metric : family.metric) {
    json one = point(metric, began, now);
    if (family.type == MetricType::Counter) {
      one["asDouble"] = metric.counter.value;
    } else if (family.type == MetricType::Gauge) {
      one["asDouble"] = metric.gauge.value;
    } else {  // Prometheus's buckets hold those below them as well
      json counts = json::array(), bounds = json::array();
      std::uint64_t below = 0;
      for (const auto& bucket : metric.histogram.bucket) {
        counts.push_back(number(bucket.cumulative_count - below));
        below = bucket.cumulative_count;
        if (std::isfinite(bucket.upper_bound)) bounds.push_back(bucket.upper_bound);
      }
      one["count"] = number(metric.histogram.sample_count);
      one["sum"] = metric.histogram.sample_sum;
      one["bucketCounts"] = std::move(counts);
      one["explicitBounds"] = std::move(bounds);
    }
    points.push_back(std::move(one));
  }
  json out{{"name", family.name}, {"description", family.help}};
  if (family.name.ends_with("_seconds")) out["unit"] = "s";
  if (family.type == MetricType::Counter)
    out["sum"] = {{"dataPoints", points}, {"aggregationTemporality", kCumulative}, {"isMonotonic", true}};
  else if (family.type == MetricType::Gauge)
    out["gauge"] = {{"dataPoints", points}};
  else
    out["histogram"] = {{"dataPoints", points}, {"aggregationTemporality", kCumulative}};
  return out;
}

class ToOtlp : public Sink {
 public:
  ToOtlp(const plan::Plan& plan, Otlp otlp, Measured measured)
      : plan_(plan), otlp_(std::move(otlp)), measured_(std::move(measured)) {
    otlp_.url = probe::without_slashes_behind(otlp_.url);
  }
  void tell(const Happening& what, Carrier& carrier) override {
    if (began_ == 0) began_ = what.wall;
    send("/v1/logs", otlp_log(plan_, what), carrier);
  }
  void report(Ns wall, Carrier& carrier) override {
    if (began_ == 0) return;  // T0 has yet to come
    send("/v1/metrics", otlp_metrics(plan_, measured_(), began_, wall), carrier);
  }
  Ns every() const override { return otlp_.every; }

 private:
  void send(const char* path, std::string body, Carrier& carrier) {
    Request request{"POST", otlp_.url + path, std::move(body), {}};
    request.headers.assign(otlp_.headers.begin(), otlp_.headers.end());
    carrier.send(request);
  }

  const plan::Plan& plan_;
  Otlp otlp_;
  const Measured measured_;
  Ns began_ = 0;
};

}  // namespace

std::string otlp_metrics(const plan::Plan& plan, const std::vector<MetricFamily>& families, Ns began, Ns now) {
  json metrics = json::array();
  for (const auto& family : families)
    if (!family.metric.empty()) metrics.push_back(metric_of(family, began, now));
  return written({{"resourceMetrics",
                   {{{"resource", resource(plan)}, {"scopeMetrics", {{{"scope", kScope}, {"metrics", metrics}}}}}}}});
}

std::string otlp_log(const plan::Plan& plan, const Happening& what) {
  constexpr int kInfo = 9, kWarn = 13;  // severity numbers
  json attributes = json::array({attribute("event.name", "faultline." + what.event)});
  for (const auto& [key, value] : what.details.items()) {
    if (key == "event" || key == "at" || key == "mono") continue;
    if (value.is_string())
      attributes.push_back(attribute(key, visible(value.get_ref<const std::string&>())));
    else if (value.is_number() || value.is_boolean())
      attributes.push_back(attribute(key, value));
  }
  const json record{{"timeUnixNano", std::to_string(what.wall)},    {"observedTimeUnixNano", std::to_string(what.wall)},
                    {"severityNumber", what.grave ? kWarn : kInfo}, {"severityText", what.grave ? "WARN" : "INFO"},
                    {"body", {{"stringValue", what.text}}},         {"attributes", std::move(attributes)}};
  return written({{"resourceLogs",
                   {{{"resource", resource(plan)}, {"scopeLogs", {{{"scope", kScope}, {"logRecords", {record}}}}}}}}});
}

std::unique_ptr<Sink> make_otlp(const plan::Plan& plan, Otlp otlp, Measured measured) {
  return std::make_unique<ToOtlp>(plan, std::move(otlp), std::move(measured));
}

}  // namespace faultline::notify
