// What tests of the payment demo services stand on: the services, a bank that is asked to pay, and people who tell it
// what they were shown.
#pragma once

#include "tests/netns/services_bed.h"

namespace faultline::test {

class PaymentBed : public ServicesBed {
 protected:
  PaymentBed() : ServicesBed("payment") {}

  static std::string debit(const std::string& channel, const std::string& number, const std::string& purchase,
                           int bank = kBank) {
    return state(
        post(bank, "/debit", {{"channel", channel}, {"number", number}, {"purchase", purchase}, {"amount", 100}}));
  }
  static void show(const std::string& purchase, const std::string& number, const std::string& what,
                   const std::string& text = "", const std::string& who = "shopper", int attempts = 1) {
    const json screen{{"purchase", purchase}, {"number", number}, {"state", what},
                      {"text", text},         {"who", who},       {"attempts", attempts}};
    EXPECT_TRUE(eventually([&] { return post(kBank, "/screens", screen).first == 200; }));
  }
  void start_bank() { start("bank", kBank, {"bank", "--ledger", file("ledger")}); }
  Said audit() const { return say_all({program("ledger"), "audit", "--at-rest", file("ledger")}); }

  static constexpr int kBank = 7000, kMerchant = 7001, kA = 7002, kB = 7003, kCashier = 7004;
};

}  // namespace faultline::test
