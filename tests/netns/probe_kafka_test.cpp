// The kafka probe, against the cluster that librdkafka has for tests.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <thread>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/toy_dns.h"

#if FAULTLINE_HAS_KAFKA
#include "tests/netns/kafka_bed.h"

namespace faultline::test {
namespace {

using Given = std::vector<std::pair<const char*, probe::Value>>;

constexpr int kBrokers = KafkaCluster::kBrokers;
constexpr std::int16_t kProduce = 0, kFetch = 1;  // requests, as the protocol numbers them

class ProbeKafka : public testing::Test {
 protected:
  probe::Probe kafka(const Given& given = {}) const {
    auto p = probe_of("kafka", cluster_.brokers());
    for (const auto& [key, value] : given) p.params.set(key, value);
    return p;
  }
  Verdicts six(const Given& given = {}) const {
    auto p = kafka(given);
    return verdicts(ask(p, ns_, 6 * p.every));
  }
  /// From now on an answer takes this long.
  void takes(int milliseconds) {
    for (int broker = 1; broker <= kBrokers; broker++)
      rd_kafka_mock_broker_set_rtt(cluster_.get(), broker, milliseconds);
  }

  const NetNs ns_ = loopback_ns();
  const KafkaCluster cluster_{ns_};
};

TEST_F(ProbeKafka, AMessageComesBackFromEachPartition) {
  EXPECT_EQ(six(), (Verdicts{{"ok", 6}}));
  EXPECT_EQ(six({{"topic", std::string("faultline")}, {"acks", std::string("1")}}), (Verdicts{{"ok", 6}}));
  EXPECT_EQ(six({{"until", std::string("written")}}), (Verdicts{{"ok", 6}}));
}

TEST_F(ProbeKafka, NamesOfTheLabAreKnownAndOthersFoundOutBeforeTheRun) {
  auto p = kafka();
  const std::string brokers = cluster_.brokers();
  const auto port = brokers.substr(brokers.rfind(':'));
  p.params.set("kafka", "queue" + port);
  EXPECT_EQ(verdicts(ask(p, ns_, 3 * p.every, {{"queue", "127.0.0.1"}})), (Verdicts{{"ok", 3}}));
  try {
    ask(p, ns_, 3 * p.every);
    ADD_FAILURE() << "it ran";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::cannot_run);
  }
}

TEST_F(ProbeKafka, WhatTheClusterRefusesIsNamed) {
  const Given written{{"until", std::string("written")}};
  const auto refuse = [&](std::int16_t request, rd_kafka_resp_err_t error) {
    const std::vector<rd_kafka_resp_err_t> errors(20, error);
    rd_kafka_mock_push_request_errors_array(cluster_.get(), request, errors.size(), errors.data());
  };
  refuse(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_EQ(six(written), (Verdicts{{"kafka TOPIC_AUTHORIZATION_FAILED", 6}}));
  rd_kafka_mock_clear_request_errors(cluster_.get(), kProduce);
  EXPECT_EQ(six(written), (Verdicts{{"ok", 6}}));
  // What may be read is another thing than what may be written.
  auto p = kafka();
  p.timeout = kSecond;
  refuse(kFetch, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_TRUE(verdicts(ask(p, ns_, 6 * p.every)).contains("kafka TOPIC_AUTHORIZATION_FAILED"));
}

TEST_F(ProbeKafka, NobodyThereIsATimeoutThatSaysWhy) {
  auto p = probe_of("kafka", std::string("127.0.0.1:1"));
  p.timeout = 500 * kMillisecond;
  const auto samples = ask(p, ns_, 3 * p.every);
  EXPECT_EQ(verdicts(samples), (Verdicts{{"timeout", 3}})) << "a client of Kafka goes on trying";
  ASSERT_TRUE(std::any_of(samples.begin(), samples.end(), [](const probe::Sample& s) { return s.said != nullptr; }));
  for (const auto& sample : samples)
    if (sample.said) {
      EXPECT_NE(sample.said->output.find("Connection refused"), std::string::npos) << sample.said->output;
    }
}

TEST_F(ProbeKafka, WhatComesTooLateIsATimeoutAndAfterThatAllIsWell) {
  auto p = kafka();
  p.every = 100 * kMillisecond;
  p.timeout = 2 * kSecond;
  Samples samples;
  probe::Prober prober(p, 0, {&ns_, "", {}}, nullptr, samples.sink());
  const Ns epoch = monotonic_now() + 10 * kMillisecond;
  prober.start(epoch, 3600 * kSecond);
  const auto count = [&](const char* what) { return verdicts(samples.all())[what]; };
  EXPECT_TRUE(eventually([&] { return count("ok") > 3; }));
  EXPECT_EQ(count("timeout"), 0);
  takes(20'000);
  EXPECT_TRUE(eventually([&] { return count("timeout") > 3; }));
  takes(0);
  const int before = count("ok");
  EXPECT_TRUE(eventually([&] { return count("ok") > before + 20; }));
  prober.finish();
  EXPECT_EQ(prober.failure(), "");
  const auto all = verdicts(samples.all());
  EXPECT_EQ(all.size(), 2u) << "ok and timeout";
}

TEST_F(ProbeKafka, ABrokerThatIsGoneTakesItsPartitionsWithIt) {
  auto p = kafka();
  p.timeout = 5 * kSecond;
  cluster_.part();  // the leader of one partition in three is gone, and nobody takes over
  rd_kafka_mock_broker_set_down(cluster_.get(), 2);
  const auto samples = ask(p, ns_, 30 * p.every);
  int ok = 0;
  for (const auto& sample : samples) {
    if (sample.due / p.every % kBrokers == 1) {
      EXPECT_EQ(sample.error, "timeout") << sample.due / p.every;
    } else {
      ok += sample.ok ? 1 : 0;
    }
  }
  EXPECT_GE(ok, 10) << "two of three partitions are well";
}

/// The thread that calls it, and those that it begins, have their names from `server`.
void look_names_up_at(const std::string& server, const TemporaryFolder& folder) {
  check("make a mount namespace", unshare(CLONE_NEWNS));
  check("keep mounts here", mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  const std::string file = folder.write("resolv.conf", "nameserver " + server + "\n").string();
  check("put a resolv.conf there", mount(file.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr));
}

TEST_F(ProbeKafka, ANameServerThatFallsSilentHoldsUpNoEnd) {
  const TemporaryFolder folder;
  Ns took = 0;
  std::thread([&] {
    look_names_up_at("127.0.0.53", folder);
    auto names = std::make_unique<ToyDns>(ns_, "127.0.0.53");
    names->answer("127.0.0.1");
    auto p = probe_of("kafka", std::string("queue.example:1"));  // where nobody listens: it is looked up each second
    p.every = 100 * kMillisecond;
    p.timeout = kSecond;
    Samples samples;
    probe::Prober prober(p, 0, {&ns_, "", {}}, nullptr, samples.sink());
    prober.start(monotonic_now(), 3600 * kSecond);
    EXPECT_TRUE(eventually([&] { return !samples.all().empty(); }));
    EXPECT_GT(names->asked(), 0);
    names.reset();
    const Fd silent = bound_socket(ns_, SOCK_DGRAM, address("127.0.0.53", 53));
    EXPECT_TRUE(eventually([&] {  // it has just been asked, and the answer is waited for
      char byte;
      return recv(silent.get(), &byte, 1, MSG_DONTWAIT) > 0;
    }));
    const Ns before = monotonic_now();
    prober.abort();
    took = monotonic_now() - before;
  }).join();
  EXPECT_LT(took, 4 * kSecond) << "the C library alone waits for 10 s";
}

}  // namespace
}  // namespace faultline::test
#endif
