#include <fmt/format.h>

#include <algorithm>

#include "injector/base/secrets.h"
#include "injector/probe/library.h"
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

const std::string kHttp = "[probes.p]\nhttp = \"http://10.0.0.1:8080/pay\"\n";

bool all_libraries() {
  const auto all = probe::libraries();
  return std::all_of(all.begin(), all.end(), [](const probe::Library& one) { return one.built_in; });
}

TEST(PlanProbes, ReadsHttp) {
  const auto plan = parse_good(kHttp +
                               "every = \"50ms\"\ntimeout = \"250ms\"\nmethod = \"POST\"\nbody = \"{}\"\nreuse = true\n"
                               "headers = { Accept = \"text/plain\" }\nexpect = { status = 201, body = \"ok\" }\n");
  const auto& probe = plan.probes.at(0);
  EXPECT_EQ(probe.kind->name(), "http");
  EXPECT_EQ(probe.subject(), "http://10.0.0.1:8080/pay");
  EXPECT_EQ(probe.every, 50 * kMillisecond);
  EXPECT_EQ(probe.timeout, 250 * kMillisecond);
  EXPECT_EQ(probe.params.text("method"), "POST");
  EXPECT_EQ(probe.params.text("body"), "{}");
  EXPECT_TRUE(probe.params.boolean("reuse"));
  EXPECT_EQ(probe.params.fields("headers").at("Accept"), "text/plain");
  EXPECT_EQ(probe.params.integer("expect.status"), 201);
  EXPECT_EQ(probe.params.text("expect.body"), "ok");
}

TEST(PlanProbes, ReadsTlsAndWhatIsExpected) {
  const auto probe =
      parse_good(
          "[probes.p]\nhttp = \"https://10.0.0.1/pay\"\nversion = \"2\"\ntls = { ca = \"/ca\", certificate = "
          "\"/c\", key = \"/k\", name = \"pay.example\" }\n"
          "expect = { matches = \"p.*d\", headers = { A = \"b\" }, json = { \"/a/b\" = \"c\" } }\n")
          .probes.at(0);
  EXPECT_EQ(probe.params.text("tls.ca"), "/ca");
  EXPECT_EQ(probe.params.text("tls.certificate"), "/c");
  EXPECT_EQ(probe.params.text("tls.key"), "/k");
  EXPECT_EQ(probe.params.text("tls.name"), "pay.example");
  EXPECT_FALSE(probe.params.boolean("tls.insecure"));
  EXPECT_EQ(probe.params.text("version"), "2");
  EXPECT_EQ(probe.params.text("expect.matches"), "p.*d");
  EXPECT_EQ(probe.params.fields("expect.headers").at("A"), "b");
  EXPECT_EQ(probe.params.fields("expect.json").at("/a/b"), "c");
}

TEST(PlanProbes, ReadsGrpcAndMqtt) {
  const auto plan = parse_good(
      "[probes.g]\ngrpc = \"http://10.0.0.1:50051\"\nservice = \"shop.Pay\"\n[probes.m]\nmqtt = \"10.0.0.1:1883\"\n"
      "topic = \"a/b\"\nqos = 1\nusername = \"u\"\npassword = \"p\"\nwill = { topic = \"w\", message = \"gone\" }\n");
  EXPECT_EQ(plan.probes[0].subject(), "http://10.0.0.1:50051");
  EXPECT_EQ(plan.probes[0].params.text("service"), "shop.Pay");
  const auto& mqtt = plan.probes[1].params;
  EXPECT_EQ(mqtt.text("topic"), "a/b");
  EXPECT_EQ(mqtt.integer("qos"), 1);
  EXPECT_EQ(mqtt.text("username"), "u");
  EXPECT_EQ(mqtt.text("password"), "p");
  EXPECT_EQ(mqtt.text("will.topic"), "w");
  EXPECT_EQ(mqtt.text("will.message"), "gone");
  only_mistake("[probes.g]\ngrpc = \"http://10.0.0.1:50051/x\"\n", "more than a host and a port");
  only_mistake("[probes.m]\nmqtt = \"10.0.0.1:1883\"\nqos = 2\n", "out of range");
  only_mistake("[probes.m]\nmqtt = \"10.0.0.1:1883\"\ntopic = \"a/#\"\n", "can be published to");
  only_mistake("[probes.m]\nmqtt = \"10.0.0.1:1883\"\npassword = \"p\"\n", "without a user");
  only_mistake("[probes.m]\nmqtt = \"10.0.0.1:1883\"\nwill.message = \"p\"\n", "without a topic");
}

