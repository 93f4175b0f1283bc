#include "injector/run/steps.h"

#include <algorithm>

namespace faultline::run {

Steps::Steps(const plan::Plan& plan) {
  std::vector<const plan::Fault*> faults;
  for (const auto& fault : plan.faults) faults.push_back(&fault);
  std::stable_sort(faults.begin(), faults.end(), [](const auto* a, const auto* b) { return a->start < b->start; });
  Ns end = 0;  // of what is in force
  for (const auto* fault : faults) {
    if (all_.empty() || fault->start - kLead >= end) all_.push_back({fault->start, {}});
    all_.back().faults.push_back(fault->name);
    end = std::max(end, fault->end);
  }
}

}  // namespace faultline::run
