#include "injector/pen/wires.h"

#include <net/if.h>

#include <system_error>

#include "injector/base/flow_steering.h"

namespace faultline::pen {

int index_of(const std::string& device) {
  const unsigned index = if_nametoindex(device.c_str());
  if (index == 0) throw std::system_error(errno, std::generic_category(), "find device " + device);
  return static_cast<int>(index);
}

std::string keep_order(const std::string& device) {
  try {
    keep_flows_together(device);
    return {};
  } catch (const std::system_error& e) {
    return std::string(e.what()) +
           ": packets of one flow that leave from several CPUs may overtake each other while they are held";
  }
}

}  // namespace faultline::pen
