// Peers as intervals. The selector must find the rules for an address among 10,000 prefixes in well under the time of a
// system call, so the prefixes are cut into intervals beforehand: a flat table to search, with an index over it that
// leaves one or two steps of the search.
#pragma once

#include <utility>
#include <vector>

#include "faults/abi.h"
#include "injector/base/rtnetlink.h"

namespace faultline::site {

/// One family's tables; see struct fl_peers. All empty when there is no prefix.
struct Peers {
  std::vector<fl_address> starts;  ///< of the intervals, in order
  std::vector<fl_masks> spans;     ///< what holds in each
  std::vector<__u32> index;        ///< 2^bits + 1 entries
  fl_address prefix{};
  unsigned common = 0, bits = 1;

  fl_peers setting() const;
};

/// `prefixes` are distinct and of one family, each with the rules for an address of which it is the longest; `any` are
/// those for an address that none covers.
Peers cut_into_intervals(std::vector<std::pair<IpPrefix, fl_masks>> prefixes, const fl_masks& any);

}  // namespace faultline::site
