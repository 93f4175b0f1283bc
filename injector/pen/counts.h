// From the kernel's per-CPU counters to what happened to each fault's packets. Pure reading; see the ledger in
// faults/counts_abi.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "faults/abi.h"
#include "faults/account.h"
#include "faults/score.h"
#include "injector/line/line.h"
#include "injector/pen/bpf_object.h"

namespace faultline::pen {

/// Sums a histogram of ticks; a quantile is its bucket's upper end (0.8 % wide), the maximum is exact.
faults::TimeQuantiles quantiles_of(const fl_histogram& histogram, std::uint64_t max_ticks);

/// Whose a seat is, and whether the site has left it: what it never gave back then went with its network namespace.
struct SeatOfSite {
  std::uint32_t site;
  bool left = false;
};

/// Of a device that a seat is or was on; "" of one that is not known.
using DeviceName = std::function<std::string(std::uint32_t seat, int device)>;

/// `seats` are all that there have been, in their order; `names` are the sites'.
std::vector<faults::Account> account_of_faults(const BpfObject& player, const faults::Score& score, std::size_t faults,
                                               const line::Line& line, std::uint64_t line_in,
                                               const std::vector<SeatOfSite>& seats,
                                               const std::vector<std::string>& names, const DeviceName& device_name);

/// How many packets the rules of one fault have matched by now.
std::uint64_t packets_met(const BpfObject& player, const faults::Score& score, std::uint32_t fault);

}  // namespace faultline::pen