TEST(PlanProbes, MqttSpeaksTlsWithItsKeys) {
  const auto plan = parse_good(
      "[probes.m]\nmqtt = \"broker:8883\"\ntls = { ca = \"/ca.pem\", certificate = \"/c.pem\", key = \"/c.key\", name "
      "= "
      "\"b.example\" }\n");
  const auto& mqtt = plan.probes[0].params;
  EXPECT_EQ(mqtt.text("tls.ca"), "/ca.pem");
  EXPECT_EQ(mqtt.text("tls.name"), "b.example");
  only_mistake("[probes.m]\nmqtt = \"broker:8883\"\ntls.key = \"/c.key\"\n", "a key without a certificate");
  only_mistake("[probes.m]\nmqtt = \"broker:8883\"\ntls = { ca = \"/ca.pem\", insecure = true }\n",
               "nothing is checked");
  only_mistake("[probes.m]\nmqtt = \"broker:8883\"\ntls.ca = \"ca.pem\"\n", "not an absolute path");
}

TEST(PlanProbes, ReadsMysqlAndKafka) {
  if (!all_libraries()) GTEST_SKIP() << "built without one of them";
  const auto plan = parse_good(
      "[probes.d]\nmysql = \"mysql://app:s%40me@[fd00::1]:3307/shop\"\nquery = \"select 2\"\nreuse = true\nvalue = "
      "\"number\"\n"
      "[probes.k]\nkafka = \"10.0.0.1:9092, 10.0.0.2:9092\"\ntopic = \"shop.probe\"\nacks = \"1\"\nuntil = "
      "\"written\"\n");
  EXPECT_EQ(plan.probes[0].subject(), "mysql://app:s%40me@[fd00::1]:3307/shop");
  EXPECT_EQ(plan.probes[0].shown_subject().find("me@"), std::string::npos) << plan.probes[0].shown_subject();
  EXPECT_EQ(plan.probes[0].params.text("query"), "select 2");
  const auto& kafka = plan.probes[1].params;
  EXPECT_EQ(plan.probes[1].subject(), "10.0.0.1:9092,10.0.0.2:9092");
  EXPECT_EQ(kafka.text("topic"), "shop.probe");
  EXPECT_EQ(kafka.text("acks"), "1");
  EXPECT_EQ(kafka.text("until"), "written");
  for (const char* uri : {"mysql://10.0.0.1/shop", "mysql://:x@10.0.0.1", "mysql://a@10.0.0.1?x=1", "mysql://a%4@h",
                          "mysql://a@h:0/x", "postgresql://a@h", "mysql://a:b/c@h/x", "mysql://a:1/c@h"})
    only_mistake(fmt::format("[probes.d]\nmysql = \"{}\"\n", uri), "is not a URI of MySQL");
  only_mistake("[probes.k]\nkafka = \"10.0.0.1:9092,\"\n", "kafka");
  only_mistake("[probes.k]\nkafka = \"10.0.0.1\"\n", "kafka");
  only_mistake("[probes.k]\nkafka = \"10.0.0.1:9092\"\ntopic = \"a b\"\n", "a topic of Kafka");
  only_mistake("[probes.k]\nkafka = \"10.0.0.1:9092\"\nacks = \"0\"\n", "unknown value");
}

// In a build that has them all there is none to refuse; the build without is one of .ci/nightly's.
TEST(PlanProbes, OneThatIsNotBuiltInIsRefusedAtItsPlace) {
  for (const auto& library : probe::libraries()) {
    const auto& kind = *probe::find_kind(library.kind);
    EXPECT_EQ(probe::lacking(kind), library.built_in ? nullptr : &library);
    const auto result =
        plan::parse_text(fmt::format("[probes.p]\n  {} = {}\n", kind.name(), kind.subject.example), "p.toml");
    if (library.built_in) {
      EXPECT_TRUE(result.ok()) << plan::render(result);
      continue;
    }
    ASSERT_EQ(result.diagnostics.size(), 1u) << plan::render(result);
    const auto& mistake = result.diagnostics[0];
    EXPECT_EQ(mistake.at.line, 2u);
    EXPECT_EQ(mistake.at.column, 3u);
    EXPECT_NE(mistake.message.find("this faultline is built without"), std::string::npos) << mistake.message;
    EXPECT_NE(
        mistake.hint.find(fmt::format("install {} and build it again, with -D{}=ON", library.package, library.option)),
        std::string::npos)
        << mistake.hint;
  }
  EXPECT_EQ(probe::lacking(*probe::find_kind("http")), nullptr);
}

