#include "injector/record/held.h"

namespace faultline::record {
namespace {

using nlohmann::json;

/// The median of a spread, in µs; nothing where there is none (a summary of an older version may lack the spread).
std::optional<double> median(const json& fault, const char* key) {
  const auto spread = fault.find(key);
  if (spread == fault.end() || !spread->is_object()) return {};
  const auto p50 = spread->find("p50");
  if (p50 == spread->end() || !p50->is_number()) return {};
  return p50->get<double>();
}

}  // namespace

std::optional<std::string> held_longer(const json& fault) {
  const auto applied = median(fault, "applied_delay_us"), held = median(fault, "held_us");
  constexpr double kShare = 1.1, kLeast = 1000;  // µs
  if (!applied || !held || *held <= kShare * *applied + kLeast + median(fault, "lateness_us").value_or(0)) return {};
  const json none = json::object();
  const auto asked = fault.find("asked");
  const json& keys = asked != fault.end() && asked->is_object() ? *asked : none;
  const bool others = fault.value("packets_composed", std::uint64_t{0}) > 0, jitter = keys.contains("jitter"),
             in_order = keys.value("order", "flow") != "free";
  std::string why = others ? "other delays met the same packets" : "";
  if (in_order && (jitter || !others))
    why += (why.empty() ? "" : ", ") +
           std::string("packets of a flow keep their order, so that one waits for the slowest before it") +
           (jitter && keys.contains("order") ? ", unless order = \"free\"" : "");
  if (why.empty()) return {};
  return why;
}

}  // namespace faultline::record
