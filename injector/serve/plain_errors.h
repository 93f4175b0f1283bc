// Errors as they are told beyond this machine: without the words that a service chose.
#pragma once

#include <set>
#include <string>

#include "injector/plan/conditions.h"

namespace faultline::serve {

class PlainErrors {
 public:
  /// What somebody has written into a plan tells nothing new: those names stay.
  void keep(const plan::Conditions& conditions);
  /// "error WRONGPASS" is "error". What Faultline names itself stays ("too large"), and so does a number ("status
  /// 503").
  std::string name(const std::string& error) const;

 private:
  std::set<std::string> kept_;
};

}  // namespace faultline::serve
