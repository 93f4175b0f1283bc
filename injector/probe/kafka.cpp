// The kafka probe: a message that is written to a topic, and read back from it. librdkafka has the protocol and threads
// of its own; it tells our loop by an eventfd that there is something to take, and never makes it wait. Producer and
// consumer live as long as the probe, as a service's do: how they find their way around a broker that is gone is a part
// of what users notice.
#include <fmt/format.h>
#include <netdb.h>
#include <resolv.h>

#include <array>
#include <atomic>
#include <charconv>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/kinds.h"
#include "injector/probe/library.h"

#if FAULTLINE_HAS_KAFKA
#include <librdkafka/rdkafka.h>
#include <sys/eventfd.h>
#endif

namespace faultline::probe {
namespace {

/// "10.0.1.10:9092,10.0.1.11:9092", taken apart.
std::vector<std::string> brokers_of(const std::string& text) {
  std::vector<std::string> brokers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::size_t first = std::min(text.find_first_not_of(' ', at), end);
    brokers.push_back(text.substr(first, end - first));
    at = end + 1;
  }
  return brokers;
}

#if FAULTLINE_HAS_KAFKA

/// librdkafka allows no less between the longest wait of a fetch and the time after which a connection is given up.
constexpr std::int64_t kFetchWait = 500, kBeyondFetch = 1000;  // ms

struct Ends {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_conf_t* settings) const { rd_kafka_conf_destroy(settings); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
template <class T>
using Held = std::unique_ptr<T, Ends>;

/// What an error is called in the record.
std::string name_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return "timeout";
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return "overload";
    default: {
      std::string_view name = rd_kafka_err2name(error);
      if (name.starts_with('_')) name.remove_prefix(1);  // librdkafka's own
      return fmt::format("kafka {}", name);
    }
  }
}

