// Loading the player: from a score to an eBPF object that is ready to be attached. It and the selectors are apart from
// the pen, because tests and benchmarks run exactly these programs on single packets, without devices and without
// attaching them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "faults/abi.h"
#include "faults/score.h"
#include "injector/pen/objects.h"
#include "injector/site/masks.h"
#include "injector/site/site.h"
#include "injector/site/tunnels.h"

namespace faultline::pen {

/// Bytes that the kernel needs for what is counted and kept of rules and faults by CPU, which is nearly all it needs
/// for them.
std::uint64_t memory_of_counters(const faults::Score& score);

/// A seat of a site, as the player finds it; `far` as below.
fl_site site_of(const faults::Score& score, const faults::SiteScore& own, std::uint32_t far);

/// The player of all sites. `far` holds the ifindex of each site's far veth, in the pen's namespace; `spare` are seats
/// beyond these, see seat.h.
std::unique_ptr<BpfObject> load_player(Engine engine, const faults::Score& score, const fl_player_config& config,
                                       const std::vector<std::uint32_t>& far, std::uint32_t spare = 0);

/// The end of the name of the selector's program for each hook: select_out, answer_bare_in, …
constexpr const char* kHooks[FL_HOOKS] = {"out", "in", "lo", "bare_out", "bare_in"};

/// Enters the programs whose names begin with `prefix` into a program array, by hook; without those that were left out.
void enter_programs(const BpfObject& selector, const char* array, const std::string& prefix);

/// Where a selector belongs.
struct SelectorPlace {
  std::uint32_t site = 0;                        ///< index in the score
  std::uint32_t near = 0;                        ///< ifindex of the near veth, in the site's namespace
  std::vector<std::uint16_t> exempt_ports = {};  ///< at most FL_MAX_EXEMPT_PORTS
  bool bare = false;                             ///< some of its devices have no Ethernet header
  site::Tunnels tunnels = {};
  std::uint32_t seat = 0;  ///< index among the player's sites
  std::uint32_t netns =
      0;  ///< inode of the site's network namespace: elsewhere the selector lets all pass. 0: it acts anywhere
};

/// Makes the calling thread's task the owner that the selector watches. Under clsact there is nothing to do: the gate
/// is open for as long as this process holds its descriptor.
void set_owner(Engine engine, const BpfObject& player);

}  // namespace faultline::pen
