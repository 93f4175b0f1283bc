// One hypothesis against the recording.
#pragma once

#include "injector/record/verdict.h"

namespace faultline::record {

/// `stop_text` says how the run ended early ("the run was aborted after 12.3 s"); empty if it did not.
Judgement judge_hypothesis(const Recording& recording, const plan::Hypothesis& hypothesis,
                           const std::string& stop_text);

/// Makes of bounds in times of the baseline bounds in the figure's own unit. What is lacking for that, in words; empty:
/// nothing.
std::string settle(const Recording& recording, const plan::Hypothesis& hypothesis, plan::Conditions& conditions);

}  // namespace faultline::record
