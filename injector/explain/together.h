// What faults do together to a packet that meets several of them (docs/architecture.md, order of effects): delays add,
// losses multiply, the lowest rate holds, and what one cuts or answers the others do not get.
#pragma once

#include <vector>

#include "injector/explain/effect.h"

namespace faultline::explain {

/// Adds a line "Together" to the effect of each fault that shares a target and a time with one before it or behind it.
/// `effects` is by fault.
void say_together(const plan::Plan& plan, std::vector<Effect>& effects);

}  // namespace faultline::explain
