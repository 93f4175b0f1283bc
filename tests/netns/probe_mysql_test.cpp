// The mysql probe, against a MariaDB.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>

#include "tests/netns/database_bed.h"

#if FAULTLINE_HAS_MYSQL
namespace faultline::test {
namespace {

class ProbeMysql : public DatabaseBed<ProbeMysql> {
 public:
  static constexpr int kEndedBy = SIGKILL;
  static probe::Probe query(const std::string& text, const std::string& reply = "",
                            const std::string& uri = "mysql://app:s%40sa%3Ame@127.0.0.1/shop") {
    return query_of("mysql", uri, text, reply);
  }

 protected:
  static void SetUpTestSuite() {
    make_room();
    const std::string data = file("data");
    std::filesystem::create_directory(data);
    std::filesystem::permissions(data, std::filesystem::perms::all);
    // What mariadb-install-db does; its own needs the package of the clients. Of the kernel's asynchronous reads and
    // writes all servers of the machine have a few together, and it does not start when there are none left.
    const Said made = say_all(as_nobody(
        {"sh", "-c",
         "{ printf 'create database mysql;\\nuse mysql;\\n'; cat /usr/share/mysql/mysql_system_tables.sql; } | "
         "exec mariadbd --no-defaults --bootstrap --datadir=\"$0\" --innodb-buffer-pool-size=8M "
         "--innodb-use-native-aio=0",
         data}));
    ASSERT_EQ(made.status, 0) << made.errors;
    const auto users = folder_->write("users.sql",
                                      "create database shop;\n"
                                      "create user app@'%' identified by 's@sa:me';\n"
                                      "grant all on shop.* to app@'%';\n"
                                      "create table shop.orders (id int primary key, note text);\n"
                                      "insert into shop.orders values (7, 'paid'), (8, null);\n");
    std::filesystem::permissions(users, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    start({"mariadbd", "--no-defaults", "--datadir=" + data, "--bind-address=*", "--port=3306",
           "--socket=" + data + "/s", "--pid-file=" + data + "/pid", "--innodb-flush-log-at-trx-commit=0",
           "--innodb-buffer-pool-size=8M", "--innodb-use-native-aio=0", "--skip-name-resolve",
           "--init-file=" + users.string()});
    await_answer();
  }
};

TEST_F(ProbeMysql, TheFirstFieldIsTheReply) {
  EXPECT_EQ(four(query("select 1")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query("select note, 2 from orders", "paid")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query("select 'well'", "ill")), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four(query("select 1 from orders where false", "1")), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four(query("select null", "1")), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four(query("replace into orders values (9, 'open')")), (Verdicts{{"ok", 4}})) << "no rows at all";
  EXPECT_EQ(four(query("select repeat('x', 3000000)", "xxx")), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(query("select 1", "1", "mysql://app:s%40sa%3Ame@[::1]:3306")), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeMysql, TheFieldMayBeANumber) {
  auto p = query("select count(*) from orders where id < 9");
  p.params.set("value", std::string("number"));
  const auto samples = ask(p, *ns_, 2 * p.every);
  EXPECT_EQ(verdicts(samples), (Verdicts{{"ok", 2}}));
  for (const auto& sample : samples) EXPECT_EQ(sample.value, 2.0);
  p.params.set("query", std::string("select note from orders"));
  EXPECT_EQ(four(p), (Verdicts{{"value", 4}}));
}

TEST_F(ProbeMysql, WhoIsNotLetInIsALoginAndAMistakeHasItsNumber) {
  EXPECT_EQ(four(query("select 1", "", "mysql://app:guess@127.0.0.1/shop")), (Verdicts{{"login", 4}}));
  EXPECT_EQ(four(query("select 1", "", "mysql://app:s%40sa%3Ame@127.0.0.1/bank")), (Verdicts{{"login", 4}}));
  const auto p = query("select * from nothing");
  const auto samples = ask(p, *ns_, 2 * p.every);
  EXPECT_EQ(verdicts(samples), (Verdicts{{"mysql 1146", 2}}));
  ASSERT_NE(samples.at(0).said, nullptr);
  EXPECT_NE(samples.at(0).said->output.find("shop.nothing"), std::string::npos) << samples.at(0).said->output;
  EXPECT_EQ(four(query("select 1; select 2")), (Verdicts{{"mysql 1064", 4}})) << "one statement a request";
  EXPECT_EQ(four(query("select 1", "", "mysql://app@127.0.0.1:1")), (Verdicts{{"refused", 4}}));
}

TEST_F(ProbeMysql, EachResultOfAProcedureIsRead) {
  const auto procedure = [&](const std::string& name, const std::string& body) {
    return verdicts(ask(query("create or replace procedure " + name + "() begin " + body + " end"), *ns_, kApart));
  };
  ASSERT_TRUE(procedure("fails_late", "select 'well'; signal sqlstate '45000';").contains("ok"));
  ASSERT_TRUE(procedure("well", "select 'well', 2; select note from orders; replace into orders values (9, 'open');")
                  .contains("ok"));
  for (const bool reuse : {false, true}) {
    auto p = query("call fails_late()", "well");
    p.params.set("reuse", reuse);
    EXPECT_EQ(four(p), (Verdicts{{"mysql 1644", 4}}));
    p.params.set("query", std::string("call well()"));
    EXPECT_EQ(four(p, kApart), (Verdicts{{"ok", 4}})) << "the next request finds nothing of this one";
  }
}

TEST_F(ProbeMysql, WhatAnAnswerMayTakeIsBoundedAndGivenBack) {
  const std::string eight =
      "(select 1 union select 2 union select 3 union select 4 union select 5 union select 6 "
      "union select 7 union select 8) as t";
  EXPECT_EQ(four(query("select repeat('x', 10000000) from " + eight)), (Verdicts{{"too large", 4}}));
  // Of a request that is given up, too: each has a row of 8 MB when its time is up.
  auto p = query("select repeat('x', 8000000), if(id = 7, 0, sleep(60)) from orders where id < 9 order by id");
  p.timeout = 2 * kSecond;
  four(p);
  const auto held = [] {
    const struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
  };
  const std::size_t before = held();
  EXPECT_EQ(four(p), (Verdicts{{"timeout", 4}}));
  EXPECT_LT(held(), before + 8'000'000);
}

TEST_F(ProbeMysql, ASessionIsKeptIfAskedAndWhileItLives) {
  const auto sessions = [&](bool reuse, const char* text) {
    auto p = query(text);
    p.params.set("reuse", reuse);
    p.params.set("value", std::string("number"));
    p.every = kApart;
    std::set<double> ids;
    for (const auto& sample : ask(p, *ns_, 4 * p.every)) ids.insert(sample.value.value_or(-1));
    return ids;
  };
  EXPECT_EQ(sessions(false, "select connection_id()").size(), 4u);
  EXPECT_EQ(sessions(true, "select connection_id()").size(), 1u);
  auto leaving = query("kill connection_id()");
  leaving.params.set("reuse", true);
  EXPECT_EQ(four(leaving, kApart), (Verdicts{{"mysql 1927", 4}})) << "it is no session to keep";
}

TEST_F(ProbeMysql, WhatTakesTooLongIsATimeoutAndOthersGoOn) {
  auto slow = query("select sleep(30)");
  slow.timeout = 300 * kMillisecond;
  EXPECT_EQ(four(slow), (Verdicts{{"timeout", 4}}));
  // A server that is stopped takes connections, and says nothing.
  auto p = query("select 1", "1");
  p.timeout = 300 * kMillisecond;
  server_->signal(SIGSTOP);
  EXPECT_EQ(four(p), (Verdicts{{"timeout", 4}}));
  p.params.set("reuse", true);
  EXPECT_EQ(four(p), (Verdicts{{"timeout", 4}}));
  server_->signal(SIGCONT);
  p.timeout = 10 * kSecond;
  EXPECT_EQ(four(p), (Verdicts{{"ok", 4}}));
}

}  // namespace
}  // namespace faultline::test
#endif