TEST(PlanProbes, DefaultsAreASecond) {
  const auto probe = parse_good(kHttp).probes.at(0);
  EXPECT_EQ(probe.every, kSecond);
  EXPECT_EQ(probe.timeout, kSecond);
  EXPECT_EQ(probe.params.text("method"), "GET");
  EXPECT_FALSE(probe.params.has("expect.status"));
  EXPECT_FALSE(probe.params.boolean("reuse"));
  EXPECT_EQ(probe.from, "here");
}

TEST(PlanProbes, ReadsTheOtherKinds) {
  const auto plan = parse_good(
      "[probes.t]\ntcp = \"[fd00::1]:6379\"\nsend = \"PING\\r\\n\"\nexpect.reply = \"+PONG\"\n[probes.i]\nicmp = "
      "\"10.0.0.1\"\n"
      "[probes.e]\nexec = [\"true\", \"-x\"]\nexpect.exit = 3\nexpect.body = \"yes\"\n");
  EXPECT_EQ(plan.probes[0].kind->name(), "tcp");
  EXPECT_EQ(plan.probes[0].params.text("send"), "PING\r\n");
  EXPECT_EQ(plan.probes[0].params.text("expect.reply"), "+PONG");
  EXPECT_EQ(plan.probes[1].kind->name(), "icmp");
  EXPECT_EQ(plan.probes[2].command(), (std::vector<std::string>{"true", "-x"}));
  EXPECT_EQ(plan.probes[2].params.integer("expect.exit"), 3);
  EXPECT_EQ(plan.probes[2].params.text("expect.body"), "yes");
}

TEST(PlanProbes, WhatIsSentAndExpectedMayHoldNul) {
  const auto probe =
      parse_good(
          "[probes.p]\ntcp = \"cloud:1883\"\nsend = \"\\u0010\\u0000x\"\nexpect.reply = \"\\u0000\"\nfrom = \"here\"\n")
          .probes[0];
  EXPECT_EQ(probe.params.text("send"), std::string("\x10\0x", 3));
  EXPECT_EQ(probe.params.text("expect.reply"), std::string("\0", 1));
  EXPECT_TRUE(has_mistake(parse("[probes.p]\ntcp = \"cloud\\u0000:1883\"\nfrom = \"here\"\n"), "NUL"));
}

TEST(PlanProbes, RefusesWithTheRightKey) {
  only_mistake("[probes.p]\n", "asks nothing");
  only_mistake("[probes.p]\nicmp = \"a\"\ntcp = \"a:1\"\n", "is both");
  only_mistake("[probes.p]\nhttp = \"10.0.0.1/pay\"\n", "is not a URL");
  for (const char* bad : {"a", "a:", ":80", "a:0", "a:65536", "fd00::1:80", "a b:80"})
    only_mistake(std::string("[probes.p]\ntcp = \"") + bad + "\"\n", "not a host and a port");
  for (const char* bad : {"http://", "http:///x", "ftp://a/", "http://a b/"})
    only_mistake(std::string("[probes.p]\nhttp = \"") + bad + "\"\n", "is not a URL");
  only_mistake("[probes.p]\nicmp = \"10.0.0.0/8\"\n", "not an address");
  only_mistake("[probes.p]\nexec = \"ls -l /tmp\"\n", "a command is an array", "exec = [\"ls\", \"-l\", \"/tmp\"]");
  only_mistake(kHttp + "every = \"999us\"\n", "every: 999us is too often");
  only_mistake(kHttp + "timeout = \"0s\"\n", "timeout: 0s is too short");
  only_mistake(kHttp + "every = 50\n", "expected a string, found an integer", "every = \"50ms\"");
  only_mistake(kHttp + "expect.status = 99\n", "99 is out of range");
  only_mistake(kHttp + "expect.exit = 0\n", "\"expect.exit\" is not for http probes", "exec probes");
  only_mistake(kHttp + "send = \"x\"\n", "\"send\" is not for http probes");
  only_mistake("[probes.p]\nicmp = \"a\"\nmethod = \"GET\"\n", "\"method\" is not for icmp probes");
  only_mistake(kHttp + "method = \"get\"\n", "not an HTTP method");
  only_mistake(kHttp + "headers = { \"A\" = \"x\\r\\nB: y\" }\n", "is not a header");
  only_mistake(kHttp + "headers = { \"A\" = 1 }\n", "headers.A: expected a string");
  only_mistake(kHttp + "evry = \"1s\"\n", "unknown key \"evry\" in probe \"p\"", "did you mean \"every\"?");
  only_mistake(kHttp + "expect.statsu = 1\n", "unknown key \"statsu\"", "\"status\"");
  only_mistake("[probes]\np = 3\n", "probes.p: expected a table");
}

