// The grpc and mqtt probes, against a gRPC server and a mosquitto.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/authority.h"
#include "tests/harness/command.h"
#include "tests/harness/nginx.h"
#include "tests/harness/processes.h"
#include "tests/harness/refusal.h"

namespace faultline::test {
namespace {

using Given = std::vector<std::pair<const char*, probe::Value>>;

Verdicts four(const NetNs& ns, const char* kind, const std::string& subject, const Given& given,
              Ns every = 50 * kMillisecond) {
  auto p = probe_of(kind, subject);
  for (const auto& [key, value] : given) p.params.set(key, value);
  p.every = every;
  return verdicts(ask(p, ns, 4 * p.every));
}

// ---- gRPC ----

/// etcd is a server of gRPC with the health service. What a service that is not well says comes from nginx.
class ProbeGrpc : public testing::Test {
 protected:
  static Verdicts health(const NetNs& ns, const std::string& service, const std::string& server) {
    Given given;
    if (!service.empty()) given.emplace_back("service", service);
    return four(ns, "grpc", server, given);
  }
  const NetNs ns_ = loopback_ns();
  const TemporaryFolder folder_;
};

TEST_F(ProbeGrpc, AServiceIsServingOrNotThere) {
  const std::string url = "http://127.0.0.1:2379";
  const auto etcd = start_in(ns_, {"etcd", "--data-dir", folder_.path() / "data", "--listen-client-urls", url,
                                   "--advertise-client-urls", url, "--listen-peer-urls", "http://127.0.0.1:2380"});
  ASSERT_TRUE(eventually([&] { return health(ns_, "", url).contains("ok"); })) << etcd->errors();
  EXPECT_EQ(health(ns_, "", url), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(health(ns_, "shop.Payments", url), (Verdicts{{"grpc NOT_FOUND", 4}}));
  etcd->signal(SIGKILL);
  etcd->wait(5 * kSecond);
  EXPECT_EQ(health(ns_, "", url), (Verdicts{{"refused", 4}}));
}

TEST_F(ProbeGrpc, AnAnswerIsHealthOrTheErrorSaysWhatItIs) {
  folder_.write("well", std::string("\0\0\0\0\2\x08\1", 7));
  folder_.write("ill", std::string("\0\0\0\0\2\x08\2", 7));
  folder_.write("unknown", std::string("\0\0\0\0\0", 5));
  folder_.write("odd", std::string("\0\0\0\0\2\x0a\0", 7));
  std::string servers;
  for (const auto& [port, answer, status] :
       std::vector<std::tuple<int, std::string, std::string>>{{8081, "well", "0"},
                                                              {8082, "ill", "0"},
                                                              {8083, "unknown", "0"},
                                                              {8084, "odd", "0"},
                                                              {8085, "well", "14"},
                                                              {8086, "well", "99"}})
    servers += fmt::format(
        "server {{ listen 127.0.0.1:{0} http2; root {1}; error_page 405 =200 /{2}; default_type application/grpc;\n"
        "location /grpc.health.v1.Health/ {{ return 405; }}\nlocation / {{ add_header grpc-status {3} always; }} }}\n",
        port, folder_.path().string(), answer, status);
  servers += "server { listen 127.0.0.1:8087 http2; return 200 hello; }\n";
  std::filesystem::permissions(folder_.path(),
                               std::filesystem::perms::others_read | std::filesystem::perms::others_exec,
                               std::filesystem::perm_options::add);
  const auto nginx = start_nginx(ns_, folder_, servers);
  const auto from = [&](int port) { return health(ns_, "", fmt::format("http://127.0.0.1:{}", port)); };
  ASSERT_TRUE(eventually([&] { return from(8081).contains("ok"); })) << nginx->errors();
  EXPECT_EQ(from(8082), (Verdicts{{"health NOT_SERVING", 4}}));
  EXPECT_EQ(from(8083), (Verdicts{{"health UNKNOWN", 4}}));
  EXPECT_EQ(from(8084), (Verdicts{{"protocol", 4}}));
  EXPECT_EQ(from(8085), (Verdicts{{"grpc UNAVAILABLE", 4}}));
  EXPECT_EQ(from(8086), (Verdicts{{"protocol", 4}}));
  EXPECT_EQ(from(8087), (Verdicts{{"protocol", 4}})) << "HTTP, and no gRPC";
  stop_nginx(*nginx);
}

// ---- MQTT ----

class ProbeMqtt : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(eventually([&] { return messages({}).contains("ok"); })) << broker_->errors();
  }
  Verdicts messages(const Given& given, const std::string& broker = "127.0.0.1:1883", Ns every = 50 * kMillisecond) {
    return four(ns_, "mqtt", broker, given, every);
  }
  static std::string config(const TemporaryFolder& folder) {
    const auto passwords = folder.write("passwords", "meter:sesame\n");
    const Said made = say_all({"mosquitto_passwd", "-U", passwords.string()});
    EXPECT_EQ(made.status, 0) << made.errors;
    const auto rules =
        folder.write("rules", "topic readwrite open/#\ntopic write lost\nuser meter\ntopic readwrite #\n");
    return folder
        .write("mosquitto.conf",
               fmt::format("per_listener_settings true\nlistener 1883 127.0.0.1\nallow_anonymous true\n"
                           "listener 1883 ::1\nallow_anonymous true\n"
                           "listener 1884 127.0.0.1\nallow_anonymous false\npassword_file {}\n"
                           "listener 1885 127.0.0.1\nallow_anonymous true\nacl_file {}\n",
                           passwords.string(), rules.string()))
        .string();
  }
  const NetNs ns_ = loopback_ns();
  const TemporaryFolder folder_;
  std::unique_ptr<Command> broker_ = start_in(ns_, {"mosquitto", "-c", config(folder_)});
};

TEST_F(ProbeMqtt, AMessageComesBack) {
  for (const std::int64_t qos : {0, 1}) {
    EXPECT_EQ(messages({{"qos", qos}}), (Verdicts{{"ok", 4}})) << qos;
    EXPECT_EQ(messages({{"qos", qos}, {"topic", std::string("shop/probe")}}), (Verdicts{{"ok", 4}})) << qos;
    EXPECT_EQ(messages({{"qos", qos}, {"reuse", true}}, "127.0.0.1:1883", 250 * kMillisecond), (Verdicts{{"ok", 4}}));
  }
  EXPECT_EQ(messages({}, "[::1]:1883"), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeMqtt, AtItsTopicAndItsQuality) {
  const auto heard = start_in(ns_, {"mosquitto_sub", "-h", "127.0.0.1", "-t", "shop/#", "-q", "1", "-F", "%q %t"});
  ASSERT_TRUE(eventually([&] {
    messages({{"topic", std::string("shop/probe")}, {"qos", std::int64_t{1}}});
    return heard->out().find("1 shop/probe/faultline-") != std::string::npos;
  })) << heard->out();
}

TEST_F(ProbeMqtt, TheBrokersRefusalsAreNamed) {
  const std::string guarded = "127.0.0.1:1884";
  EXPECT_EQ(messages({}, guarded), (Verdicts{{"login", 4}}));
  EXPECT_EQ(messages({{"username", std::string("meter")}, {"password", std::string("guess")}}, guarded),
            (Verdicts{{"login", 4}}));
  EXPECT_EQ(messages({{"username", std::string("meter")}, {"password", std::string("sesame")}}, guarded),
            (Verdicts{{"ok", 4}}));
  EXPECT_EQ(messages({{"topic", std::string("open")}}, "127.0.0.1:1885"), (Verdicts{{"ok", 4}}));
  broker_->signal(SIGKILL);
  broker_->wait(5 * kSecond);
  EXPECT_EQ(messages({}), (Verdicts{{"refused", 4}}));
}

TEST_F(ProbeMqtt, AWillIsToldOfASessionThatWasGivenUpAndOfNoOther) {
  const auto heard = start_in(ns_, {"mosquitto_sub", "-h", "127.0.0.1", "-t", "lost", "-t", "sign", "-v"});
  const Given with_will{{"will.topic", std::string("lost")}, {"will.message", std::string("meter is gone")}};
  // Nobody may publish here, so the message never comes back.
  Given silent = with_will;
  silent.emplace_back("topic", std::string("closed"));
  ASSERT_TRUE(eventually([&] {  // until the listener is there
    say_all({"nsenter", fmt::format("--net=/proc/{}/fd/{}", getpid(), ns_.fd()), "mosquitto_pub", "-h", "127.0.0.1",
             "-t", "sign", "-m", "here"});
    return heard->out().find("sign here") != std::string::npos;
  }));
  EXPECT_EQ(messages(with_will), (Verdicts{{"ok", 4}}));
  Given kept = with_will;
  kept.emplace_back("reuse", true);
  EXPECT_EQ(messages(kept), (Verdicts{{"ok", 4}})) << "one that is kept ends as properly, with the probe";
  say_all({"nsenter", fmt::format("--net=/proc/{}/fd/{}", getpid(), ns_.fd()), "mosquitto_pub", "-h", "127.0.0.1", "-t",
           "sign", "-m", "until here"});
  ASSERT_TRUE(eventually([&] { return heard->out().find("sign until here") != std::string::npos; }));
  EXPECT_EQ(heard->out().find("lost"), std::string::npos);
  auto p = probe_of("mqtt", std::string("127.0.0.1:1885"));
  for (const auto& [key, value] : silent) p.params.set(key, value);
  p.timeout = 500 * kMillisecond;
  const auto result = verdicts(ask(p, ns_, p.every));
  EXPECT_EQ(result, (Verdicts{{"timeout", 1}}));
  EXPECT_TRUE(eventually([&] { return heard->out().find("lost meter is gone") != std::string::npos; })) << heard->out();
}

// ---- MQTT over TLS ----

/// One broker for all of the tests, with an authority of its own; at 8884 it wants to know who asks.
class ProbeMqttTls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ns_ = std::make_unique<NetNs>(loopback_ns());
    folder_ = std::make_unique<TemporaryFolder>();
    make_authority(folder_->path(), "ca");
    make_authority(folder_->path(), "other");
    make_certificate(folder_->path(), "server", "DNS:broker.example,IP:127.0.0.1");
    make_certificate(folder_->path(), "client", "DNS:meter");
    const auto listener = [](int port, const char* address, const std::string& more) {
      return fmt::format("listener {} {}\nallow_anonymous true\ncertfile {}\nkeyfile {}\n{}", port, address,
                         file("server.pem"), file("server.key"), more);
    };
    const auto config = folder_->write(
        "mosquitto.conf",
        "per_listener_settings true\nuser root\nlistener 1883 127.0.0.1\nallow_anonymous true\n" +
            listener(8883, "127.0.0.1", "") +
            listener(8884, "127.0.0.1", fmt::format("cafile {}\nrequire_certificate true\n", file("ca.pem"))));
    broker_ = start_in(*ns_, {"mosquitto", "-c", config.string()});
    ASSERT_TRUE(eventually([] { return messages({}, "127.0.0.1:1883").contains("ok"); })) << broker_->errors();
  }
  static void TearDownTestSuite() {
    broker_.reset();
    folder_.reset();
    ns_.reset();
  }

