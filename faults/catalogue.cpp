#include "faults/kind.h"

namespace faultline::faults {

// A function each, in a file of that name, in the order of the reference. This is the only place that names them all.
#define FAULTLINE_KINDS(kind)                                                                          \
  kind(sever) kind(degrade) kind(flap) kind(machine_room_jitter) kind(partition) kind(trace) kind(dns) \
      kind(blackhole_size) kind(idle_timeout) kind(cut_after)

#define FAULTLINE_DECLARED(kind) Kind kind();
#define FAULTLINE_LISTED(kind) kind(),
FAULTLINE_KINDS(FAULTLINE_DECLARED)

std::span<const Kind> catalogue() {
  static const Kind kinds[] = {FAULTLINE_KINDS(FAULTLINE_LISTED)};
  return kinds;
}

const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : catalogue()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

const Kind& usual_kind() { return *find_kind("degrade"); }

}  // namespace faultline::faults
