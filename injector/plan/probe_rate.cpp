// `rate` of a probe: a load, by one figure or point by point over the probe's time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/plan/passes.h"
#include "injector/probe/probe.h"

namespace faultline::plan {
namespace {

constexpr std::size_t kMostRatePoints = 1000;
constexpr std::string_view kRateExample = "\"500/s\"";

std::optional<double> read_rate_value(Table& table, const Node& value, std::string_view name) {
  const auto rate = table.scalar(name, value, kRateExample, read_request_rate);
  if (!rate) return std::nullopt;
  if (*rate == 0 || (*rate >= probe::kLeastPerSecond && *rate <= probe::kMostPerSecond)) return rate;
  table.issues().error(
      value.at, fmt::format("{}: \"{}\" is out of range", name, value.text),
      fmt::format("rates are 0/s, or between {}/s and {}/s", probe::kLeastPerSecond, probe::kMostPerSecond));
  return std::nullopt;
}

/// [{ at = "0s", rate = "100/s" }, …]
probe::Rate read_points(Table& table, const Node& value, bool steps, const ParseOptions& options) {
  probe::Rate rate;
  for (const Node& item : value.items) {
    const std::string name = fmt::format("rate[{}]", &item - value.items.data());
    if (!table.expect(item, Node::Type::table, name, "{ at = \"10s\", rate = \"500/s\" }")) return {};
    Table point(item, item.at, name, table.issues());
    point.require("at", "\"10s\"");
    point.require("rate", kRateExample);
    probe::RatePoint read;
    if (const Entry* at = point.take("at")) read.at = read_timeline(point, "at", at->value, options).value_or(0);
    if (const Entry* figure = point.take("rate"))
      read.per_second = read_rate_value(point, figure->value, "rate").value_or(0);
    point.finish();
    if (rate.empty() && read.at != 0)
      table.issues().error(item.at, "rate: the first point is not at the probe's start", "begin with at = \"0s\"");
    if (!rate.empty() && read.at < rate.back().at)
      table.issues().error(item.at, "rate: this point lies before the one above it",
                           "put the points in the order of their times");
    if (steps && !rate.empty()) rate.push_back({read.at, rate.back().per_second});  // the old figure, up to here
    rate.push_back(read);
  }
  if (rate.empty() || value.items.size() > kMostRatePoints)
    table.issues().error(
        value.at, rate.empty() ? "rate: it has no points" : fmt::format("rate: more than {} points", kMostRatePoints),
        "such as rate = [{ at = \"0s\", rate = \"100/s\" }, { at = \"10s\", rate = \"2000/s\" }]");
  return rate;
}

}  // namespace

void read_probe_rate(Table& table, Probe& probe, const ParseOptions& options) {
  const auto steps = table.boolean("steps");
  table.takes_text("rate", kRateExample, pattern_of(read_request_rate));
  table.takes("rate",
              [] { return Form{.type = Form::Type::load, .pattern = std::string(pattern_of(read_request_rate))}; });
  const Entry* entry = table.take("rate");
  if (!entry) {
    if (steps)
      table.issues().error(table.place("steps"), "steps: there is no rate whose points it could be about",
                           "leave it out, or write rate = [{ at = \"0s\", rate = \"100/s\" }]");
    return;
  }
  const Node& value = entry->value;
  const std::size_t before = table.issues().count();
  if (value.type == Node::Type::array)
    probe.rate = read_points(table, value, steps.value_or(false), options);
  else if (const auto rate = read_rate_value(table, value, "rate"))
    probe.rate = {{0, *rate}};
  const double peak = probe::peak_of(probe.rate);
  if (table.issues().count() == before && peak == 0)
    table.issues().error(value.at, "rate: it never asks", "a rate above 0/s");
  if (table.has("every"))
    table.issues().error(table.place("every"), "every: the rate says how often it asks", "leave out one of the two");
  if (table.issues().count() != before) {
    probe.rate.clear();
    return;
  }
  probe.every = std::max<Ns>(1, std::llround(static_cast<double>(kSecond) / peak));
}

void check_load(const Table& table, const Probe& probe) {
  if (!probe.is_load()) return;
  if (probe.kind != nullptr && probe.kind->runs_program()) {
    table.issues().error(table.place("rate"),
                         fmt::format("rate: {} probes start a process each, and make no load", probe.kind->name()),
                         "write every = \"1s\"; a command that makes load by itself belongs into the lab");
    return;
  }
  const double most = probe::peak_of(probe.rate) * static_cast<double>(probe.timeout) / static_cast<double>(kSecond);
  if (most <= static_cast<double>(probe::kMostInFlightOfLoad)) return;
  table.issues().error(
      table.place("rate"),
      fmt::format("rate: with a timeout of {} up to {:.0f} requests can wait for an answer, and {} may",
                  format_duration(probe.timeout), most, probe::kMostInFlightOfLoad),
      fmt::format("write a timeout of {}ms or less",
                  static_cast<std::uint64_t>(1000.0 * probe::kMostInFlightOfLoad / probe::peak_of(probe.rate))));
}

}  // namespace faultline::plan