  static std::string file(const std::string& name) { return folder_->path() / name; }
  static Verdicts messages(const Given& given, const std::string& broker = "127.0.0.1:8883",
                           Ns every = 50 * kMillisecond) {
    return four(*ns_, "mqtt", broker, given, every);
  }
  static std::pair<const char*, probe::Value> trusted() { return {"tls.ca", file("ca.pem")}; }

  static std::unique_ptr<NetNs> ns_;
  static std::unique_ptr<TemporaryFolder> folder_;
  static std::unique_ptr<Command> broker_;
};
std::unique_ptr<NetNs> ProbeMqttTls::ns_;
std::unique_ptr<TemporaryFolder> ProbeMqttTls::folder_;
std::unique_ptr<Command> ProbeMqttTls::broker_;

TEST_F(ProbeMqttTls, OnlyTheAuthorityOfThePlanIsTrusted) {
  EXPECT_EQ(messages({trusted()}), kWell);
  EXPECT_EQ(messages({trusted(), {"qos", std::int64_t{1}}, {"reuse", true}}, "127.0.0.1:8883", 250 * kMillisecond),
            kWell);
  EXPECT_EQ(messages({{"tls.ca", file("other.pem")}}), kTls);
  EXPECT_EQ(messages({{"tls.name", std::string("broker.example")}}), kTls) << "the system's do not know it";
  EXPECT_EQ(messages({{"tls.insecure", true}}), kWell);
}

