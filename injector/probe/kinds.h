// The list of probe kinds, in the order of the reference: a line each, and a file of that name which defines the
// function. A file whose line is missing does not compile; a line whose file is missing does not link.
#pragma once

#include "injector/probe/kind.h"

// clang-format off
#define FAULTLINE_PROBE_KINDS(line) \
  line(http) \
  line(grpc) \
  line(tcp) \
  line(icmp) \
  line(dns) \
  line(redis) \
  line(postgresql) \
  line(mysql) \
  line(mqtt) \
  line(kafka) \
  line(prometheus) \
  line(exec)
// clang-format on

namespace faultline::probe::kinds {

#define FAULTLINE_DECLARE(kind) Kind kind();
FAULTLINE_PROBE_KINDS(FAULTLINE_DECLARE)
#undef FAULTLINE_DECLARE

}  // namespace faultline::probe::kinds