class Kafka : public Asker {
 public:
  explicit Kafka(const Setting& s)
      : reads_(s.probe.params.text("until") == "read"), loop_(s.loop), verdict_(s.verdict), names_(s.from.names) {
    for (const auto& broker : brokers_of(s.probe.subject())) {
      const auto endpoint = read_endpoint(broker);
      if (!endpoint)
        throw Failure(Exit::invalid, fmt::format("probe \"{}\": \"{}\" is not \"host:port\"", s.probe.name, broker));
      resolve(s.probe.name, endpoint->host, endpoint->port, names_);  // else it is found out before the run
    }
    std::random_device random;
    name_ = fmt::format("faultline-{:08x}-", random());
    bell_ = Fd(static_cast<int>(check("make an eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
    const std::string topic = s.probe.params.text("topic");
    producer_ = start(s, RD_KAFKA_PRODUCER);
    Held<rd_kafka_queue_t> main(rd_kafka_queue_get_main(producer_.get()));
    ring_for(main.get());
    written_ = open(producer_.get(), topic);
    if (reads_) {
      consumer_ = start(s, RD_KAFKA_CONSUMER);
      Held<rd_kafka_queue_t> errors(rd_kafka_queue_get_main(consumer_.get()));
      ring_for(errors.get());
      read_ = open(consumer_.get(), topic);
      come_.reset(rd_kafka_queue_new(consumer_.get()));
      ring_for(come_.get());
    }
    // What came before a queue had the bell has not rung it, and librdkafka rings only for a queue that was empty:
    // nothing that comes later would ring either. So it is looked at once.
    check("ring", eventfd_write(bell_.get(), 1));
    loop_.watch(bell_.get(), EPOLLIN, [this](std::uint32_t) { drain(); });
  }
  ~Kafka() override {
    ending_ = true;
    loop_.unwatch(bell_.get());
    for (const auto partition : followed_) rd_kafka_consume_stop(read_.get(), partition);
    // What was not sent is not sent any more: else ending would wait for it.
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }

  void ask(std::uint64_t n, Ns) override {
    const std::string message = name_ + std::to_string(n);
    asked_[n] = {};
    if (rd_kafka_produce(written_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(message.data()),
                         message.size(), nullptr, 0, as_pointer(n)) != 0)
      done(n, name_of(rd_kafka_last_error()));
  }

  std::shared_ptr<const Heard> heard(std::uint64_t n) override {
    return asked_.contains(n) ? kept(complaint_) : nullptr;
  }
  void forget(std::uint64_t n) override { asked_.erase(n); }

 private:
  struct Asked {
    std::optional<std::int32_t> partition;  ///< once it is written there, and is to be read
  };

  // A request's number goes with its message; 0 would be no pointer.
  static void* as_pointer(std::uint64_t n) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(n + 1)); }
  static std::uint64_t number_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) - 1; }

  Held<rd_kafka_t> start(const Setting& s, rd_kafka_type_t type) {
    const std::int64_t timeout = std::max<std::int64_t>(s.probe.timeout / kMillisecond, 1);
    std::string brokers;
    for (const auto& broker : brokers_of(s.probe.subject())) brokers += (brokers.empty() ? "" : ",") + broker;
    std::vector<std::pair<const char*, std::string>> settings{
        {"bootstrap.servers", brokers},
        {"client.id", "faultline"},
        // A connection is given up after as long as the probe gives up a request, and is tried again every second: the
        // time until all is well again is to be the cluster's.
        {"socket.timeout.ms", std::to_string(std::max(timeout, kFetchWait + kBeyondFetch))},
        {"reconnect.backoff.max.ms", "1000"},
        {"topic.metadata.refresh.fast.interval.ms", "100"}};
    if (type == RD_KAFKA_PRODUCER) {
      settings.insert(
          settings.end(),
          {{"linger.ms", "0"}, {"message.timeout.ms", std::to_string(timeout)}, {"acks", s.probe.params.text("acks")}});
    } else {
      settings.insert(settings.end(), {{"fetch.wait.max.ms", std::to_string(kFetchWait)},
                                       {"fetch.error.backoff.ms", "100"},
                                       {"enable.auto.commit", "false"},
                                       {"auto.offset.reset", "latest"}});
    }
    Held<rd_kafka_conf_t> conf(rd_kafka_conf_new());
    std::array<char, 512> why{};
    for (const auto& [key, value] : settings)
      if (rd_kafka_conf_set(conf.get(), key, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
        throw std::runtime_error(fmt::format("set up librdkafka: {}", why.data()));
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
    rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int error, const char* reason, void* self) {
      auto& kafka = *static_cast<Kafka*>(self);  // that all brokers are down says less than what came before
      if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || kafka.complaint_.empty()) kafka.complain(reason);
    });
    rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
      static_cast<Kafka*>(self)->delivered(*message);
    });
    // Names of the lab, for what brokers call themselves too. Called by librdkafka's threads.
    rd_kafka_conf_set_resolve_cb(
        conf.get(), [](const char* node, const char* service, const addrinfo* hints, addrinfo** found, void* self) {
          if (node == nullptr) return freeaddrinfo(*found), 0;
          const auto& kafka = *static_cast<const Kafka*>(self);
          if (kafka.ending_) return EAI_FAIL;
          // Ending waits for each thread, and none can be told to give up a name server that says nothing.
          if ((_res.options & RES_INIT) == 0 && res_ninit(&_res) != 0) return EAI_FAIL;
          _res.retrans = 1;
          _res.retry = 1;
          const auto& names = kafka.names_;
          const auto known = names.find(node);
          return getaddrinfo(known == names.end() ? node : known->second.c_str(), service, hints, found);
        });
    Held<rd_kafka_t> client(rd_kafka_new(type, conf.get(), why.data(), why.size()));
    if (!client) throw std::runtime_error(fmt::format("start librdkafka: {}", why.data()));
    static_cast<void>(conf.release());  // it is the client's now
    return client;
  }

  static Held<rd_kafka_topic_t> open(rd_kafka_t* client, const std::string& name) {
    rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(client);
    // All partitions in turn, whether or not they have a leader now: each broker's share of a fault shows.
    rd_kafka_topic_conf_set_partitioner_cb(
        conf, [](const rd_kafka_topic_t*, const void*, std::size_t, std::int32_t count, void*, void* n) {
          return static_cast<std::int32_t>(number_of(n) % static_cast<std::uint64_t>(count));
        });
    Held<rd_kafka_topic_t> topic(rd_kafka_topic_new(client, name.c_str(), conf));
    if (!topic) throw std::runtime_error(fmt::format("open a topic: {}", rd_kafka_err2str(rd_kafka_last_error())));
    return topic;
  }

  void ring_for(rd_kafka_queue_t* queue) const {
    static constexpr std::uint64_t kOne = 1;
    rd_kafka_queue_io_event_enable(queue, bell_.get(), &kOne, sizeof kOne);
  }

  /// All that has come: librdkafka rings only for a queue that was empty.
  void drain() {
    std::uint64_t rings;
    [[maybe_unused]] const ssize_t drained = ::read(bell_.get(), &rings, sizeof rings);
    while (rd_kafka_poll(producer_.get(), 0) > 0) {
    }
    if (!reads_) return;
    while (rd_kafka_poll(consumer_.get(), 0) > 0) {
    }
    while (const Held<rd_kafka_message_t> message{rd_kafka_consume_queue(come_.get(), 0)}) came(*message);
  }

  void delivered(const rd_kafka_message_t& message) {
    const std::uint64_t n = number_of(message._private);
    const auto it = asked_.find(n);
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return done(n, name_of(message.err));
    if (!reads_) return done(n, "");
    // A partition is read from the first message that we wrote to it.
    if (followed_.insert(message.partition).second)
      rd_kafka_consume_start_queue(read_.get(), message.partition, message.offset, come_.get());
    if (it != asked_.end()) it->second.partition = message.partition;
  }

  void came(const rd_kafka_message_t& message) {
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {  // what was to be read there is not
      complain(rd_kafka_message_errstr(&message));
      std::vector<std::uint64_t> lost;
      for (const auto& [n, asked] : asked_)
        if (asked.partition == message.partition) lost.push_back(n);
      for (const auto n : lost) done(n, name_of(message.err));
      return;
    }
    const std::string_view text(static_cast<const char*>(message.payload), message.len);
    if (!text.starts_with(name_)) return;  // another's
    std::uint64_t n = 0;
    const std::string_view number = text.substr(name_.size());
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), n);
    if (error == std::errc() && end == number.data() + number.size()) done(n, "");
  }

  void complain(const char* reason) { complaint_ = reason != nullptr ? reason : ""; }

  void done(std::uint64_t n, std::string error) {
    const Ns at = monotonic_now();
    if (error.empty()) complaint_.clear();
    auto said = error.empty() ? nullptr : heard(n);
    if (asked_.erase(n) != 0) verdict_(n, at, std::move(error), std::move(said));
  }

  const bool reads_;
  EventLoop& loop_;
  Verdict verdict_;
  const std::map<std::string, std::string> names_;
  std::string name_;
  Fd bell_;
  std::atomic<bool> ending_ = false;  // no name is looked up any more
  Held<rd_kafka_t> producer_, consumer_;
  Held<rd_kafka_topic_t> written_, read_;
  Held<rd_kafka_queue_t> come_;
  std::set<std::int32_t> followed_;  // partitions that are read
  std::unordered_map<std::uint64_t, Asked> asked_;
  std::string complaint_;  // what librdkafka said last, since all was well; the same again it does not say
};