TEST_F(ProbeMqttTls, AnAddressIsAskedAndANameIsVerified) {
  EXPECT_EQ(messages({trusted(), {"tls.name", std::string("broker.example")}}), kWell);
  EXPECT_EQ(messages({trusted(), {"tls.name", std::string("other.example")}}), kTls);
  auto p = probe_of("mqtt", std::string("broker.example:8883"));
  p.params.set("tls.ca", file("ca.pem"));
  EXPECT_EQ(verdicts(ask(p, *ns_, 4 * p.every, {{"broker.example", "127.0.0.1"}})), kWell);
  p.params.set("mqtt", std::string("queue.example:8883"));
  EXPECT_EQ(verdicts(ask(p, *ns_, 4 * p.every, {{"queue.example", "127.0.0.1"}})), kTls);
}

TEST_F(ProbeMqttTls, AClientCertificateIsShown) {
  const std::string guarded = "127.0.0.1:8884";
  const Given shown{trusted(), {"tls.certificate", file("client.pem")}, {"tls.key", file("client.key")}};
  EXPECT_EQ(messages(shown, guarded), kWell);
  EXPECT_EQ(messages({trusted()}, guarded).count("ok"), 0u);
  EXPECT_EQ(messages({trusted(), {"tls.certificate", file("other.pem")}, {"tls.key", file("other.key")}}, guarded)
                .count("ok"),
            0u);
}

