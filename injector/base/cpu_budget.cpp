#include "injector/base/cpu_budget.h"

#include <algorithm>

namespace faultline::realtime {

bool CommonPurse::take(Ns now, Ns used) {
  Ns before = filled_.load(std::memory_order_relaxed);
  if (now > before && filled_.compare_exchange_strong(before, now, std::memory_order_relaxed)) {
    const Ns more = before == 0 ? 0 : std::min(static_cast<Ns>(static_cast<double>(now - before) * share_), most_);
    const Ns credit = credit_.fetch_add(more, std::memory_order_relaxed) + more;
    if (credit > most_) credit_.fetch_sub(credit - most_, std::memory_order_relaxed);
  }
  return credit_.fetch_sub(used, std::memory_order_relaxed) - used > 0;
}

void CpuBudget::begin(Ns now, Ns cpu) {
  urgent_ = true;
  credit_ = terms_.most;
  looked_ = now;
  cpu_ = cpu;
}

void CpuBudget::fall(Ns now, Ns cpu) {
  urgent_ = false;
  fell_ = looked_ = now;
  cpu_ = cpu;
  ++fell_back_;
}

bool CpuBudget::look(Ns now, Ns cpu) {
  const Ns passed = std::max<Ns>(now - looked_, 0), used = std::max<Ns>(cpu - cpu_, 0);
  if (urgent_) {
    const bool together = common_ == nullptr || common_->take(now, used);
    credit_ = std::min(credit_ + static_cast<Ns>(static_cast<double>(passed) * terms_.share) - used, terms_.most);
    looked_ = now;
    cpu_ = cpu;
    if (credit_ <= 0 || !together) fall(now, cpu);
    return urgent_;
  }
  if (passed < filling()) return false;
  // It got what it may use as it was. It needs no more, or it would take more than it may.
  const bool had_enough = static_cast<double>(used) > static_cast<double>(passed) * terms_.share;
  if (had_enough || (common_ != nullptr && !common_->take(now, 0))) {
    looked_ = now;
    cpu_ = cpu;
    return false;
  }
  ordinary_ += now - fell_;
  begin(now, cpu);
  return true;
}

}  // namespace faultline::realtime
