// What must be true of this machine before anything is touched: privileges, devices, kernel features.
#pragma once

#include "injector/pen/attach.h"
#include "injector/plan/plan.h"

namespace faultline::run {

/// Throws Failure(cannot_run) naming everything that is missing and what to do about it.
void check_privileges();
/// Which engine to use; throws Failure(cannot_run) when `wanted` is not possible here.
pen::Engine choose_engine(std::optional<pen::Engine> wanted, const pen::Features& features);

}  // namespace faultline::run
