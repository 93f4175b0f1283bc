// The audit of what happened in a home: every violation of what holds whatever the network does, from what devices did
// and people saw (the witness's ledger), and from what arrived in the cloud.
//
//   C1  a command is done at most once
//   C2  a command is not done when it is more than 10 s old (half a second is allowed for the way from who judges)
//   C3  what was shown as done was done
//   C4  people are shown within 5 s what became of a command
//   R1  a reading arrives once
//   R2  readings of a device arrive in order
//   R3  a reading has its own value and its own time
//   R4  no reading is missing in the cloud (asked only when all is over: those of more than 15 s ago)
//   M1  phone and hub change their ways at most once in 30 s
//   S1  "recovered" is not said while more than 1 % of homes fail
#pragma once

#include "base/audit.h"

namespace demo::home {

/// `arrived`: the readings that the cloud's database has, in the order in which they came, as its GET /readings gives
/// them. `at_rest`: all is over and has had its time. Throws std::runtime_error.
Audit audit_home(const std::string& ledger, const Json& arrived, bool at_rest);

}  // namespace demo::home
