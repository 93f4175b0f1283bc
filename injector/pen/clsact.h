// Programs on devices of kernels without TCX: a clsact qdisc and a direct-action filter on it. The qdisc is taken away only
// if it was us who made it and nobody else put a filter on it meanwhile.
#pragma once

#include <memory>
#include <string>

#include "injector/base/netns.h"
#include "injector/pen/attach.h"

namespace faultline::pen {

class ClassicFilter {
 public:
  ClassicFilter(int program, int ifindex, Hook hook, const std::string& device, const NetNs& ns, Janitor* janitor, bool ours);
  ~ClassicFilter();
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace faultline::pen
