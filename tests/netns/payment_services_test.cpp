// The payment demo services (experiments/services/payment), as processes: what they have said yes to survives kill -9
// of any of them, and `ledger audit` finds what is wrong with a ledger, and nothing else.
#include <atomic>
#include <thread>

#include "tests/netns/payment_bed.h"

namespace faultline::test {
namespace {

class PaymentServices : public PaymentBed {
 protected:
  static constexpr int kAuth = 7007, kSms = 7008;
};

TEST_F(PaymentServices, AnOrderNumberIsPaidOnceAndNeverAfterItWasClosed) {
  start_bank();
  EXPECT_EQ(debit("A", "n1", "p1"), "PAID");
  EXPECT_EQ(debit("A", "n1", "p1"), "PAID");
  EXPECT_EQ(state(post(kBank, "/close", {{"channel", "A"}, {"number", "n1"}})), "PAID");
  EXPECT_EQ(state(get(kBank, "/orders/A/n2")), "NONE");
  EXPECT_EQ(state(post(kBank, "/close", {{"channel", "A"}, {"number", "n2"}})), "CLOSED");
  EXPECT_EQ(debit("A", "n2", "p2"), "CLOSED") << "a request that was long under way";
  EXPECT_EQ(debit("B", "n3", "p2"), "PAID") << "another channel, after 'not paid'";
  const auto said = audit();
  EXPECT_EQ(said.status, 0) << said.out << said.errors;
  EXPECT_EQ(said.out, "0 violations, 2 payments\n");
}

TEST_F(PaymentServices, TheAuditSaysEachViolationWithItsOrder) {
  start_bank();
  debit("A", "good", "good");
  show("good", "good", "UNKNOWN", "do not pay again");
  show("good", "good", "PAID");
  EXPECT_EQ(audit().status, 0);

  debit("A", "twice-1", "twice");
  debit("B", "twice-2", "twice");
  show("ghost", "ghost-1", "PAID");
  debit("A", "late-1", "late");
  show("late", "late-1", "FAILED");
  show("open", "open-1", "UNKNOWN");
  show("eager", "eager-1", "FAILED", "", "shopper", 4);
  show("ride", "", "SHUT", "device fault", "gate");
  show("pass", "", "OFFLINE", "payment channel fault", "gate");

  const auto said = audit();
  EXPECT_EQ(said.status, 1);
  for (const char* line :
       {"I1 order twice: debited more than once: A twice-1, B twice-2\n", "I1 order twice: asked of another",
        "I2 order ghost-1: shown as paid", "I3 order late-1: shown as failed, and paid",
        "I4 order open-1: still unknown", "I5 order eager: more than 3 attempts for one request: 4\n",
        "I6 order ride: the channel's fault shown as the device's",
        "I6 order pass: passed offline, and debited not once but so often: 0\n", "8 violations, 4 payments\n"})
    EXPECT_NE(said.out.find(line), std::string::npos) << line << "\n" << said.out;
  const auto reported = say_all({program("ledger"), "audit", "--json", file("ledger")});
  EXPECT_EQ(reported.status, 0) << "it does not judge";
  const json found = json::parse(reported.out);
  EXPECT_EQ(found.at("violations"), 6) << "not at rest: open ones may still be settled";
  EXPECT_EQ(found.at("I1"), 2);
  EXPECT_EQ(found.at("paid_on_two_channels"), 1);
  EXPECT_EQ(said_by("bank").find("violation"), std::string::npos);
  for (int i = 0; i < 2; i++) say_all({program("ledger"), "audit", "--at-rest", "--log", url(kBank), file("ledger")});
  const std::string log = said_by("bank"), open = "violation: I4 order open-1: still unknown";
  EXPECT_NE(log.find(open), std::string::npos) << log;
  EXPECT_EQ(log.find(open), log.rfind(open)) << "once";
  EXPECT_EQ(say_all({program("ledger"), "audit", file("no-such-ledger")}).status, 4);
  refused({"ledger"}, "usage: ledger audit");
}

TEST_F(PaymentServices, TheAuditKnowsAmountsAndRetriesUnderOtherNumbers) {
  start_bank();
  const auto said = [&](const std::string& what) {
    const std::string out = audit().out;
    EXPECT_NE(out.find(what), std::string::npos) << what << "\n" << out;
  };
  debit("A", "good-1", "good");
  post(kBank, "/screens", {{"purchase", "good"}, {"number", "good-1"}, {"state", "PAID"}, {"amount", 100}});
  // Four requests that came too late, each to a number that was closed: four requests, and no retry.
  for (const char* number : {"late-1", "late-2", "late-3", "late-4"}) {
    post(kBank, "/close", {{"channel", "A"}, {"number", number}});
    debit("A", number, "late");
  }
  EXPECT_EQ(audit().status, 0) << audit().out;

  post(kBank, "/debit", {{"channel", "A"}, {"number", "good-1"}, {"purchase", "good"}, {"amount", 9900}});
  said("I2 order good-1: paid is not what was asked for: 100, not 9900\n");
  post(kBank, "/screens", {{"purchase", "good"}, {"number", "good-1"}, {"state", "PAID"}, {"amount", 1}});
  said("I2 order good-1: paid is not what was shown: 100, not 1\n");
  for (const char* number : {"many-1", "many-2", "many-3", "many-4"}) debit("A", number, "many");
  said("I5 order many: more than 3 attempts reached the bank: 4\n");
  show("hasty", "hasty-1", "UNKNOWN");
  show("hasty", "hasty-2", "FAILED");
  said("I1 order hasty: shown under another number before 'not paid' was certain: hasty-1, then hasty-2\n");
}

TEST_F(PaymentServices, WhatIsMistypedIsRefused) {
  refused({"bank", "--leger", file("ledger")},
          "bank: there is no --leger; it takes --copy, --design, --ledger, --port");
  refused({"bank"}, "--ledger is required");
  refused({"bank", "--ledger"}, "--ledger needs a value");
  refused({"merchant", "--goods", file("goods"), "again"}, "'again'");
  refused({"sms", "--capacity", "6/s"}, "--capacity is a whole number from 0, not '6/s'");
  refused({"sms", "--port", "-1"}, "--port is a whole number from 0, not '-1'");
  refused({"sms", "--port", "70000"}, "--port is a number from 1 to 65535, not 70000");
  refused({"auth", "--sms", url(kSms), "--bank", "bank:8080"}, "--bank is http://HOST:PORT, not 'bank:8080'");
  refused({"merchant", "--design", "carefull", "--goods", file("goods")}, "careful or naive, not 'carefull'");
  refused({"cashier", "--channels", "http://pay"}, "--channels is NAME=http://HOST:PORT,…, not 'http://pay'");
  refused({"cashier", "--channels", ""}, "--channels is NAME=http://HOST:PORT,…, not ''");
  refused({"visitor", "--auth", url(kAuth), "--wants", "tea"}, "login or code, not 'tea'");
  refused({"shopper", "--casher", url(kCashier)}, "there is no --casher");
}

TEST_F(PaymentServices, WhoCannotServeSaysWhy) {
  const auto ends = [&](std::vector<std::string> argv, const std::string& why) {
    argv[0] = program(argv[0]);
    const auto said = say_all(argv);
    EXPECT_EQ(said.status, 1) << argv[0];
    EXPECT_NE(said.errors.find(why), std::string::npos) << said.errors;
  };
  ends({"bank", "--ledger", "/no/such/folder"}, "bank: /no/such/folder: unable to open database file");
  ends({"bank", "--ledger", write("no-ledger", std::string(4096, 'x'))},
       "no-ledger: PRAGMA journal_mode = WAL: file is not a database");
  start("sms", kSms, {"sms"});
  ends({"sms", "--port", std::to_string(kSms)}, "sms: port " + std::to_string(kSms) + " cannot be had");
}

TEST_F(PaymentServices, AnErrorOfTheMerchantIsNoListOfGoods) {
  start_bank();
  debit("A", "n1", "p1");
  httplib::Server broken;
  broken.Get("/goods", [](const httplib::Request&, httplib::Response& response) {
    response.status = 500;
    response.set_content(R"({"error": "disk full"})", "application/json");
  });
  ASSERT_TRUE(broken.bind_to_port("127.0.0.1", kMerchant));
  std::thread serving([&] { broken.listen_after_bind(); });
  const auto said = say_all({program("ledger"), "goods", "--merchant", url(kMerchant), file("ledger")});
  broken.stop();
  serving.join();
  EXPECT_EQ(said.status, 4) << said.out;
}

TEST_F(PaymentServices, ABalanceThatCannotBeReadIsNotZero) {
  const json kOpening = 100'000'000;
  start_bank();
  start("A", kA, {"channel", "--name", "A", "--orders", file("A"), "--bank", url(kBank)});
  for (const auto& [design, unreadable] : {std::pair{"careful", json("unavailable")}, std::pair{"naive", json(0)}}) {
    start("cashier", kCashier,
          {"cashier", "--design", design, "--orders", file("cashier"), "--witness", url(kBank), "--channels",
           "A=" + url(kA)});
    EXPECT_TRUE(eventually([&] { return get(kCashier, "/balance").second.value("balance", json(0)) == kOpening; }));
    kill("bank");
    EXPECT_EQ(get(kCashier, "/balance").second.at("balance"), unreadable) << design;
    start("bank", kBank);
    kill("cashier");
  }
}

TEST_F(PaymentServices, OfACrowdSoManyAreLetInAndTheOthersRefused) {
  start_bank();
  start("merchant", kMerchant, {"merchant", "--goods", file("goods")});
  start("A", kA, {"channel", "--name", "A", "--orders", file("A"), "--bank", url(kBank), "--merchant", url(kMerchant)});
  for (const std::string design : {"careful", "naive"}) {
    start("cashier", kCashier,
          {"cashier", "--design", design, "--orders", file("cashier"), "--witness", url(kBank), "--channels",
           "A=" + url(kA), "--merchant", url(kMerchant), "--campaign", "1"});
    int let_in = 0, refused = 0;
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; i++) {
      const Answer answer = get(kCashier, "/red-packet");
      let_in += answer.first == 200;
      refused += answer.first == 503 && state(answer) == "BUSY" && answer.second.dump().size() < 200;
    }
    const auto took = std::chrono::steady_clock::now() - begun;
    EXPECT_EQ(let_in + refused, 20) << design;
    // One a second, and one to begin with.
    const auto most = design == "naive" ? 20 : std::chrono::duration_cast<std::chrono::seconds>(took).count() + 2;
    EXPECT_LE(let_in, most) << design;
    EXPECT_GE(let_in, design == "naive" ? 20 : 1);
    EXPECT_TRUE(eventually([&] { return state(post(kCashier, "/pay", {{"purchase", design}})) == "PAID"; }));
    EXPECT_TRUE(eventually([&] { return state(post(kCashier, "/receipt", json::object())) == "RECEIVED"; }));
    kill("cashier");
  }
}

TEST_F(PaymentServices, ACodeIsSentOnceHoweverOftenSomebodyTaps) {
  start_bank();
  start("sms", kSms, {"sms", "--capacity", "100"});
  const auto sent = [&] { return get(kSms, "/sent").second.value("sent", 0); };
  for (const std::string design : {"careful", "naive"}) {
    start("auth", kAuth, {"auth", "--design", design, "--bank", url(kBank), "--sms", url(kSms)});
    const int before = sent();
    for (int i = 0; i < 3; i++)
      EXPECT_TRUE(eventually([&] { return state(post(kAuth, "/code", {{"person", design}})) == "SENT"; }));
    if (design == "careful") {
      EXPECT_EQ(sent(), before + 1);
    } else {
      EXPECT_GE(sent(), before + 3) << "each tap is one more, or two where the machine is busy";
    }
    EXPECT_EQ(say_all({program("visitor"), "--auth", url(kAuth), "--wants", "login"}).status, 0);
    EXPECT_EQ(say_all({program("visitor"), "--auth", url(kAuth), "--wants", "code"}).status, 0);
    if (design == "careful") {
      EXPECT_EQ(sent(), before + 2);
    }
    kill("auth");
  }
  start("auth", kAuth, {"auth", "--bank", url(kBank), "--sms", url(kSms)});
  kill("bank");
  EXPECT_EQ(post(kAuth, "/login", {{"person", "x"}}).first, 503) << "it is said, and soon";
}

TEST_F(PaymentServices, KilledAtAnyMomentTheyLoseNoAcknowledgedPayment) {
  start_bank();
  start("merchant", kMerchant, {"merchant", "--goods", file("goods")});
  for (const auto& [name, port] : {std::pair{"A", kA}, std::pair{"B", kB}})
    start(name, port,
          {"channel", "--name", name, "--orders", file(name), "--bank", url(kBank), "--merchant", url(kMerchant)});
  start("cashier", kCashier,
        {"cashier", "--orders", file("cashier"), "--witness", url(kBank), "--channels",
         "A=" + url(kA) + ",B=" + url(kB)});

  std::atomic<bool> stop{false};
  std::atomic<int> paid{0}, not_paid{0};
  const auto shop = [&](int shopper) {
    for (int n = 0; !stop; n++) {
      const std::string purchase = "p" + std::to_string(shopper) + "." + std::to_string(n);
      // Taps until it is clear, as somebody does who stands at the till.
      eventually([&] {
        const Answer answer = post(kCashier, "/pay", {{"purchase", purchase}});
        if (answer.first != 200) return false;
        const json& screen = answer.second;
        show(purchase, screen.at("number"), screen.at("state"), screen.at("text"), "shopper", screen.at("attempts"));
        (screen.at("state") == "PAID" ? paid : not_paid)++;
        return screen.at("state") == "PAID";
      });
    }
  };
  std::vector<std::thread> shoppers;
  for (int i = 0; i < 3; i++) shoppers.emplace_back(shop, i);

  const auto goes_on = [&] { return eventually([&, before = paid.load()] { return paid > before + 3; }); };
  EXPECT_TRUE(goes_on());
  const std::vector<std::pair<std::string, int>> all{
      {"bank", kBank}, {"A", kA}, {"cashier", kCashier}, {"merchant", kMerchant}, {"B", kB}};
  for (const auto& [name, port] : all) {
    kill(name);
    start(name, port);
    EXPECT_TRUE(goes_on()) << "after kill -9 of " << name;
  }
  stop = true;
  for (auto& thread : shoppers) thread.join();

  EXPECT_TRUE(eventually([&] { return get(kCashier, "/unknown").first == 200; })) << "orders without an outcome";
  // The last outcomes may still be on their way to those who were shown UNKNOWN.
  EXPECT_TRUE(eventually([&] { return audit().status == 0; })) << audit().out;
  const json found = json::parse(say_all({program("ledger"), "audit", "--json", file("ledger")}).out);
  EXPECT_GE(found.at("payments"), paid.load()) << "acknowledged, and not in the ledger";
  EXPECT_TRUE(eventually([&] { return get(kMerchant, "/goods").second.size() == found.at("payments"); }))
      << "payments that the merchant has not heard of";
  EXPECT_EQ(say_all({program("ledger"), "goods", "--merchant", url(kMerchant), file("ledger")}).out,
            "{\"more_than_once\":0,\"unpaid\":0,\"untold\":0}\n");
}

}  // namespace
}  // namespace faultline::test
