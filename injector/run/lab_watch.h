// Looks whether services of the lab have ended, as an observer.
#pragma once

#include <string>

#include "injector/observe/observer.h"

namespace faultline::run {

/// Writes down what a service of the lab did, and returns it in words.
std::string tell_service(record::Journal& journal, const std::string& host, const std::string& event,
                         const std::string& detail);

class LabWatch : public observe::Observer {
 public:
  void prepare(const observe::Scene& scene) override;
  std::optional<observe::Stop> tick(Ns now) override;
  void take_apart() noexcept override { lab_ = nullptr; }

 private:
  lab::Lab* lab_ = nullptr;
  record::Journal* journal_ = nullptr;
  std::function<void(const std::string&)> note_;
  Ns next_look_ = 0;
};

}  // namespace faultline::run
