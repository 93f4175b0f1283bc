// What tells against a hypothesis that did not hold, and when it first did. A reader of several broken ones is helped
// most by the one that says what happened before the others do: what broke is ranked by it.
#pragma once

#include <optional>
#include <vector>

#include "injector/record/verdict.h"

namespace faultline::record {

/// A request that tells against a hypothesis, and by what.
struct Against {
  const Requests* request = nullptr;  ///< null: there is none
  enum class By { failing, being_slow, being_quick, being_answered } by = By::failing;
};

/// The first request due in [from, to) that tells against the hypothesis. Where success is limited from above it is one
/// that was answered. Else it is one that failed or, where only latencies are asked for or none failed, one that took
/// longer than the strictest bound; where there is none either, one that took less time than is asked for.
Against first_against(const ProbeRecord& probe, const plan::Hypothesis* asked, Ns from, Ns to);

/// Whether a value is beyond any of the bounds on values.
bool is_beyond(const plan::ValueBounds& bounds, double value);

/// When the first sign against a hypothesis was seen in [from, to), since T0. Nothing: it has no instant, as what was
/// too little in all of the window has none.
std::optional<Ns> first_sign(const Recording& recording, const plan::Hypothesis& asked, Ns from, Ns to);

/// Numbers those that did not hold, the one that is told first with 1. What the arm was not expected to break comes
/// before what it was: that is why the run deviated. Of the expected, the order is the arm's own; of the others, that
/// of the first sign against each; what has no instant comes after them, and equals stand as in the plan.
void rank_broken(const Recording& recording, std::vector<Judgement>& judgements);

}  // namespace faultline::record
