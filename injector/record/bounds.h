// Conditions as the journal holds them: hypotheses and guards alike.
#pragma once

#include <nlohmann/json.hpp>

#include "injector/plan/plan.h"

namespace faultline::record {

/// Adds each to `object` as {"op": "<", "value": 0.2, "text": "< 20%"}; null where there is none.
void put_conditions(nlohmann::json& object, const plan::Conditions& conditions);
/// Back from `object`; absent or null is none.
void take_conditions(const nlohmann::json& object, plan::Conditions& conditions);

nlohmann::json guard_json(const plan::Guard& guard);
plan::Guard guard_from(const nlohmann::json& object);

}  // namespace faultline::record
