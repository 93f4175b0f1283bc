// Where a run can be reached: abstract unix sockets, which die with it and are seen across mount and PID namespaces.
// One, with a name that many runs can share, is bound where Faultline itself runs: that is how a run is found. One with
// a fixed name is bound in each network namespace that a fault is on, and is the lock on it: two runs there would hold
// the packets that the other gave back, for ever. Control answers at all of them.
#pragma once

#include <string>
#include <string_view>

#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::run {

/// The names of the first kind begin with this.
inline constexpr std::string_view kControlPrefix = "faultline.control.";

/// Listens under a new name, in the calling thread's network namespace.
Fd bind_control();
/// Takes the lock. Throws Failure(cannot_run) that names the run which holds `ns`; `place` is what people call it.
Fd lock_namespace(const NetNs& ns, const std::string& place);
/// Connects to an abstract name in the calling thread's network namespace; an empty descriptor when nobody listens
/// there. Answers are awaited for `patience` seconds.
Fd connect_to(std::string_view name, int patience);

}  // namespace faultline::run
