// The cluster that librdkafka has for tests: brokers that listen, speak the protocol, and do wrong when told to.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>

#include "injector/base/netns.h"

namespace faultline::test {

/// Three brokers on the loopback device of a namespace, with a topic that has a partition at each.
class KafkaCluster {
 public:
  static constexpr int kBrokers = 3;

  explicit KafkaCluster(const NetNs& ns) {
    const Inside inside(ns);
    char why[256];
    rd_kafka_conf_t* settings = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(settings, [](const rd_kafka_t*, int, const char*, const char*) {});
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, settings, why, sizeof why);
    cluster_ = rd_kafka_mock_cluster_new(client_, kBrokers);
    rd_kafka_mock_topic_create(cluster_, "faultline", kBrokers, kBrokers);
  }
  ~KafkaCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }
  KafkaCluster(const KafkaCluster&) = delete;
  KafkaCluster& operator=(const KafkaCluster&) = delete;

  /// "127.0.0.1:40001,127.0.0.1:40002,…"
  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  rd_kafka_mock_cluster_t* get() const { return cluster_; }
  /// Each partition has one leader for good: partition n broker n + 1.
  void part() const {
    for (int partition = 0; partition < kBrokers; partition++)
      rd_kafka_mock_partition_set_leader(cluster_, "faultline", partition, partition + 1);
  }

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace faultline::test
