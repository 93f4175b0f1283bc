// Two banks with one ledger, and the switch before two sites (experiments/services/payment/pair.h, switch.cpp): what
// was acknowledged is never lost, what was not is never settled beside it, and nobody goes back by themselves.
#include <atomic>
#include <thread>

#include "tests/netns/payment_bed.h"

namespace faultline::test {
namespace {

class PaymentPair : public PaymentBed {
 protected:
  /// The first leads.
  void start_pair(const std::string& design = "careful") {
    start("copy", kCopy, {"bank", "--ledger", file("copy"), "--copy", url(kBank), "--design", design});
    start("bank", kBank, {"bank", "--ledger", file("ledger"), "--copy", url(kCopy), "--leads", "--design", design});
  }
  /// Paid, if need be after it was asked for again: a bank on a busy machine may have said that it does not know yet.
  static bool pays(const std::string& number, const std::string& purchase, int bank = kBank) {
    return eventually([&] { return debit("A", number, purchase, bank) == "PAID"; });
  }
  static json role(bool leads, int epoch) { return {{"epoch", epoch}, {"leads", leads}}; }
  static bool paid(int bank, const std::string& number) { return state(get(bank, "/orders/A/" + number)) == "PAID"; }
  void start_sites(const std::string& design) {
    start_pair(design);
    start("site", kA, {"channel", "--name", "A", "--orders", file("a"), "--bank", url(kBank)});
    start("other site", kB, {"channel", "--name", "A", "--orders", file("b"), "--bank", url(kCopy)});
    start("switch", kSwitch,
          {"switch", "--design", design, "--state", file("state"), "--sites", "dc1=" + url(kA) + ",dc2=" + url(kB),
           "--ledgers", "dc1=" + url(kBank) + ",dc2=" + url(kCopy)});
  }
  static std::string active() { return get(kSwitch, "/site").second.value("site", ""); }
  static std::string pay(const std::string& number) {
    return state(post(kSwitch, "/pay", {{"number", number}, {"purchase", number}, {"amount", 100}}));
  }

