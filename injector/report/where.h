// Where a fault acts, in words.
#pragma once

#include <string>

#include "injector/report/summary.h"

namespace faultline::report {

/// "shop, what it sends to bank". Not yet fit for HTML.
std::string where(const Fault& fault);

}  // namespace faultline::report
