// Connections over lo that netfilter sends elsewhere than they were sent to: they do not survive being held, and are
// left out of faults (docs/what-a-packet-carries.md). The rules that do so can be seen before a run.
#pragma once

#include <string>
#include <vector>

namespace faultline::explain {

/// "connections that nftables redirects (table ip nat, chain OUTPUT) are left out": those of the calling thread's
/// network namespace. Empty where there are none, and where they may not be looked at.
std::vector<std::string> translated_on_lo();

}  // namespace faultline::explain
