// What tests of the payment demo services stand on: the services as processes in a namespace of their own, started,
// killed with SIGKILL, started again, and asked over HTTP.
#pragma once

#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>

#include <filesystem>
#include <map>
#include <memory>

#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"

namespace faultline::test {

class PaymentBed : public testing::Test {
 protected:
  using json = nlohmann::json;

  void SetUp() override {
    if (!std::filesystem::exists(program("bank"))) GTEST_SKIP() << "built without the demo services";
  }

  static std::string program(const std::string& name) {
    return std::filesystem::path(binary()).parent_path() / "libexec/payment" / name;
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

 private:
  const NetNs ns_ = loopback_ns();
  const Inside inside_{ns_};
  TemporaryFolder folder_;
  std::map<std::string, std::vector<std::string>> commands_;
  std::map<std::string, std::unique_ptr<Command>> running_;
};

}  // namespace faultline::test