TEST(PlanProbes, ReadsDns) {
  const auto plan = parse_good(
      "[probes.a]\ndns = \"bank.example.com\"\n[probes.b]\ndns = \"bank\"\nserver = \"[fd00::1]:5353\"\ntype = "
      "\"AAAA\"\nexpect.address = \"fd00::2\"\n"
      "[probes.c]\ndns = \"bank\"\nserver = \"fd00::1\"\nexpect.rcode = \"NXDOMAIN\"\n");
  EXPECT_EQ(plan.probes[0].kind->name(), "dns");
  EXPECT_EQ(plan.probes[0].subject(), "bank.example.com");
  EXPECT_EQ(plan.probes[0].params.text("server"), "");
  EXPECT_EQ(plan.probes[0].params.text("expect.rcode"), "NOERROR");
  EXPECT_EQ(plan.probes[0].params.text("type"), "A");
  EXPECT_EQ(plan.probes[1].params.text("server"), "[fd00::1]:5353");
  EXPECT_EQ(plan.probes[1].params.text("type"), "AAAA");
  EXPECT_EQ(plan.probes[1].params.text("expect.address"), "fd00::2");
  EXPECT_EQ(plan.probes[2].params.text("expect.rcode"), "NXDOMAIN");
  const std::string dns = "[probes.p]\ndns = \"bank\"\n";
  for (const char* bad : {"", "http://bank", "bank:53", "a b"})
    only_mistake(std::string("[probes.p]\ndns = \"") + bad + "\"\n", "is not a name");
  for (const char* bad : {"", "a b", "a:99999", "[fd00::1]", "10.0.0.0/8"})
    only_mistake(dns + "server = \"" + bad + "\"\n", "is not a host");
  only_mistake(dns + "type = \"AAA\"\n", "type: unknown value \"AAA\"", "did you mean \"AAAA\"?");
  only_mistake(dns + "expect.rcode = \"NXDOMIAN\"\n", "unknown value", "did you mean \"NXDOMAIN\"?");
  only_mistake(dns + "expect.address = \"fd00::2\"\n", "is not an IPv4 address", "type = \"AAAA\"");
  only_mistake(dns + "expect.address = \"10.0.0.0/8\"\n", "is not an IPv4 address");
  only_mistake(kHttp + "server = \"10.0.0.53\"\n", "\"server\" is not for http probes", "dns probes");
}

TEST(PlanProbes, APasswordIsNotShown) {
  const auto shown = [](const char* subject) {
    Probe probe;
    probe.kind = probe::find_kind("postgresql");
    probe.params.set("postgresql", subject);
    return probe.shown_subject();
  };
  EXPECT_EQ(shown("postgresql://app:secret@db:5432/shop"), "postgresql://app:***@db:5432/shop");
  EXPECT_EQ(shown("postgresql://app:se?cr@t@db/shop"), "postgresql://app:***@db/shop");
  EXPECT_EQ(shown("postgresql://db/shop?user=app&password=secret&sslpassword=other"),
            "postgresql://db/shop?user=app&password=***&sslpassword=***");
  EXPECT_EQ(without_passwords("--probe-postgresql=postgresql://app:secret@db/shop"),
            "--probe-postgresql=postgresql://app:***@db/shop");
  EXPECT_EQ(shown("https://a:p@ss@b/?q=x@y"), "https://a:***@b/?q=x@y");
  EXPECT_EQ(shown("http://a:pass/word@b/c"), "http://a:***@b/c") << "no URL, but what was meant is plain";
  for (const char* same : {"http://10.0.0.1:8080/pay", "http://b/a:b@c", "http://b/?q=x:y@z", "http://b:80/x@y",
                           "postgresql://app@db/shop", "[::1]:80", "bank@x"})
    EXPECT_EQ(shown(same), same);
}

