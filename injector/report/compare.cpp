#include "injector/report/compare.h"

#include <fmt/format.h>

#include "injector/base/text.h"
#include "injector/report/summary.h"
#include "injector/screen/row.h"

namespace faultline::report {
namespace {

using nlohmann::json;

/// Pairs the entries of two lists by the value of `key`, in the order of the first, then what only the second has.
json paired(const json& a, const json& b, const char* key, json (*pick)(const json&)) {
  json rows = json::array();
  const auto find = [&](const json& list, const json& value) -> json {
    for (const json& entry : list)
      if (entry.at(key) == value) return pick(entry);
    return nullptr;
  };
  for (const json& entry : a)
    rows.push_back({{"name", entry.at(key)}, {"a", pick(entry)}, {"b", find(b, entry.at(key))}});
  for (const json& entry : b)
    if (find(a, entry.at(key)).is_null()) rows.push_back({{"name", entry.at(key)}, {"a", nullptr}, {"b", pick(entry)}});
  return rows;
}

json head(const json& s) {
  json out;
  for (const char* key : {"verdict", "exit_code", "name", "title", "started_at", "seed", "scale", "duration_s",
                          "kernel", "engine", "version"})
    out[key] = s.value(key, json());
  return out;
}

json hypothesis(const json& h) {
  return {{"held", h.at("held")}, {"expected", h.at("expected")}, {"observed", h.at("observed")}};
}

json fault(const json& f) {
  return {{"asked_text", f.at("asked_text")},
          {"packets_matched", f.at("packets_matched")},
          {"packets_dropped", f.at("packets_dropped")},
          {"applied_delay_us", f.at("applied_delay_us")},
          {"lateness_us", f.at("lateness_us")}};
}

json phase(const json& p) {
  const double sent = p.value("sent", 0.0);
  return {{"sent", p.at("sent")},
          {"success", sent > 0 ? json(p.value("ok", 0.0) / sent) : json(nullptr)},
          {"latency_ms", p.at("latency_ms")},
          {"never", p.at("never")},
          {"ok_latency_ms", p.at("ok_latency_ms")},
          {"failed_latency_ms", p.at("failed_latency_ms")}};
}

json phases_of(const json& probe) { return probe.at("phases"); }

std::string held(const json& side) {
  if (side.is_null()) return "-";
  if (side.at("held").is_null()) return "not judged";
  return side.at("held").get<bool>() ? "held" : "FAILED";
}

std::string success(const json& side) {
  if (side.is_null() || side.at("success").is_null()) return "-";
  return percent(side.at("success").get<double>());
}

std::string latency(const json& side, const char* whose, const char* quantile) {
  const std::string text = side.is_null() ? "" : latency_text(side, whose, quantile);
  return text.empty() ? "-" : text;
}

/// "+12 %" of b against a; empty where there is nothing to compare.
std::string change(const json& a, const json& b, const char* whose, const char* quantile) {
  if (a.is_null() || b.is_null() || a.at(whose).at(quantile).is_null() || b.at(whose).at(quantile).is_null()) return "";
  const double before = a.at(whose).at(quantile).get<double>(), after = b.at(whose).at(quantile).get<double>();
  return before > 0 ? fmt::format("{:+.0f}%", 100 * (after / before - 1)) : "";
}

/// A name at the head of a row; one that is too long for its column has a line of its own.
Visible headed(const std::string& text, int width) {
  const Visible name = shown("{}", text);
  if (screen::columns(text) <= width)
    return name + std::string(static_cast<std::size_t>(width - screen::columns(text)), ' ');
  return name + "\n" + std::string(static_cast<std::size_t>(width), ' ');
}

std::string count(const json& side, const char* key) {
  return side.is_null() ? "-" : thousands(side.at(key).get<std::uint64_t>());
}

std::string applied(const json& side) {
  const json& p50 = side.is_null() ? side : side.at("applied_delay_us").at("p50");
  return p50.is_null() ? "-" : short_microseconds(p50.get<double>());
}

bool some_failed(const json& side) {
  return !side.is_null() && side.at("success").is_number() && side.at("success").get<double>() < 1;
}

bool was_asked(const json& side) { return !side.is_null() && side.at("sent") != 0; }

}  // namespace

json compare(const json& a, const json& b) {
  json out{{"a", head(a)}, {"b", head(b)}};
  out["hypotheses"] = paired(a.at("hypotheses"), b.at("hypotheses"), "name", hypothesis);
  out["faults"] = paired(a.at("faults"), b.at("faults"), "name", fault);
  out["probes"] = paired(a.at("probes"), b.at("probes"), "name", phases_of);
  for (json& probe : out["probes"]) {
    const json none = json::array();
    probe["phases"] =
        paired(probe["a"].is_null() ? none : probe["a"], probe["b"].is_null() ? none : probe["b"], "phase", phase);
    probe.erase("a");
    probe.erase("b");
  }
  out["remarks"] = json::array();
  const auto differs = [&](const char* key, const char* remark) {
    if (out["a"][key] != out["b"][key])
      out["remarks"].push_back(fmt::format("{}: {} and {}", remark, out["a"][key].dump(), out["b"][key].dump()));
  };
  differs("name", "these are runs of different plans");
  differs("seed", "the seeds differ, and with them what chance did");
  differs("scale", "the time scales differ");
  differs("kernel", "the kernels differ");
  differs("engine", "the ways of attaching differ");
  for (const json& f : out["faults"])
    if (!f["a"].is_null() && !f["b"].is_null() && f["a"]["asked_text"] != f["b"]["asked_text"])
      out["remarks"].push_back(fmt::format("fault {} was asked otherwise: \"{}\" and \"{}\"",
                                           f["name"].get<std::string>(), f["a"]["asked_text"].get<std::string>(),
                                           f["b"]["asked_text"].get<std::string>()));
  return out;
}

Visible render_comparison(const json& c) {
  const auto word = [&](const char* side, const char* key) {
    return c.at(side).at(key).is_string() ? c.at(side).at(key).get<std::string>() : "";
  };
  Visible out = shown("A  {:<13} {}  {}\nB  {:<13} {}  {}\n", word("a", "verdict"), word("a", "started_at"),
                      word("a", "title"), word("b", "verdict"), word("b", "started_at"), word("b", "title"));
  for (const json& remark : c.at("remarks")) out += "! " + remark.get<std::string>() + "\n";
  if (!c.at("hypotheses").empty()) out += shown("\n{:<44} {:>12} {:>12}\n", "hypothesis", "A", "B");
  for (const json& h : c.at("hypotheses"))
    out += shown("{} {:>12} {:>12}\n", headed(h.at("name").get<std::string>(), 44), held(h.at("a")), held(h.at("b")));
  if (!c.at("faults").empty())
    out += shown("\n{:<20} {:>9} {:>9}  {:>9} {:>9}  {:>9} {:>9}\n", "fault", "packets A", "B", "dropped A", "B",
                 "delay A", "B");
  for (const json& f : c.at("faults")) {
    const json &a = f.at("a"), &b = f.at("b");
    out += shown("{} {:>9} {:>9}  {:>9} {:>9}  {:>9} {:>9}\n", headed(f.at("name").get<std::string>(), 20),
                 count(a, "packets_matched"), count(b, "packets_matched"), count(a, "packets_dropped"),
                 count(b, "packets_dropped"), applied(a), applied(b));
  }
  for (const json& probe : c.at("probes")) {
    out += shown("\n{:<20} {:>8} {:>8}  {:>9} {:>9} {:>6}  {:>9} {:>9} {:>6}\n",
                 screen::clipped(probe.at("name").get<std::string>(), 20), "ok A", "ok B", "p50 A", "p50 B", "",
                 "p99 A", "p99 B", "");
    for (const json& p : probe.at("phases")) {
      const json &a = p.at("a"), &b = p.at("b");
      if (!was_asked(a) && !was_asked(b)) continue;
      const auto row = [&](const std::string& name, const std::string& ok_a, const std::string& ok_b, const char* of) {
        out += shown("  {:<18} {:>8} {:>8}  {:>9} {:>9} {:>6}  {:>9} {:>9} {:>6}\n", screen::clipped(name, 18), ok_a,
                     ok_b, latency(a, of, "p50"), latency(b, of, "p50"), change(a, b, of, "p50"), latency(a, of, "p99"),
                     latency(b, of, "p99"), change(a, b, of, "p99"));
      };
      row(p.at("name").get<std::string>(), success(a), success(b), "latency_ms");
      if (!some_failed(a) && !some_failed(b)) continue;
      row("  ok.", "", "", "ok_latency_ms");  // its figures are ok.p50 and ok.p99
      row("  failed.", "", "", "failed_latency_ms");
    }
  }
  return out;
}

}  // namespace faultline::report
