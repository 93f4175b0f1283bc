// The cashier's desk: what becomes of a tap on "pay". Two designs, which differ in nothing else than this.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/service.h"

namespace demo::payment {

/// What everything costs, in cents.
inline constexpr int kPrice = 100;

/// What the shopper is shown.
struct Screen {
  std::string state;   ///< PAID, UNKNOWN, FAILED
  std::string number;  ///< the order's
  std::string channel;
  std::string text;
  int attempts = 0;  ///< how often this tap asked a channel
  int amount = kPrice;
};

class Desk {
 public:
  virtual ~Desk() = default;
  /// A tap on "pay" for this purchase, with the channel that the shopper chose.
  virtual Screen pay(const std::string& purchase, const std::string& chosen) = 0;
  /// Whether a channel is offered to shoppers, or greyed out.
  virtual bool offered(const std::string& channel) = 0;
  /// Orders of which nobody knows yet whether they are paid.
  virtual int unknown() = 0;
};

/// One number for one order, asked after when no answer comes; greys out, goes another way, comes back by trial
/// requests.
std::unique_ptr<Desk> careful_desk(const std::vector<Way>& ways, const Options& options);
/// Tries again under a new number, then says "failed".
std::unique_ptr<Desk> naive_desk(const std::vector<Way>& ways);

}  // namespace demo::payment
