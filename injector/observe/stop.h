// Why a run ends before its time.
#pragma once

#include <string>

#include "injector/record/events.h"

namespace faultline::observe {

struct Stop {
  record::events::By by = record::events::By::signal;
  std::string reason;
};

}  // namespace faultline::observe
