// What tests of the demo services stand on: the services of one demo as processes in a namespace of their own, started,
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

class ServicesBed : public testing::Test {
 protected:
  using json = nlohmann::json;

  /// `demo`: "payment", a folder of experiments/services.
  explicit ServicesBed(std::string demo) : demo_(std::move(demo)) {}

  void SetUp() override {
    if (!std::filesystem::exists(program("ledger"))) GTEST_SKIP() << "built without the demo services";
  }

  std::string program(const std::string& name) const {
    return std::filesystem::path(binary()).parent_path() / "libexec" / demo_ / name;
  }
  std::string file(const std::string& name) const { return folder_.path() / name; }
  std::string write(const std::string& name, const std::string& text) const { return folder_.write(name, text); }
  static std::string url(int port) { return "http://127.0.0.1:" + std::to_string(port); }

  /// Starts one, or starts it again; `argv`, a program and its options, is remembered. Waits until it answers at
  /// `ready`.
  void start(const std::string& name, int port, std::vector<std::string> argv = {},
             const std::string& ready = "/health") {
    if (!argv.empty()) {
      argv[0] = program(argv[0]);
      argv.insert(argv.end(), {"--port", std::to_string(port)});
      commands_[name] = argv;
    }
    running_[name] = std::make_unique<Command>(commands_.at(name));
    ASSERT_TRUE(eventually([&] { return get(port, ready).first == 200; })) << name << running_[name]->errors();
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

  /// A command line that is refused, and says why.
  void refused(std::vector<std::string> argv, const std::string& why) const {
    argv[0] = program(argv[0]);
    const auto said = say_all(argv);
    EXPECT_EQ(said.status, 2) << argv[0];
    EXPECT_NE(said.errors.find(why), std::string::npos) << said.errors;
  }

 private:
  const std::string demo_;
  const NetNs ns_ = loopback_ns();
  const Inside inside_{ns_};
  TemporaryFolder folder_;
  std::map<std::string, std::vector<std::string>> commands_;
  std::map<std::string, std::unique_ptr<Command>> running_;
};

}  // namespace faultline::test
