// The audit of the bank's ledger: every violation of the invariants that hold for payments whatever the network does,
// with its order; and what people were shown. From the ledger alone, not from what clients believe.
//
//   I1  at most one net debit for a purchase, over all channels; and no second channel, or second order number, before
//       the first has said "not paid"
//   I2  money is conserved: postings add up to 0 and are what was asked for, and each success that was shown is in the
//       ledger, with its amount
//   I3  "failed" is never shown for an order that is paid all the same
//   I4  no order is left UNKNOWN (asked only when all is over)
//   I5  at most 3 attempts for an original request, under however many numbers
//   I6  "payment channel fault", never "device fault"; who passed a gate offline is debited exactly once (in the end)
//
// The ledger knows of an attempt when it reached the bank, or when somebody told what they were shown. One that was
// lost on its way, and that nobody was told of, is in neither, and did no harm.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace payment {

struct Violation {
  std::string invariant;  ///< "I1"
  std::string order;      ///< number, or purchase where there are several numbers
  std::string what;
};

struct Audit {
  std::vector<Violation> violations;
  /// What the plan asks besides, by name; see audit.cpp.
  nlohmann::json figures;

  /// {"violations": 2, "I1": 2, …, "orders": […], and the figures}
  nlohmann::json json() const;
};

/// `at_rest`: all is over and has had its time, so that nothing may be open any more. Throws std::runtime_error.
Audit audit(const std::string& ledger, bool at_rest);

}  // namespace payment
