// The probes that speak a service's own protocol, against the services themselves: redis, PostgreSQL; and of names,
// with a dns fault.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/plan_bed.h"
#include "tests/harness/processes.h"
#include "tests/harness/toy_dns.h"
#include "tests/netns/database_bed.h"

namespace faultline::test {
namespace {

constexpr Ns kApart = 250 * kMillisecond;

/// Four requests; with a long time between them each finds the one before answered.
Verdicts four(probe::Probe probe, const NetNs& ns, Ns every = 25 * kMillisecond) {
  probe.every = every;
  return verdicts(ask(probe, ns, 4 * probe.every));
}

// ---- redis ----

class ProbeRedis : public testing::Test {
 protected:
  ProbeRedis()
      : server_(start_in(ns_, {"redis-server", "--port", "6379", "--save", "", "--dir", folder_.path().string(),
                               "--bind", "127.0.0.1", "::1"})) {}
  void SetUp() override {
    ASSERT_TRUE(eventually([&] { return verdicts(ask(redis(), ns_, 50 * kMillisecond)).contains("ok"); }))
        << server_->out() << server_->errors();
  }
  static probe::Probe redis(std::vector<std::string> command = {"PING"}, const std::string& reply = "") {
    auto p = probe_of("redis", "127.0.0.1:6379");
    p.params.set("command", std::move(command));
    p.params.set("expect.reply", reply);
    return p;
  }

