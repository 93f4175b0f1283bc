#include "injector/plan/asked.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "injector/plan/values.h"

namespace faultline::plan {
namespace {

std::string profile_text(const faults::Profile& profile) {
  std::string text;
  for (const auto& p : profile) {
    text += fmt::format("{}{{ at {}", text.empty() ? "" : ", ", format_duration(p.at));
    for (const auto& figure : faults::figures()) {
      const double value = p.*figure.value;
      if (value <= 0) continue;
      text += fmt::format(", {} ", figure.name);
      if (figure.unit == faults::Figure::Unit::time)
        text += format_duration(static_cast<Ns>(value));
      else if (figure.unit == faults::Figure::Unit::rate)
        text += format_rate(value);
      else
        text += fmt::format("{:g}%", value * 100);
    }
    text += " }";
  }
  return text;
}

std::string groups_text(const faults::Groups& groups) {
  std::string text;
  for (const auto& group : groups) text += fmt::format("{}{}", text.empty() ? "" : " | ", fmt::join(group, " "));
  return text;
}

std::string value_text(const faults::Key& key, const faults::Params& params) {
  using faults::ValueType;
  switch (key.type) {
    case ValueType::duration:
    case ValueType::timeline:
      return format_duration(params.duration(key.name));
    case ValueType::probability:
      return fmt::format("{:g}%", params.probability(key.name) * 100);
    case ValueType::choice:
      return params.text(key.name);
    case ValueType::boolean:
      return params.boolean(key.name) ? "true" : "false";
    case ValueType::rate:
      return format_rate(params.rate(key.name));
    case ValueType::queue:
      return format_queue(params.queue(key.name));
    case ValueType::texts:
      return fmt::format("{}", fmt::join(params.texts(key.name), ", "));
    case ValueType::profile:
      return profile_text(params.profile(key.name));
    case ValueType::trace:
      return params.trace(key.name).file;
    case ValueType::samples:
      return params.samples(key.name).file;
    case ValueType::groups:
      return groups_text(params.groups(key.name));
  }
  return {};
}

}  // namespace

std::map<std::string, std::string> asked(const Fault& fault) {
  std::map<std::string, std::string> values;
  if (!fault.kind) return values;
  for (const auto& key : fault.kind->keys)
    if (fault.params.has(key.name)) values.emplace(key.name, value_text(key, fault.params));
  return values;
}

std::vector<Given> given(const Fault& fault) {
  std::vector<Given> all;
  if (!fault.kind) return all;
  for (const auto& key : fault.kind->keys) {
    if (!fault.params.has(key.name)) continue;
    std::string value = value_text(key, fault.params);
    std::string_view fallback = key.fallback;
    if (fallback.size() >= 2 && fallback.front() == '"') fallback = fallback.substr(1, fallback.size() - 2);
    if (value != fallback && value != "0s" && value != "0%") all.push_back({&key, std::move(value)});
  }
  // A fault of which the plan says nothing but its kind is what that kind's first choice makes it: "mode silent".
  if (const auto& keys = fault.kind->keys; all.empty() && !keys.empty() && !keys.front().choices.empty())
    all.push_back({&keys.front(), value_text(keys.front(), fault.params)});
  return all;
}

std::string asked_text(const Fault& fault) {
  std::string text;
  for (const auto& [key, value] : given(fault))
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key->name, value);
  return text;
}

std::map<std::string, nlohmann::json> common_values(const Fault& fault) {
  std::map<std::string, nlohmann::json> values;
  for (const auto& key : fault_keys()) {
    if (!fault.common.has(key.name)) continue;
    values[std::string(key.name)] = key.type == faults::ValueType::boolean
                                        ? nlohmann::json(fault.common.boolean(key.name))
                                        : nlohmann::json(value_text(key, fault.common));
  }
  return values;
}

Ns asked_delay(const Fault& fault) { return static_cast<Ns>(faults::greatest(fault.params, "delay")); }

double asked_loss(const Fault& fault) { return fault.kind ? fault.kind->greatest_loss(fault.params) : 0; }

}  // namespace faultline::plan