TEST(PlanProbes, NoMistakeShowsAPassword) {
  // Whatever the URI is refused for: in the message, in the line that is quoted, and with the caret where it belongs.
  const auto refused = [](const std::string& line) {
    const auto parsed = parse("[probes.p]\n" + line + "\n");
    EXPECT_FALSE(parsed.ok()) << line;
    return render(parsed);
  };
  for (const char* line :
       {"mysql = \"mysql://app:hunter2/hidden@db/shop\"", "mysql = \"mysql://app:1/hidden@db/shop\"",
        "mysql = \"mysql://app:hidden@db:0/shop\"", "mysql = \"mysql://a/p:hidden@db/shop\"",
        "mysql = 'mysql://app:x\"hidden@db:0/shop'", "mysql = \"mysql://app:x'\\\"hidden@db:0/shop\"",
        "http = \"ftp://app:hidden@b/\"", "http = \"http://app:hid den@b/\" # x://a:hidden@",
        "redis = \"redis://app:hidden@cache\"", "postgresql = \"mysql://app:hidden@db/shop\"",
        "postgresql = \"mysql://db/shop?user=app&password=hidden\"",
        "http = \"http://app:hidden@b/\"\nevery = 7 # http://app:hidden@b/", "every = 7 # http://app:hidden@b/"}) {
    const std::string said = refused(line);
    EXPECT_EQ(said.find("hidden"), std::string::npos) << said;
    EXPECT_EQ(said.find("hid den"), std::string::npos) << said;
    EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  }
  EXPECT_NE(
      refused("mysql = \"mysql://app:a/b@db/shop\"").find("    mysql = \"mysql://app:***@db/shop\"\n            ^\n"),
      std::string::npos);
  EXPECT_NE(refused("http = { \"http://a:secret@b\" = 1, c = 2 }").find("http://a:***@b\" = 1, c = 2 }"),
            std::string::npos);
}

TEST(PlanProbes, ReadsRedisAndPostgresql) {
  const auto plan = parse_good(
      "[probes.a]\nredis = \"cache:6379\"\nfrom = \"here\"\n[probes.b]\nredis = \"[fd00::1]:6379\"\ncommand = "
      "[\"GET\", \"k\"]\nexpect.reply = \"v\"\nreuse = true\n"
      "[probes.c]\npostgresql = \"postgresql://app@db/shop\"\n[probes.d]\npostgresql = \"postgres://db\"\nquery = "
      "\"select 2\"\nexpect.reply = \"2\"\nreuse = true\n");
  EXPECT_EQ(plan.probes[0].command(), std::vector<std::string>{"PING"});
  EXPECT_EQ(plan.probes[1].command(), (std::vector<std::string>{"GET", "k"}));
  EXPECT_EQ(plan.probes[1].params.text("expect.reply"), "v");
  EXPECT_TRUE(plan.probes[1].params.boolean("reuse"));
  EXPECT_EQ(plan.probes[2].kind->name(), "postgresql");
  EXPECT_EQ(plan.probes[2].params.text("query"), "select 1");
  EXPECT_EQ(plan.probes[3].params.text("query"), "select 2");
  EXPECT_EQ(plan.probes[3].params.text("expect.reply"), "2");
  EXPECT_TRUE(plan.probes[3].params.boolean("reuse"));
  only_mistake("[probes.p]\nredis = \"cache\"\n", "is not a host and a port");
  only_mistake("[probes.p]\nredis = \"cache:6379\"\ncommand = \"GET k\"\n", "a command is an array",
               "command = [\"GET\", \"k\"]");
  only_mistake("[probes.p]\npostgresql = \"db:5432\"\n", "is not a URI of PostgreSQL");
  only_mistake("[probes.p]\npostgresql = \"postgresql://db\"\nsend = \"x\"\n", "\"send\" is not for postgresql probes");
  only_mistake(kHttp + "query = \"select 1\"\n", "\"query\" is not for http probes");
}

// ---- from ----

