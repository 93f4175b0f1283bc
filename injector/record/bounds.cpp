#include "injector/record/bounds.h"

namespace faultline::record {
namespace {

using nlohmann::json;

const char* op_text(plan::Bound::Op op) {
  switch (op) {
    case plan::Bound::Op::ge: return ">=";
    case plan::Bound::Op::gt: return ">";
    case plan::Bound::Op::le: return "<=";
    case plan::Bound::Op::lt: break;
  }
  return "<";
}

}  // namespace

json bound_json(const std::optional<plan::Bound>& bound) {
  if (!bound) return nullptr;
  return {{"op", op_text(bound->op)}, {"value", bound->value}, {"text", bound->text}};
}

std::optional<plan::Bound> bound_from(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_object()) return {};
  plan::Bound bound;
  const std::string op = it->value("op", ">=");
  bound.op = op == ">=" ? plan::Bound::Op::ge : op == ">" ? plan::Bound::Op::gt
           : op == "<=" ? plan::Bound::Op::le : plan::Bound::Op::lt;
  bound.value = it->value("value", 0.0);
  bound.text = it->value("text", "");
  return bound;
}

json guard_json(const plan::Guard& guard) {
  return {{"name", guard.name}, {"probe", guard.probe}, {"during", guard.during}, {"for", guard.window},
          {"condition", plan::condition_text(guard)}, {"success", bound_json(guard.success)}, {"p50", bound_json(guard.p50)},
          {"p90", bound_json(guard.p90)}, {"p99", bound_json(guard.p99)}, {"max", bound_json(guard.max)}};
}

plan::Guard guard_from(const json& object) {
  plan::Guard guard;
  guard.name = object.value("name", "");
  guard.probe = object.value("probe", "");
  guard.during = object.value("during", "");
  guard.window = object.value("for", Ns{0});
  guard.success = bound_from(object, "success");
  guard.p50 = bound_from(object, "p50");
  guard.p90 = bound_from(object, "p90");
  guard.p99 = bound_from(object, "p99");
  guard.max = bound_from(object, "max");
  return guard;
}

}  // namespace faultline::record
