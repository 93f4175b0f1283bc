// The kafka probe, against the cluster that librdkafka has for tests: brokers that listen, speak the protocol, and do
// wrong when told to.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/processes.h"

#if FAULTLINE_HAS_KAFKA
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace faultline::test {
namespace {

using Verdicts = std::map<std::string, int>;
using Given = std::vector<std::pair<const char*, probe::Value>>;

constexpr int kBrokers = 3;
constexpr std::int16_t kProduce = 0, kFetch = 1;  // requests, as the protocol numbers them

/// Three brokers on the loopback device of a namespace.
class ProbeKafka : public testing::Test {
 protected:
  ProbeKafka() {
    const Inside inside(ns_);
    char why[256];
    rd_kafka_conf_t* settings = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(settings, [](const rd_kafka_t*, int, const char*, const char*) {});
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, settings, why, sizeof why);
    cluster_ = rd_kafka_mock_cluster_new(client_, kBrokers);
    rd_kafka_mock_topic_create(cluster_, "faultline", kBrokers, kBrokers);
    brokers_ = rd_kafka_mock_cluster_bootstraps(cluster_);
  }
  ~ProbeKafka() override {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }

  probe::Probe kafka(const Given& given = {}) const {
    auto p = probe_of("kafka", brokers_);
    for (const auto& [key, value] : given) p.params.set(key, value);
    return p;
  }
  Verdicts six(const Given& given = {}) const {
    auto p = kafka(given);
    return verdicts(ask(p, ns_, 6 * p.every));
  }
  /// From now on an answer takes this long.
  void takes(int milliseconds) {
    for (int broker = 1; broker <= kBrokers; broker++) rd_kafka_mock_broker_set_rtt(cluster_, broker, milliseconds);
  }

  const NetNs ns_ = loopback_ns();
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::string brokers_;
};

TEST_F(ProbeKafka, AMessageComesBackFromEachPartition) {
  EXPECT_EQ(six(), (Verdicts{{"ok", 6}}));
  EXPECT_EQ(six({{"topic", std::string("faultline")}, {"acks", std::string("1")}}), (Verdicts{{"ok", 6}}));
  EXPECT_EQ(six({{"until", std::string("written")}}), (Verdicts{{"ok", 6}}));
}

TEST_F(ProbeKafka, NamesOfTheLabAreKnownAndOthersFoundOutBeforeTheRun) {
  auto p = kafka();
  const auto port = brokers_.substr(brokers_.rfind(':'));
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
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  };
  refuse(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_EQ(six(written), (Verdicts{{"kafka TOPIC_AUTHORIZATION_FAILED", 6}}));
  rd_kafka_mock_clear_request_errors(cluster_, kProduce);
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
  // The leader of one partition in three, and nobody takes over.
  for (int partition = 0; partition < kBrokers; partition++)
    rd_kafka_mock_partition_set_leader(cluster_, "faultline", partition, partition + 1);
  rd_kafka_mock_broker_set_down(cluster_, 2);
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

}  // namespace
}  // namespace faultline::test
#endif
