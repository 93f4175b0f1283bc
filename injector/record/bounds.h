// Conditions as the journal holds them: hypotheses and guards alike.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "injector/plan/plan.h"

namespace faultline::record {

/// {"op": "<", "value": 0.2, "text": "< 20%"}; null when there is none.
nlohmann::json bound_json(const std::optional<plan::Bound>& bound);
/// Back from `object[key]`; nothing when it is absent or null.
std::optional<plan::Bound> bound_from(const nlohmann::json& object, const char* key);

nlohmann::json guard_json(const plan::Guard& guard);
plan::Guard guard_from(const nlohmann::json& object);

}  // namespace faultline::record
