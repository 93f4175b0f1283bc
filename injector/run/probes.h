// The plan's probes, as an observer: they are prepared before anything is attached, ask from T0 on, and are awaited or
// cut short at the end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/observe/observer.h"
#include "injector/probe/probe.h"

namespace faultline::run {

class Probes : public observe::Observer {
 public:
  explicit Probes(const plan::Plan& plan) : plan_(plan) {}

  void prepare(const observe::Scene& scene) override;
  void begin(Ns epoch) override;
  void hold(Ns instant) override;
  void go_on(Ns epoch) override;
  void end() override;
  void abort() override;
  std::string failure() const override;
  void take_apart() noexcept override { probers_.clear(); }

 private:
  const plan::Plan& plan_;
  std::vector<std::unique_ptr<probe::Prober>> probers_;
};

}  // namespace faultline::run
