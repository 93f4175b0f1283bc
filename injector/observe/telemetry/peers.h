// Peers that a plan names, as the kernel's programs tell them: by the longest prefix that has a connection's address.
// An address that two of them have is therefore counted for one alone, and what the other has is not all of it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "injector/base/rtnetlink.h"
#include "injector/observe/telemetry/abi.h"
#include "injector/plan/plan.h"

namespace faultline::observe {

/// By their names; each has a number of its own.
using NamedPeers = std::vector<std::pair<std::string, std::vector<IpPrefix>>>;

/// The targets whose connections hypotheses and guards tell apart by each peer.
std::map<std::string, std::set<std::string>> askers_of_peers(const plan::Plan& plan);

/// As the kernel's programs have a prefix; its host bits are cleared.
fl_telemetry_address key_of(const IpPrefix& prefix);

/// A peer that has addresses which are counted for another.
struct SharedAddresses {
  std::string peer, other;
  IpPrefix addresses;  ///< of both
};
/// Each peer once at most, in the order of `named`. Of two with the same prefix either is one; of one that lies in the
/// other only that other, since what lies in it is counted as a whole.
std::vector<SharedAddresses> shared_addresses(const NamedPeers& named);

}  // namespace faultline::observe