  static constexpr int kCopy = 7005, kSwitch = 7006;
};

TEST_F(PaymentPair, WhatIsAcknowledgedIsInBothLedgers) {
  start_pair();
  EXPECT_TRUE(pays("n1", "p1"));
  EXPECT_TRUE(paid(kCopy, "n1"));
  EXPECT_EQ(debit("A", "n2", "p2", kCopy), "NOT LEADING");
  EXPECT_FALSE(paid(kCopy, "n2"));

  kill("copy");
  EXPECT_EQ(debit("A", "n3", "p3"), "UNKNOWN") << "the copy has it not";
  EXPECT_FALSE(paid(kBank, "n3"));
  start("copy", kCopy);
  EXPECT_TRUE(eventually([&] { return paid(kBank, "n3") && paid(kCopy, "n3"); })) << "it was still under way";
}

TEST_F(PaymentPair, WhoHearsOfANewerLeaderFollowsAndWhatItAloneHadIsVoid) {
  start_pair();
  EXPECT_TRUE(pays("n1", "p1"));
  kill("copy");
  EXPECT_EQ(debit("A", "n2", "p2"), "UNKNOWN");
  kill("bank");
  start("copy", kCopy);
  EXPECT_EQ(post(kCopy, "/lead", {{"epoch", 2}}).first, 200);
  EXPECT_EQ(post(kCopy, "/lead", {{"epoch", 2}}).first, 200) << "told twice";
  EXPECT_EQ(post(kCopy, "/lead", {{"epoch", 1}}).first, 409);
  EXPECT_EQ(debit("A", "n3", "p2", kCopy), "PAID") << "it goes on alone";
  EXPECT_EQ(post(kCopy, "/log", {{"epoch", 1}, {"entries", json::array()}}).first, 409) << "an older one ships";

  start("bank", kBank);  // it believes that it leads, and that n2 is under way
  EXPECT_TRUE(eventually([&] { return get(kBank, "/role").second == role(false, 2); }));
  EXPECT_TRUE(eventually([&] { return paid(kBank, "n3"); }));
  EXPECT_FALSE(paid(kBank, "n2"));
  EXPECT_FALSE(paid(kCopy, "n2"));
  EXPECT_EQ(debit("A", "n4", "p4"), "NOT LEADING");
  EXPECT_EQ(debit("A", "n5", "p5", kCopy), "PAID") << "and what comes then has its place in both logs";
  EXPECT_TRUE(eventually([&] { return get(kBank, "/payments").second == get(kCopy, "/payments").second; }));
  kill("copy");
  start("copy", kCopy);
  EXPECT_EQ(get(kCopy, "/role").second, role(true, 2)) << "it has forgotten";
}

TEST_F(PaymentPair, KilledAtAnyMomentItLosesNoAcknowledgedPayment) {
  start_pair();
  std::atomic<bool> stop{false};
  std::atomic<int> acknowledged{0};
  std::vector<std::vector<std::string>> numbers(3);
  std::vector<std::thread> channels;
  for (int i = 0; i < 3; i++)
    channels.emplace_back([&, i] {
      for (int n = 0; !stop; n++) {
        const std::string number = std::to_string(i) + "." + std::to_string(n);
        if (debit("A", number, number) != "PAID") continue;
        numbers[static_cast<std::size_t>(i)].push_back(number);
        acknowledged++;
      }
    });
  const auto goes_on = [&] {
    return eventually([&, before = acknowledged.load()] { return acknowledged > before + 3; });
  };
  EXPECT_TRUE(goes_on());
  for (const auto& [name, port] : {std::pair{"copy", kCopy}, std::pair{"bank", kBank}, std::pair{"copy", kCopy}}) {
    kill(name);
    start(name, port);
    EXPECT_TRUE(goes_on()) << "after kill -9 of " << name;
  }
  kill("bank");
  EXPECT_EQ(post(kCopy, "/lead", {{"epoch", 2}}).first, 200);
  stop = true;
  for (auto& thread : channels) thread.join();
  const json ledger = get(kCopy, "/payments").second;
  for (const auto& all : numbers)
    for (const auto& number : all) EXPECT_TRUE(ledger.contains("A " + number)) << number << " was acknowledged";
  start("bank", kBank);
  EXPECT_TRUE(eventually([&] { return get(kBank, "/payments").second == get(kCopy, "/payments").second; }));
  EXPECT_EQ(json::parse(say_all({program("ledger"), "same", "--with", url(kCopy), file("ledger")}).out).at("differ"),
            0);
}

TEST_F(PaymentPair, TheNaiveOneAcknowledgesWhatItMayLose) {
  start_pair("naive");
  kill("copy");
  EXPECT_EQ(debit("A", "n1", "p1"), "PAID");
  start("copy", kCopy);
  EXPECT_EQ(debit("A", "n2", "p1", kCopy), "PAID") << "both take payments";
  EXPECT_TRUE(eventually([&] { return paid(kCopy, "n1") && paid(kCopy, "n2"); })) << "the same purchase, twice";
}

TEST_F(PaymentPair, TheSwitchChangesOverOnceAndTheOldLeaderTakesNothingMore) {
  start_sites("careful");
  EXPECT_EQ(active(), "dc1");
  EXPECT_TRUE(eventually([&] { return pay("n1") == "PAID"; }));
  kill("site");
  EXPECT_TRUE(eventually([&] { return pay("n2") == "PAID"; }));
  EXPECT_EQ(active(), "dc2");
  EXPECT_EQ(get(kCopy, "/role").second, role(true, 2));
  EXPECT_TRUE(paid(kCopy, "n1"));
  start("site", kA);
  EXPECT_TRUE(eventually([&] { return get(kBank, "/role").second == role(false, 2); }));
  EXPECT_NE(state(post(kA, "/pay", {{"number", "n3"}, {"purchase", "n3"}, {"amount", 100}})), "PAID");
  kill("switch");
  start("switch", kSwitch);
  EXPECT_EQ(active(), "dc2") << "it keeps where it went";
  kill("other site");
  for (int i = 0; i < 30; i++) EXPECT_NE(pay("n4"), "PAID");
  EXPECT_EQ(active(), "dc2") << "going back is for people to decide";
}

TEST_F(PaymentPair, TheNaiveSwitchGoesBackByItself) {
  start_sites("naive");
  kill("site");
  EXPECT_TRUE(eventually([&] { return active() == "dc2"; }));
  start("site", kA);
  EXPECT_TRUE(eventually([&] { return active() == "dc1"; }));
}

}  // namespace
}  // namespace faultline::test
