// The payment demo services (experiments/services/payment), as processes: what they have said yes to survives kill -9
// of any of them, and `ledger audit` finds what is wrong with a ledger, and nothing else.
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"

namespace faultline::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class PaymentServices : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(program("bank"))) GTEST_SKIP() << "built without the demo services";
  }

  static std::string program(const std::string& name) {
    return fs::path(binary()).parent_path() / "libexec/payment" / name;
  }
  std::string file(const std::string& name) const { return folder_.path() / name; }
  static std::string url(int port) { return "http://127.0.0.1:" + std::to_string(port); }

  /// Starts one, or starts it again; `argv` is remembered. Waits until it answers.
  void start(const std::string& name, int port, std::vector<std::string> argv = {}) {
    if (!argv.empty()) {
      argv[0] = program(argv[0]);
      argv.insert(argv.end(), {"--port", std::to_string(port)});
      commands_[name] = argv;
    }
    running_[name] = std::make_unique<Command>(commands_.at(name));
    ASSERT_TRUE(eventually([&] { return get(port, "/health").first == 200; })) << name << running_[name]->errors();
  }
  std::string said_by(const std::string& name) const { return running_.at(name)->out(); }
  void kill(const std::string& name) {
    running_.at(name)->signal(SIGKILL);
    running_.at(name)->wait(10 * kSecond);
  }

  using Answer = std::pair<int, json>;  ///< status 0: none
  static Answer answer_of(const httplib::Result& result) {
    return result ? Answer{result->status, json::parse(result->body, nullptr, false)} : Answer{0, json()};
  }
  static Answer get(int port, const std::string& path) {
    httplib::Client client("127.0.0.1", port);
    return answer_of(client.Get(path));
  }
  static Answer post(int port, const std::string& path, const json& body) {
    httplib::Client client("127.0.0.1", port);
    return answer_of(client.Post(path, body.dump(), "application/json"));
  }
  static std::string state(const Answer& answer) {
    return answer.second.is_object() ? answer.second.value("state", "") : "";
  }
  static std::string debit(const std::string& channel, const std::string& number, const std::string& purchase) {
    return state(
        post(kBank, "/debit", {{"channel", channel}, {"number", number}, {"purchase", purchase}, {"amount", 100}}));
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

 private:
  const NetNs ns_ = loopback_ns();
  const Inside inside_{ns_};
  TemporaryFolder folder_;
  std::map<std::string, std::vector<std::string>> commands_;
  std::map<std::string, std::unique_ptr<Command>> running_;
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
  EXPECT_EQ(say_all({program("ledger")}).status, 3);
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
