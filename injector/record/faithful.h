// Whether a fault did what the plan asked of it: in time, and with every packet given back. What is said about it names
// the cause, since what to do differs: a line that was full needs less traffic, one that was late a calmer machine.
#pragma once

#include <optional>
#include <string>

#include "injector/record/recording.h"

namespace faultline::record {

/// "was late: …", "met a full line: …"; nothing when held packets left in time.
std::optional<std::string> lateness_finding(const Recording& recording, const FaultRecord& fault);

/// Packets that were neither delivered as asked nor dropped as asked.
struct Astray {
  bool material = true;  ///< too many to be of no account
  std::string text;      ///< "took 3 packets that it never gave back (…)"
};
std::optional<Astray> astray(const Recording& recording, const FaultRecord& fault);

}  // namespace faultline::record
