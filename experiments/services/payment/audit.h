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

#include "base/audit.h"

namespace demo::payment {

/// I1 to I6, and what plans ask besides, by name; see audit.cpp.
Rules invariants();

}  // namespace demo::payment
