// How many packets go into a fault over time, for hypotheses that ask how soon it is noticed (`detects_within`), as an
// observer: the kernel's counters of what the fault's rules matched, read about every 100 ms while it is in force, and
// the difference written down. Other faults are not read.
#pragma once

#include <vector>

#include "injector/observe/observer.h"

namespace faultline::observe {

class TrafficWatch : public Observer {
 public:
  void prepare(const Scene& scene) override;
  void attached(pen::Pen& pen) override { pen_ = &pen; }
  std::optional<Stop> tick(Ns now) override;
  void end() override;
  void take_apart() noexcept override { pen_ = nullptr; }

 private:
  struct Watched {
    std::size_t fault;  ///< in the plan
    Ns from;            ///< since T0: up to where it is told
    std::uint64_t met = 0;
  };
  void look(Ns now);
  void read(Watched& watched, Ns until);

  const plan::Plan* plan_ = nullptr;
  record::Journal* journal_ = nullptr;
  const RunClock* clock_ = nullptr;
  pen::Pen* pen_ = nullptr;  // null: the run has no site
  std::vector<Watched> watched_;
};

}  // namespace faultline::observe