  const NetNs ns_ = loopback_ns();
  TemporaryFolder folder_;
  std::unique_ptr<Command> server_;
};

TEST_F(ProbeRedis, AReplyIsReadWhateverItsType) {
  EXPECT_EQ(four(redis({"PING"}, "PONG"), ns_), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(redis({"SET", "key", "a value\r\nof two lines"}, "OK"), ns_), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(redis({"GET", "key"}, "a value\r\nof"), ns_), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(redis({"STRLEN", "key"}, "21"), ns_), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(redis({"GET", "nothing"}), ns_), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(redis({"GET", "nothing"}, "x"), ns_), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four(redis({"KEYS", "*"}), ns_), (Verdicts{{"ok", 4}}));
  auto v6 = redis({"PING"}, "PONG");
  v6.params.set("redis", "[::1]:6379");
  EXPECT_EQ(four(v6, ns_), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeRedis, ErrorsHaveTheirFirstWord) {
  EXPECT_EQ(four(redis({"NOPE"}), ns_), (Verdicts{{"error ERR", 4}}));
  EXPECT_EQ(four(redis({"LPUSH", "key", "x"}), ns_), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(redis({"GET", "key"}), ns_), (Verdicts{{"error WRONGTYPE", 4}}));
  server_->signal(SIGKILL);
  server_->wait(5 * kSecond);
  EXPECT_EQ(four(redis(), ns_), (Verdicts{{"refused", 4}}));
}

TEST_F(ProbeRedis, AConnectionIsKeptIfAskedAndWhileItLives) {
  auto begin = redis({"MULTI"});  // twice over one connection is an error, after which it is not kept
  EXPECT_EQ(four(begin, ns_, kApart), (Verdicts{{"ok", 4}}));
  begin.params.set("reuse", true);
  EXPECT_EQ(four(begin, ns_, kApart), (Verdicts{{"ok", 2}, {"error ERR", 2}}));
  auto leaving = redis({"QUIT"}, "OK");  // it answers, and closes
  leaving.params.set("reuse", true);
  EXPECT_EQ(four(leaving, ns_, kApart), (Verdicts{{"ok", 4}}));
}

// ---- PostgreSQL ----

class ProbePostgresql : public DatabaseBed<ProbePostgresql> {
 public:
  static constexpr int kEndedBy = SIGINT;
  static probe::Probe query(const std::string& text, const std::string& reply = "",
                            const std::string& uri = "postgresql://shop@127.0.0.1/postgres") {
    return query_of("postgresql", uri, text, reply);
  }

 protected:
  static void SetUpTestSuite() {
    make_room();
    std::filesystem::path bin;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql")) bin = version.path() / "bin";
    const std::string data = file("data");
    const Said made = say_all(as_nobody(
        {bin / "initdb", "--pgdata", data, "--username", "shop", "--auth", "trust", "--locale", "C", "--no-sync"}));
    ASSERT_EQ(made.status, 0) << made.errors;
    const Said certified =
        say_all(as_nobody({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                           "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                           "-keyout", data + "/server.key", "-out", data + "/server.crt"}));
    ASSERT_EQ(certified.status, 0) << certified.errors;
    start({bin / "postgres", "-D", data, "-c", "listen_addresses=127.0.0.1,::1", "-c", "unix_socket_directories=", "-c",
           "fsync=off", "-c", "ssl=on"});
    await_answer();
  }
};

TEST_F(ProbePostgresql, TheFirstFieldIsTheReply) {
  EXPECT_EQ(four(query("select 1")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query("select 'well', 2", "well")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query("select 'well'", "ill")), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four(query("select 1 where false", "1")), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four(query("create temp table t (n int); insert into t values (7); select n from t", "7")),
            (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query("select repeat('x', 3000000)", "xxx")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query("select 1", "1", "postgresql://shop@[::1]:5432/postgres")), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbePostgresql, ErrorsSayWhoRefused) {
  EXPECT_EQ(four(query("select * from nothing")), (Verdicts{{"sql 42P01", 4}}));
  EXPECT_EQ(four(query("select 1; select 1 / 0")), (Verdicts{{"sql 22012", 4}}));
  EXPECT_EQ(four(query("select 1", "", "postgresql://stranger@127.0.0.1/postgres")), (Verdicts{{"login", 4}}));
  EXPECT_EQ(four(query("select 1", "", "postgresql://shop@127.0.0.1:5433/postgres")), (Verdicts{{"refused", 4}}));
  EXPECT_EQ(four(query("select pg_terminate_backend(pg_backend_pid())")), (Verdicts{{"sql 57P01", 4}}));
  EXPECT_EQ(four(query("copy (select 1) to stdout")), (Verdicts{{"protocol", 4}}));
  auto slow = query("select pg_sleep(3)");
  slow.timeout = 200 * kMillisecond;
  EXPECT_EQ(four(slow), (Verdicts{{"timeout", 4}}));
}

TEST_F(ProbePostgresql, OverTlsAsItsUriAsks) {
  const std::string secured = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
  const std::string server = "postgresql://shop@127.0.0.1/postgres?sslmode=",
                    trusted = "&sslrootcert=" + (folder_->path() / "data/server.crt").string();
  EXPECT_EQ(four(query(secured, "f", server + "disable")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query(secured, "t", server + "require")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query(secured, "t", server + "verify-full" + trusted)), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query(secured, "t", server + "verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt")),
            (Verdicts{{"tls", 4}}));
  auto kept = query(secured, "t", server + "require");
  kept.params.set("reuse", true);
  EXPECT_EQ(four(kept, kApart), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbePostgresql, ASessionIsKeptIfAsked) {
  auto make = query("create temp table kept ()");  // twice in one session is an error, after which it is not kept
  EXPECT_EQ(four(make, kApart), (Verdicts{{"ok", 4}}));
  make.params.set("reuse", true);
  EXPECT_EQ(four(make, kApart), (Verdicts{{"ok", 2}, {"sql 42P07", 2}}));
  // One that the server ended meanwhile is not used.
  auto idle = query("set idle_session_timeout = 50; select 1");
  idle.params.set("reuse", true);
  EXPECT_EQ(four(idle, kApart), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbePostgresql, WhatCannotBeAskedIsRefusedBeforeTheRun) {
  for (const char* uri : {"postgresql:///shop", "postgresql://a,b/shop", "postgresql://shop@127.0.0.1/?nonsense=1"})
    try {
      ask(query("select 1", "", uri), *ns_, 0);
      ADD_FAILURE() << uri;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), Exit::invalid) << failure.what();
      EXPECT_NE(std::string(failure.what()).find(uri), std::string::npos);
    }
}

// ---- dns ----

class ProbeDns : public PlanBed {
 protected:
  static probe::Probe name(const std::string& what, const std::string& server = "10.7.0.2") {
    auto p = probe_of("dns", what);
    p.params.set("server", server);
    return p;
  }
};

TEST_F(ProbeDns, AnAnswerIsLookedInto) {
  const ToyDns dns(bed.there, "10.7.0.2"), dns6(bed.there, "fd07::2");
  EXPECT_EQ(four(name("bank.internal"), bed.here), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(name("bank.internal", "fd07::2"), bed.here), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(name("bank.internal", "[fd07::2]:53"), bed.here), (Verdicts{{"ok", 4}}));
  auto probe = name("bank.internal", "10.7.0.2:53");
  probe.params.set("expect.address", "198.51.100.7");
  EXPECT_EQ(four(probe, bed.here), (Verdicts{{"ok", 4}}));
  probe.params.set("expect.address", "198.51.100.8");
  EXPECT_EQ(four(probe, bed.here), (Verdicts{{"address", 4}}));
  probe.params.set("expect.address", "");
  probe.params.set("type", "AAAA");
  EXPECT_EQ(four(probe, bed.here), (Verdicts{{"no address", 4}}));
  EXPECT_EQ(four(name("bank.internal", "10.7.0.1"), bed.here), (Verdicts{{"refused", 4}}));
  EXPECT_EQ(four(name("bank.internal", "10.99.0.1"), bed.here), (Verdicts{{"unreachable", 4}}));
  auto nobody = name("bank.internal", "10.7.0.99");  // on the link: no neighbour answers
  nobody.timeout = 10 * kSecond;
  EXPECT_EQ(four(nobody, bed.here), (Verdicts{{"unreachable", 4}}));
}

TEST_F(ProbeDns, AFaultOfDnsShows) {
  const ToyDns dns(bed.there, "10.7.0.2");
  auto probe = name("bank.internal");
  probe.timeout = 200 * kMillisecond;
  for (const auto& [answer, verdict] :
       {std::pair{"nxdomain", "NXDOMAIN"}, {"servfail", "SERVFAIL"}, {"refused", "REFUSED"}, {"silence", "timeout"}}) {
    play(fmt::format("[[faults]]\nkind = \"dns\"\non = \"a\"\nstart = \"0s\"\nfor = \"600s\"\nanswer = \"{}\"\n",
                     answer));
    EXPECT_EQ(four(probe, bed.here), (Verdicts{{verdict, 4}}));
    if (verdict == std::string("NXDOMAIN")) {
      auto expecting = probe;
      expecting.params.set("expect.rcode", "NXDOMAIN");
      EXPECT_EQ(four(expecting, bed.here), (Verdicts{{"ok", 4}}));
    }
    finish();
  }
  EXPECT_EQ(four(probe, bed.here), (Verdicts{{"ok", 4}}));
}

}  // namespace
}  // namespace faultline::test
