// Whether a fault did what the plan asked of it: in time, to every packet, and with every one given back. What is said
// names the cause, since what to do differs: a line that was full needs less traffic, one that was late a calmer
// machine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "injector/record/recording.h"

namespace faultline::record {

/// "was late: …", "met a full line: …"; nothing when held packets left in time.
std::optional<std::string> lateness_finding(const Recording& recording, const FaultRecord& fault);

/// Packets that did not get from the fault what was asked for them: it took them and never gave them back, its safety
/// let them pass, or they may have gone by it.
struct Strays {
  std::vector<std::string> reasons;   ///< too many to ignore, or of an unknown number
  std::vector<std::string> warnings;  ///< too few to matter
};
Strays strays(const Recording& recording, const FaultRecord& fault);

/// What a fault asked for that touched nothing.
struct Idleness {
  bool material = true;
  std::string text;  ///< "drew nothing: its loss touched none of the 40 packets that it met"
};
std::vector<Idleness> idleness(const FaultRecord& fault);

}  // namespace faultline::record
