// A real run that tells others: in order, with the verdict, and undisturbed by those that are not there.
#include <gtest/gtest.h>

#include "tests/harness/command.h"
#include "tests/harness/mailbox.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

struct NotifyTest : testing::Test {
  std::filesystem::path plan() const {
    VictimPlan plan{.netns = net.path()};
    plan.duration = "2s";
    plan.length = "1s";
    return folder.write("plan.toml", plan.text());
  }
  std::filesystem::path file(const std::string& url) const {
    return folder.write("notify.toml",
                        "[[webhooks]]\nurl = \"" + url + "\"\non = [\"begin\", \"fault\", \"guard\", \"end\"]\n");
  }
  static std::vector<std::string> events_of(const Mailbox& mailbox) {
    std::vector<std::string> events;
    for (const auto& letter : mailbox.letters()) events.push_back(letter.body.value("event", ""));
    return events;
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

TEST_F(NotifyTest, ARunTellsItsTurnsAndItsVerdict) {
  Mailbox mailbox;
  Command run = Command::run(plan(), out, {"--notify", file(mailbox.url("/secret-path"))});
  EXPECT_EQ(run.wait(60 * kSecond), 0) << run.errors();
  EXPECT_EQ(events_of(mailbox), (std::vector<std::string>{"begin", "fault_begin", "fault_end", "end"}));
  ASSERT_FALSE(mailbox.letters().empty());
  EXPECT_EQ(mailbox.letters().back().body["details"]["exit_code"], 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(text_of(entry.path()).find("secret-path"), std::string::npos) << entry.path();
  }
  EXPECT_EQ(summary_of(out)["repeat"].get<std::string>().find("--notify"), std::string::npos);
}

TEST_F(NotifyTest, NobodyThereChangesNothingAndIsSaid) {
  Command run = Command::run(plan(), out, {"--notify", file("http://127.0.0.1:1/secret-path")});
  EXPECT_EQ(run.wait(60 * kSecond), 0) << run.errors();
  EXPECT_NE(run.errors().find("the webhook at 127.0.0.1:1 was not told"), std::string::npos) << run.errors();
  EXPECT_EQ(run.errors().find("secret-path"), std::string::npos) << run.errors();
  EXPECT_EQ(summary_of(out)["cleanup"]["ok"], true);
}

TEST_F(NotifyTest, AStopIsToldByTheEnvironmentsFileAsWell) {
  Mailbox mailbox;
  Command run(
      {"env", "FAULTLINE_NOTIFY=" + file(mailbox.url()).string(), binary(), "run", plan(), "--out", out, "--quiet"});
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(60 * kSecond), 5) << run.errors();
  const auto events = events_of(mailbox);
  EXPECT_NE(std::find(events.begin(), events.end(), "stop"), events.end());
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back(), "end");
}

TEST_F(NotifyTest, AnInjectionTellsAsWell) {
  Mailbox mailbox;
  const Said said = say({"inject", "sever", "--on", "netns=" + net.path(), "--for", "500ms", "--out", out, "--quiet",
                         "--notify", file(mailbox.url("/secret-path"))});
  EXPECT_EQ((said.out + said.errors).find("secret-path"), std::string::npos);
  const auto events = events_of(mailbox);
  ASSERT_FALSE(events.empty()) << said.errors;
  EXPECT_EQ(events.front(), "begin");
  EXPECT_EQ(events.back(), "end");
}

TEST_F(NotifyTest, AMistakeInTheFileKeepsTheRunFromStarting) {
  Command run = Command::run(plan(), out, {"--notify", file("nowhere")});
  EXPECT_EQ(run.wait(60 * kSecond), 3);
  EXPECT_NE(run.errors().find("notify.toml:2:7: error: url"), std::string::npos) << run.errors();
  EXPECT_FALSE(std::filesystem::exists(out / "journal.jsonl"));
}

}  // namespace
}  // namespace faultline::test
