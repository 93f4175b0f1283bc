#include "injector/record/bounds.h"

#include <fmt/format.h>

#include <optional>

#include "injector/base/text.h"

namespace faultline::record {
namespace {

using nlohmann::json;

const char* op_text(plan::Bound::Op op) {
  switch (op) {
    case plan::Bound::Op::ge:
      return ">=";
    case plan::Bound::Op::gt:
      return ">";
    case plan::Bound::Op::le:
      return "<=";
    case plan::Bound::Op::lt:
      break;
  }
  return "<";
}

json bound_json(const std::optional<plan::Bound>& bound) {
  if (!bound) return nullptr;
  return {{"op", op_text(bound->op)}, {"value", bound->value}, {"text", bound->text}};
}

std::optional<plan::Bound> bound_from(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_object()) return {};
  plan::Bound bound;
  const std::string op = it->value("op", ">=");
  bound.op = op == ">="   ? plan::Bound::Op::ge
             : op == ">"  ? plan::Bound::Op::gt
             : op == "<=" ? plan::Bound::Op::le
                          : plan::Bound::Op::lt;
  bound.value = it->value("value", 0.0);
  bound.text = it->value("text", "");
  return bound;
}

}  // namespace

void put_conditions(json& object, const plan::Conditions& conditions) {
  for (const auto& key : plan::Conditions::keys()) {
    const auto& bound = conditions.*key.bound;
    if (bound || key.of == plan::Conditions::Of::share || key.of == plan::Conditions::Of::all)
      object[key.name] = bound_json(bound);
  }
}

void take_conditions(const json& object, plan::Conditions& conditions) {
  for (const auto& key : plan::Conditions::keys()) conditions.*key.bound = bound_from(object, key.name);
}

std::string figure_text(const plan::Conditions::Key& key, const Latencies& latencies) {
  const bool ok = key.of == plan::Conditions::Of::ok, failed = key.of == plan::Conditions::Of::failed;
  if (!ok && !failed) return fmt::format("{} {}", key.name, quantile_text(latencies, key.per_mille));
  const Distribution& values = ok ? latencies.ok : latencies.failed;
  if (failed && latencies.lost > values.count()) return fmt::format("{}: not recorded", key.name);
  if (values.count() == 0) return fmt::format("{}: no request {}", key.name, ok ? "succeeded" : "failed");
  return fmt::format("{} {}", key.name, short_duration(values.quantile(key.per_mille)));
}

json guard_json(const plan::Guard& guard) {
  json object = {{"name", guard.name},
                 {"probe", guard.probe},
                 {"during", guard.during},
                 {"for", guard.window},
                 {"condition", plan::condition_text(guard)}};
  put_conditions(object, guard);
  return object;
}

plan::Guard guard_from(const json& object) {
  plan::Guard guard;
  guard.name = object.value("name", "");
  guard.probe = object.value("probe", "");
  guard.during = object.value("during", "");
  guard.window = object.value("for", Ns{0});
  take_conditions(object, guard);
  return guard;
}

}  // namespace faultline::record