TEST_F(ProbeMqttTls, WhoSpeaksNoTlsIsNamedAsOneWhoIsNotThere) {
  auto p = probe_of("mqtt", std::string("127.0.0.1:1883"));
  p.params.set("tls.ca", file("ca.pem"));
  p.timeout = 2 * kSecond;
  const auto plain = verdicts(ask(p, *ns_, 4 * p.every));
  EXPECT_EQ(plain.count("ok"), 0u);
  EXPECT_EQ(plain.count("timeout"), 0u) << "a broker without TLS hangs up on it";
  EXPECT_EQ(messages({trusted()}, "127.0.0.1:1"), (Verdicts{{"refused", 4}}));
  EXPECT_EQ(messages({}).count("ok"), 0u) << "it asks without TLS where there is TLS";
}

TEST_F(ProbeMqttTls, AFileThatCannotBeUsedIsFoundBeforeTheRun) {
  for (const auto& [key, path] : {std::pair{"tls.ca", file("none.pem")}, {"tls.certificate", file("mosquitto.conf")}}) {
    try {
      messages({{key, path}});
      ADD_FAILURE() << "it ran";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), Exit::cannot_run);
      EXPECT_NE(std::string(failure.what()).find(key), std::string::npos) << failure.what();
    }
  }
}

TEST_F(ProbeMqttTls, NobodyIsAskedForThePassphraseOfAKey) {
  const auto key = encrypt_key(folder_->path(), "client");
  const auto why = why_it_cannot_run([&] {
    messages({trusted(), {"tls.certificate", file("client.pem")}, {"tls.key", key.string()}});
  });
  EXPECT_NE(why.find(refusal_of(key)), std::string::npos) << why;
}

TEST_F(ProbeMqttTls, ABrokerThatFallsSilentOrIsGoneIsATimeoutOrARefusal) {
  Given given{trusted()};
  auto p = probe_of("mqtt", std::string("127.0.0.1:8883"));
  p.params.set("tls.ca", file("ca.pem"));
  p.timeout = 300 * kMillisecond;
  broker_->signal(SIGSTOP);
  EXPECT_EQ(verdicts(ask(p, *ns_, 4 * p.every)), (Verdicts{{"timeout", 4}}));
  broker_->signal(SIGCONT);
  p.timeout = 10 * kSecond;
  EXPECT_EQ(verdicts(ask(p, *ns_, 4 * p.every)), kWell);
}

}  // namespace
}  // namespace faultline::test
