// The entrance of a site: the program of a few instructions that is attached to its devices. It writes down which site
// this is, and goes on to the selector's programs, which all sites of a shape share: to verify the selector for each
// site anew took a quarter of a second a site.
#pragma once

#include <cstdint>

#include "injector/base/fd.h"
#include "injector/pen/bpf_object.h"

namespace faultline::pen {

/// For one hook (FL_AT_*) of the site whose seat is `seat`, to `programs`. What it is attached to holds it from then
/// on.
Fd make_entrance(const BpfObject& programs, std::uint32_t seat, std::uint32_t hook);

}  // namespace faultline::pen
