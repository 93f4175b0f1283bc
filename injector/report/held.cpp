#include "injector/report/held.h"

namespace faultline::report {

std::optional<std::string> held_longer(const Fault& fault) {
  constexpr double kShare = 1.1, kLeast = 1000;  // µs
  const auto &applied = fault.applied_delay_us.p50, &held = fault.held_us.p50;
  if (!applied || !held || *held <= kShare * *applied + kLeast + fault.lateness_us.p50.value_or(0)) return {};
  const auto order = fault.asked.find("order");
  const bool others = fault.composed > 0, jitter = fault.asked.contains("jitter"),
             in_order = order == fault.asked.end() || order->second != "free";
  std::string why = others ? "other delays met the same packets" : "";
  if (in_order && (jitter || !others))
    why += (why.empty() ? "" : ", ") +
           std::string("packets of a flow keep their order, so that one waits for the slowest before it") +
           (jitter && order != fault.asked.end() ? ", unless order = \"free\"" : "");
  if (why.empty()) return {};
  return why;
}

}  // namespace faultline::report
