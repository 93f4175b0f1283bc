#include <array>

#include "injector/plan/plan.h"

namespace faultline::plan {

std::span<const faults::Key> fault_keys() {
  using faults::ValueType;
  static const std::array<faults::Key, 2> keys{
      {{.name = "on_any",
        .type = ValueType::boolean,
        .doc = "One of several targets that meets the fault is enough.",
        .example = "true",
        .fallback = "false"},
       {.name = "loopback",
        .type = ValueType::boolean,
        .doc = "Its loopback device takes part; what cuts leaves a machine's out, unless this is said.",
        .example = "true"}}};
  return keys;
}

}  // namespace faultline::plan
