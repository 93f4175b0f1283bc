#include "injector/record/bounds.h"

#include <optional>

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
  for (const auto& [name, bound] : plan::Conditions::keys()) object[name] = bound_json(conditions.*bound);
}

void take_conditions(const json& object, plan::Conditions& conditions) {
  for (const auto& [name, bound] : plan::Conditions::keys()) conditions.*bound = bound_from(object, name);
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
