// Conditions as the journal holds them: hypotheses and guards alike.
#pragma once

#include <nlohmann/json.hpp>

#include "injector/plan/plan.h"
#include "injector/record/distribution.h"

namespace faultline::record {

/// Adds each to `object` as {"op": "<", "value": 0.2, "text": "< 20%"}; null where there is none, and left out of those
/// that are seldom given ("ok.p99").
void put_conditions(nlohmann::json& object, const plan::Conditions& conditions);
/// Back from `object`; absent or null is none.
void take_conditions(const nlohmann::json& object, plan::Conditions& conditions);

/// What a quantile was, by its name: "p99 412 ms", "p99 never (12.0% failed)", "ok.p99: no request succeeded".
std::string figure_text(const plan::Conditions::Key& key, const Latencies& latencies);

nlohmann::json guard_json(const plan::Guard& guard);
plan::Guard guard_from(const nlohmann::json& object);

}  // namespace faultline::record
