// The home demo services (experiments/services/home), as processes: a command is done once, a hub that is killed loses
// no reading that it has acknowledged, and `ledger audit` finds what is wrong, and nothing else.
#include <chrono>

#include "tests/netns/services_bed.h"

namespace faultline::test {
namespace {

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class HomeServices : public ServicesBed {
 protected:
  HomeServices() : ServicesBed("home") {}

  void SetUp() override {
    ServicesBed::SetUp();
    if (IsSkipped()) return;
    broker_ = std::make_unique<Command>(std::vector<std::string>{
        "mosquitto", "-c", write("broker.conf", "listener 1883\nallow_anonymous true\npersistence false\n")});
    start("witness", kWitness, {"witness", "--ledger", file("ledger")});
    start("cloud-db", kDb, {"cloud-db", "--file", file("cloud")});
  }

  /// The cloud, the hub and the devices, around one broker that is both the cloud's and the hub's.
  void start_home(const std::string& design = "careful") {
    start("cloud-edge", kEdge, {"cloud-edge", "--broker", kBroker, "--db", url(kDb), "--design", design}, "/ready");
    start("hub", kHub,
          {"hub", "--store", file("hub"), "--witness", url(kWitness), "--broker", kBroker, "--cloud-broker", kBroker},
          "/ready");
    start("device", kDevices,
          {"device", "--state", file("devices"), "--witness", url(kWitness), "--hub-broker", kBroker, "--cloud-broker",
           kBroker, "--design", design},
          "/ready");
  }

  static void tell(const json& what) { EXPECT_EQ(post(kWitness, "/tell", json::array({what})).first, 200) << what; }
  static json command(const std::string& id, const std::string& device, std::int64_t age_us = 0) {
    return {{"id", id}, {"device", device}, {"action", "switch"}, {"issued", now_us() - age_us}};
  }

  Said audit() const { return say_all({program("ledger"), "audit", "--at-rest", "--db", url(kDb), file("ledger")}); }
  json figures() const {
    const Said said = say_all({program("ledger"), "audit", "--json", "--db", url(kDb), file("ledger")});
    return said.status == 0 ? json::parse(said.out) : json::object();
  }
  /// What the audit says of `what` (a rule or a figure); -1 when it cannot be had.
  std::int64_t found(const std::string& what) const { return figures().value(what, std::int64_t{-1}); }

  static constexpr int kWitness = 7100, kDb = 7101, kEdge = 7102, kHub = 7103, kDevices = 7104;
  static constexpr const char* kBroker = "127.0.0.1:1883";

 private:
  std::unique_ptr<Command> broker_;
};

TEST_F(HomeServices, ACommandIsDoneOnceAndNotWhenItIsOld) {
  start_home();
  const json twice = command("twice", "lamp-1");
  ASSERT_TRUE(eventually([&] { return post(kHub, "/command", twice).first == 200; }));
  EXPECT_EQ(post(kHub, "/command", twice).first, 200) << "it is told again that it is done";
  // Through the cloud, too, as when a phone gave one way up and took the other.
  EXPECT_EQ(post(kEdge, "/command", twice).first, 200);
  EXPECT_EQ(post(kHub, "/command", command("late", "lamp-2", 11'000'000)).first, 504);
  EXPECT_EQ(post(kDevices, "/switch/lamp-3", json::object()).first, 200) << "by hand";
  EXPECT_TRUE(eventually([&] { return found("commands") >= 2 && found("discarded") == 1; })) << figures();
  EXPECT_EQ(found("C1"), 0) << figures();
  EXPECT_EQ(found("C2"), 0) << figures();

  kill("device");  // and it remembers
  start("device", kDevices, {}, "/ready");
  EXPECT_EQ(post(kHub, "/command", twice).first, 200);
  EXPECT_EQ(post(kHub, "/command", command("another", "lamp-1")).first, 200);
  EXPECT_TRUE(eventually([&] { return found("commands") >= 3; })) << figures();
  EXPECT_EQ(found("C1"), 0) << figures();
}

TEST_F(HomeServices, TheNaiveDeviceDoesACommandAsOftenAsItComes) {
  start_home("naive");
  const json twice = command("twice", "lamp-1", 11'000'000);
  for (int i = 0; i < 2; i++)
    EXPECT_TRUE(eventually([&] { return post(kEdge, "/command", twice).first == 200; })) << "the same, and late";
  EXPECT_TRUE(eventually([&] { return found("C1") >= 1 && found("C2") >= 1; })) << figures();
}

TEST_F(HomeServices, AHubThatIsKilledLosesNoReadingThatItHasAcknowledged) {
  start_home();
  ASSERT_TRUE(eventually([&] { return found("arrived") > 0; })) << figures();
  const auto newest = [] {
    const Answer reading = get(kHub, "/reading/scale");
    return reading.first == 200 ? reading.second.at("seq").get<std::int64_t>() : -1;
  };
  for (int i = 0; i < 2; i++) {
    kill("cloud-edge");
    const auto before = newest();
    ASSERT_TRUE(eventually([&] { return newest() >= before + 2; })) << "the hub keeps on, without the cloud";
    kill("hub");
    start("hub", kHub);
    EXPECT_GE(newest(), before + 2) << "shown at home, too";
    start("cloud-edge", kEdge, {}, "/ready");
    // Others are taken meanwhile: there is an instant at which all have arrived.
    EXPECT_TRUE(eventually([&] {
      const json now = figures();
      return now.value("arrived", 0) >= 8 * (before + 2) && now.value("arrived", 0) == now.value("readings", -1);
    })) << figures();
  }
  for (const char* rule : {"R1", "R2", "R3"}) EXPECT_EQ(found(rule), 0) << rule << figures();
}

TEST_F(HomeServices, TheAuditSaysEachViolation) {
  const std::int64_t now = now_us(), second = 1'000'000;
  const auto applied = [&](const char* id, std::int64_t issued) {
    tell({{"kind", "applied"}, {"device", "lamp-1"}, {"command", id}, {"way", "lan"}, {"issued", issued}, {"at", now}});
  };
  const auto taken = [&](const char* device, int seq, std::int64_t at) {
    tell({{"kind", "taken"}, {"device", device}, {"seq", seq}, {"value", 70}, {"taken", at}});
  };
  const auto arrives = [&](const char* device, int seq, int value, std::int64_t at) {
    const json reading{{"device", device}, {"seq", seq}, {"value", value}, {"taken", at}};
    EXPECT_EQ(post(kDb, "/readings", json::array({reading})).first, 200);
  };
  const auto shown = [&](const char* id, const char* what, int ms) {
    tell({{"kind", "shown"}, {"device", "lamp-1"}, {"command", id}, {"what", what}, {"ms", ms}, {"at", now}});
  };
  const auto switched = [&](const char* who, std::int64_t at) {
    tell({{"kind", "switched"}, {"who", who}, {"towards", "local"}, {"at", at}});
  };
  const auto homes = [&](int failing, std::int64_t at) {
    tell({{"kind", "homes"}, {"known", 200}, {"failing", failing}, {"at", at}});
  };
  const auto recovered = [&](std::int64_t at) { tell({{"kind", "word"}, {"word", "recovered"}, {"at", at}}); };

  // What is well: within the limits, each of them.
  applied("good", now - 9 * second);
  shown("good", "done", 4900);
  shown("dark", "cloud unavailable", 3000);
  taken("scale", 1, now - 60 * second);
  arrives("scale", 1, 70, now - 60 * second);
  arrives("scale", 1, 70, now - 60 * second);
  taken("scale", 2, now);
  switched("hub", now - 100 * second);
  switched("phone", now - 99 * second);
  switched("hub", now - 69 * second);
  homes(2, now - 50 * second);
  recovered(now - 49 * second);
  const auto clean = audit();
  EXPECT_EQ(clean.out, "0 violations, 1 commands, 2 readings\n") << clean.errors;
  EXPECT_EQ(clean.status, 0);

  applied("twice", now);
  applied("twice", now);
  applied("stale", now - 20 * second);
  shown("ghost", "done", 10);
  shown("slow", "cloud unavailable", 6000);
  taken("lost", 1, now - 30 * second);
  taken("wrong", 1, now);
  arrives("wrong", 1, 71, now);
  taken("shifted", 1, now);
  arrives("shifted", 1, 70, now + 60 * second);
  arrives("tv-1", 2, 70, now);
  arrives("tv-1", 1, 70, now);
  switched("hub", now - 60 * second);
  homes(3, now - 40 * second);
  recovered(now - 39 * second);
  const auto said = audit();
  EXPECT_EQ(said.status, 1);
  for (const char* line :
       {"C1 lamp-1 twice: done so often: 2\n", "C2 lamp-1 stale: done so late, in s: 20.0\n",
        "C3 lamp-1 ghost: shown as done, and never done", "C4 lamp-1 slow: nothing was shown for so long, in s: 6.0\n",
        "R2 tv-1 1: arrived after number 2\n", "R3 wrong 1: has another value than it was taken with: 71\n",
        "R3 shifted 1: has a time that is so far from its own, in s: 60.0\n", "R4 lost 1: has not arrived",
        "M1 hub local at ", "S1 recovered at ", "10 violations, 3 commands, 5 readings\n"})
    EXPECT_NE(said.out.find(line), std::string::npos) << line << "\n" << said.out;
  EXPECT_EQ(found("violations"), 9) << "not at rest: the lost one may still arrive";

  // A database that writes down whatever comes.
  kill("cloud-db");
  start("cloud-db", kDb, {"cloud-db", "--file", file("cloud"), "--design", "naive"});
  arrives("scale", 1, 70, now - 60 * second);
  const auto again = audit();
  EXPECT_NE(again.out.find("R1 scale 1: arrived so often: 2\n"), std::string::npos) << again.out;
  EXPECT_NE(again.out.find("R3 scale 1: has a time that is so far from its own"), std::string::npos) << again.out;

  kill("cloud-db");
  EXPECT_EQ(audit().status, 4) << "what cannot be read is no audit";
}

TEST_F(HomeServices, WhatIsMistypedIsRefused) {
  refused({"ledger"}, "usage: ledger audit --db URL");
  refused({"ledger", "audit", "--db", "cloud-db:8080", file("ledger")},
          "--db is http://HOST:PORT, not 'cloud-db:8080'");
  refused({"phone", "--home", "hubles"}, "--home is hub or hubless, not 'hubles'");
  refused({"homes", "--witness", url(kWitness), "--broker", "cloud"}, "--broker is HOST:PORT, not 'cloud'");
  refused({"homes", "--witness", url(kWitness), "--broker", kBroker, "--first", "::1"},
          "--first is an IPv4 address, not '::1'");
}

}  // namespace
}  // namespace faultline::test