std::unique_ptr<Asker> make_kafka(const Setting& setting) { return std::make_unique<Kafka>(setting); }

#endif

/// "host:port", or several.
Read<std::string> read_brokers(const std::string& text) {
  std::string all;
  for (const auto& broker : brokers_of(text)) {
    auto read = read_host_and_port(broker);
    if (!read.value) return read;
    all += (all.empty() ? "" : ",") + *read.value;
  }
  return {all, {}, {}};
}

Read<std::string> read_kafka_topic(const std::string& text) {
  const bool fits = !text.empty() && text.size() <= 249 && text != "." && text != ".." &&
                    text.find_first_not_of(
                        "0123456789abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-") == std::string::npos;
  return fits ? Read<std::string>{text, {}, {}} : unfit(text, "a topic of Kafka");
}

}  // namespace

Kind kinds::kafka() {
  return {
    .subject = {.name = "kafka",
                .type = ValueType::text,
                .doc = "The host and the port of a broker, or of several with commas between them.",
                .example = "\"10.0.1.10:9092\"",
                .read = read_brokers,
                .hint = "write kafka = \"10.0.1.10:9092\" or \"10.0.1.10:9092,10.0.1.11:9092\""},
    .keys = {{.name = "topic",
              .type = ValueType::text,
              .doc = "The topic that messages are written to, each partition in turn.",
              .example = "\"shop.probe\"",
              .fallback = "faultline",
              .read = read_kafka_topic},
             {.name = "acks",
              .type = ValueType::choice,
              .doc = "Who has a message when it counts as written: all replicas in sync, or the leader alone.",
              .example = "\"1\"",
              .fallback = "all",
              .choices = {"all", "1"}},
             {.name = "until",
              .type = ValueType::choice,
              .doc = "When a request is well: once its message was read back, or already once it is written.",
              .example = "\"written\"",
              .fallback = "read",
              .choices = {"read", "written"}}},
    .request = "a message that is written to the topic, and read back",
    .option = "Send a message through this Kafka meanwhile", .value = "HOST:PORT",
#if FAULTLINE_HAS_KAFKA
    .make = make_kafka,
#else
    .make = make_none,
#endif
    .errors = {
      {"kafka NOT_ENOUGH_REPLICAS", true}
    }
  };
}

}  // namespace faultline::probe