TEST(PlanProbes, RunInTheOnlyTargetWithANamespace) {
  EXPECT_EQ(parse_good("[targets.a]\nnetns = \"x\"\n[targets.b]\naddress = \"::1\"\n" + kHttp).probes[0].from, "a");
  EXPECT_EQ(parse_good("[targets.b]\naddress = \"::1\"\n" + kHttp).probes[0].from, "here");
  EXPECT_EQ(parse_good("[targets.a]\nnetns = \"x\"\n[targets.b]\nnetns = \"x\"\nport = 80\n" + kHttp).probes[0].from,
            "a")
      << "one namespace under two names";
  const auto mistake =
      only_mistake("[targets.a]\nnetns = \"x\"\n[targets.b]\nnetns = \"y\"\n" + kHttp, "has no \"from\"", "a, b, here");
  EXPECT_EQ(mistake.at.line, 5u);
  EXPECT_EQ(parse_good("[targets.a]\nnetns = \"x\"\n[targets.b]\nnetns = \"y\"\n" + kHttp + "from = \"here\"\n")
                .probes[0]
                .from,
            "here");
}

TEST(PlanProbes, RunInTheLab) {
  const std::string lab = "[lab.rooms.r]\n[lab.hosts.a]\nroom = \"r\"\n";
  const std::string fault_on = "[[faults]]\nkind = \"degrade\"\nstart = \"1s\"\nfor = \"1s\"\ndelay = \"1ms\"\non = ";
  EXPECT_EQ(parse_good(lab + kHttp).probes[0].from, "a");
  EXPECT_EQ(parse_good(lab + "[lab.hosts.b]\nroom = \"r\"\n" + kHttp + "from = \"b\"\n").probes[0].from, "b");
  EXPECT_EQ(parse_good(lab + "[lab.hosts.b]\nroom = \"r\"\n" + kHttp + fault_on + "\"b\"\n").probes[0].from, "b");
  only_mistake(lab + "[lab.hosts.b]\nroom = \"r\"\n" + kHttp, "has no \"from\"");
  only_mistake(lab + kHttp + fault_on + "\"r\"\n", "has no \"from\"", "a, here");
  only_mistake(lab + kHttp + "from = \"r\"\n", "is not one network namespace");
  only_mistake(lab + kHttp + "from = \"aa\"\n", "no target or lab host \"aa\"");
  only_mistake("[targets.b]\naddress = \"::1\"\n" + kHttp + "from = \"b\"\n", "is not one network namespace");
}

// ---- hypotheses ----

TEST(PlanHypotheses, ReadsConditions) {
  const auto plan = parse_good(kSmall +
                               "[[hypotheses]]\nname = \"fast\"\nprobe = \"pay\"\nduring = \"degrade\"\nsuccess = \">= "
                               "99%\"\np50 = \"< 10ms\"\np90 = \"<= 20ms\"\n"
                               "p99 = \"<= 250ms\"\nmax = \"<= 1s\"\nrecovers_within = \"5s\"\n");
  const auto& h = plan.hypotheses.at(0);
  EXPECT_EQ(h.name, "fast");
  EXPECT_EQ(h.probe, "pay");
  EXPECT_EQ(h.during, "degrade");
  EXPECT_DOUBLE_EQ(h.success->value, 0.99);
  EXPECT_EQ(h.p50->op, Bound::Op::lt);
  EXPECT_DOUBLE_EQ(h.p90->value, 20e6);
  EXPECT_DOUBLE_EQ(h.p99->value, 250e6);
  EXPECT_DOUBLE_EQ(h.max->value, 1e9);
  EXPECT_EQ(*h.recovers_within, 5 * kSecond);
}

TEST(PlanHypotheses, ReadsFiguresOfThoseThatSucceedAndOfTheOthers) {
  const auto plan =
      parse_good(kSmall +
                 "[[hypotheses]]\nprobe = \"pay\"\nok.p50 = \"< 1ms\"\nok.p90 = \"< 2ms\"\nok.p95 = \"< 3ms\"\n"
                 "ok.p99 = \"< 4ms\"\nok.p999 = \"< 5ms\"\nok.max = \"< 6ms\"\nfailed = { p50 = \"< 7ms\", p90 = "
                 "\"< 8ms\", p95 = \"< 9ms\", p99 = \"< 10ms\", p999 = \"< 11ms\", max = \"< 12ms\" }\n");
  const auto& h = plan.hypotheses.at(0);
  int n = 0;
  for (const auto& key : Conditions::keys()) {
    const bool asked = key.of == Conditions::Of::ok || key.of == Conditions::Of::failed;
    ASSERT_EQ((h.*key.bound).has_value(), asked) << key.name;
    if (!asked) continue;
    EXPECT_DOUBLE_EQ((h.*key.bound)->value, ++n * 1e6) << key.name;
  }
  EXPECT_TRUE(h.name.starts_with("pay: ok.p50 < 1ms, ok.p90")) << h.name;
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nok.p93 = \"< 1ms\"\nok.p99 = \"< 1ms\"\n",
               "unknown key \"p93\"");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nok = \"< 1ms\"\np99 = \"< 1ms\"\n", "ok: expected a table");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nok.p99 = \"1ms\"\n", "ok.p99");
}

