#include <array>

#include "faults/kind.h"

namespace faultline::faults {

// A function each, in a file of that name; here and in the list below are the only places that name them all.
Kind sever();
Kind degrade();
Kind flap();
Kind machine_room_jitter();
Kind partition();
Kind trace();
Kind dns();

std::span<const Kind> catalogue() {
  static const std::array kinds{sever(), degrade(), flap(), machine_room_jitter(), partition(), trace(), dns()};
  return kinds;
}

const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : catalogue()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

}  // namespace faultline::faults