TEST(PlanHypotheses, LookAtTheWholeRunUnlessTheySay) {
  const auto plan =
      parse_good(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nsuccess = \">= 99%\"\n" +
                 "[[hypotheses]]\nname = \"same\"\nprobe = \"pay\"\nduring = \"run\"\nsuccess = \">= 99%\"\n");
  EXPECT_EQ(plan.hypotheses.at(0).during, "run");
  EXPECT_EQ(plan.hypotheses.at(0).name, "pay: success >= 99%");
  EXPECT_EQ(plan.hypotheses.at(1).during, "run");
  only_mistake(kSmall + "[[faults]]\nname = \"run\"\nkind = \"sever\"\non = \"shop\"\nstart = \"1s\"\nfor = \"1s\"\n",
               "\"run\" is a phase of every run");
}

TEST(PlanHypotheses, NamesAreGeneratedAndUnique) {
  const std::string one =
      "[[hypotheses]]\nprobe = \"pay\"\nduring = \"degrade\"\nsuccess = \">= 99%\"\np99 = \"<= 1s\"\n";
  const auto plan = parse_good(kSmall + one + one + "[[hypotheses]]\nprobe = \"pay\"\nrecovers_within = \"5s\"\n");
  EXPECT_EQ(plan.hypotheses[0].name, "pay during degrade: success >= 99%, p99 <= 1s");
  EXPECT_EQ(plan.hypotheses[1].name, "pay during degrade: success >= 99%, p99 <= 1s (2)");
  EXPECT_EQ(plan.hypotheses[2].name, "pay: recovers within 5s");
  EXPECT_EQ(plan.hypotheses[2].during, "");
  only_mistake(kSmall + one + "name = \"x\"\n" + one + "name = \"x\"\n", "two hypotheses \"x\"");
}

TEST(PlanHypotheses, Mistakes) {
  const std::string head = kSmall + "[[hypotheses]]\n";
  only_mistake(head + "during = \"baseline\"\nsuccess = \">= 1%\"\n", "has no \"probe\"");
  only_mistake(head + "probe = \"pai\"\nduring = \"baseline\"\nsuccess = \">= 1%\"\n", "there is no probe \"pai\"",
               "did you mean \"pay\"?");
  only_mistake(head + "probe = \"pay\"\nduring = \"basline\"\nsuccess = \">= 1%\"\n", "there is no phase \"basline\"",
               "did you mean \"baseline\"?");
  only_mistake(head + "probe = \"pay\"\nduring = \"baseline\"\n", "has no condition");
  only_mistake(head + "probe = \"pay\"\nduring = \"baseline\"\nsuccess = \"99%\"\n", "has no comparison", ">= 99%");
  only_mistake(head + "probe = \"pay\"\nduring = \"baseline\"\nsuccess = \">= 0.99\"\n", "has no % sign", "\"99%\"");
  only_mistake(head + "probe = \"pay\"\nduring = \"baseline\"\np99 = \"<= 250\"\n", "has no unit");
  only_mistake(head + "probe = \"pay\"\nduring = \"baseline\"\np93 = \"<= 250ms\"\np99 = \"<= 1s\"\n",
               "unknown key \"p93\"");
  only_mistake(head + "probe = \"pay\"\nrecovers_within = \"0s\"\n", "must be longer than 0s");
  only_mistake(head + "probe = \"pay\"\nduring = \"baseline\"\nrecovers_within = \"5s\"\n",
               "what follows the last fault");
  only_mistake(kSmall + "[hypotheses]\nprobe = \"pay\"\n", "expected an array of tables");
}

}  // namespace
}  // namespace faultline::plan
