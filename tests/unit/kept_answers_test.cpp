// What services said to requests that failed: which answers are kept, how they are bounded and what they do not show;
// and how much a load's requests take up in the journal.
#include "injector/record/kept_answers.h"

#include <gtest/gtest.h>
#include <random>
#include <sstream>

#include "injector/base/secrets.h"
#include "injector/plan/parse.h"
#include "injector/record/journal.h"
#include "injector/record/sample_batch.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using testing::TemporaryFolder;

probe::Sample failing(Ns due, const std::string& error, std::string output, std::string errors = {}) {
  probe::Sample sample{0, due, 0, kMillisecond, false, error};
  auto heard = std::make_shared<probe::Heard>();
  heard->output = std::move(output);
  heard->errors = std::move(errors);
  sample.said = heard;
  return sample;
}

TEST(KeptAnswers, TheFirstOfEachErrorInEachPartOfTheRun) {
  KeptAnswers answers;
  answers.set_edges({20 * kSecond, 10 * kSecond});
  const auto first = answers.keep("pay", failing(kSecond, "status 503", "no bank", "and a word"));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->probe, "pay");
  EXPECT_EQ(first->due, kSecond);
  EXPECT_EQ(first->error, "status 503");
  EXPECT_EQ(first->output, "no bank");
  EXPECT_EQ(first->errors, "and a word");
  EXPECT_EQ(first->left_out, 0u);
  EXPECT_FALSE(answers.keep("pay", failing(9 * kSecond, "status 503", "again")));
  EXPECT_TRUE(answers.keep("pay", failing(9 * kSecond, "status 500", "another")));
  EXPECT_TRUE(answers.keep("browse", failing(9 * kSecond, "status 503", "another's")));
  EXPECT_TRUE(answers.keep("pay", failing(10 * kSecond, "status 503", "in the fault")));
  EXPECT_TRUE(answers.keep("pay", failing(20 * kSecond, "status 503", "after it")));
  EXPECT_FALSE(answers.keep("pay", failing(25 * kSecond, "status 503", "again")));
}

TEST(KeptAnswers, NothingIsKeptOfWhatSaidNothingOrWasWell) {
  KeptAnswers answers;
  EXPECT_FALSE(answers.keep("pay", {0, 0, 0, kMillisecond, false, "timeout"}));
  auto well = failing(0, "", "fine");
  well.ok = true;
  EXPECT_FALSE(answers.keep("pay", well));
}

TEST(KeptAnswers, WhatWasWantedIsKeptWithoutSecrets) {
  KeptAnswers answers;
  answers.set_secrets({"hunter2"});
  auto sample = failing(0, "json", "");
  EXPECT_FALSE(answers.keep("bank", sample)->mismatch);
  auto heard = std::make_shared<probe::Heard>();
  heard->mismatch = "JSON field /key: \"hunter2\" wanted, 3\n seen";
  sample.said = heard;
  EXPECT_EQ(answers.keep("pay", sample)->mismatch, "JSON field /key: \"***\" wanted, 3\n seen");
}

TEST(KeptAnswers, AreBoundedAndVisible) {
  KeptAnswers answers;
  const auto long_one = answers.keep("pay", failing(0, "a", std::string(probe::Heard::kMost - 1, 'x') + "éé"));
  ASSERT_TRUE(long_one);
  EXPECT_EQ(long_one->output, std::string(probe::Heard::kMost - 1, 'x')) << "no character is cut in two";
  EXPECT_EQ(long_one->left_out, 4u);
  const auto wild = answers.keep("pay", failing(0, "b", "two\nlines\x1b[31m\xe2\x80\xae\xff"));
  EXPECT_EQ(wild->output, "two\nlines\\u001b[31m\\u202e\\xff");
  EXPECT_EQ(answers.keep("pay", failing(0, "c", std::string(probe::Heard::kMost - 2, 'x') + "é"))->left_out, 0u);
  std::size_t kept = 0;
  for (int i = 0; i < 1000; ++i) kept += answers.keep("many", failing(0, std::to_string(i), "x")).has_value();
  EXPECT_EQ(kept, KeptAnswers::kMostOfProbe);
}

TEST(KeptAnswers, DoNotShowSecrets) {
  KeptAnswers answers;
  answers.set_secrets({"hunter2-hunter2"});
  const auto answer =
      answers.keep("pay", failing(0, "a", "you said hunter2-hunter2; password=abc", "Cookie: a=b; c=d"));
  EXPECT_EQ(answer->output, "you said ***; password=***");
  EXPECT_EQ(answer->errors, "Cookie: ***");
  const auto cut = answers.keep("pay", failing(0, "b", std::string(probe::Heard::kMost - 7, 'x') + "hunter2-hunter2"));
  EXPECT_EQ(cut->output, std::string(probe::Heard::kMost - 7, 'x')) << "half a secret is not shown";
}

TEST(KeptAnswers, SecretsOfThePlanAreHidden) {
  const auto parsed = plan::parse_text(
      "[vars]\ndb_password = \"open sesame\"\ncity = \"Hangzhou\"\n[probes.pay]\nhttp = \"http://10.0.0.1/\"\n"
      "headers = { Authorization = \"Bearer abcdef\", X-Api-Key = \"0123456789\", X-Shop = \"east-side\" }\n",
      "plan.toml");
  ASSERT_TRUE(parsed.ok());
  const TemporaryFolder folder;
  {
    Journal journal(folder.path());
    events::plan(journal, parsed.plan);
    journal.sample("pay", failing(0, "status 401", "open sesame Bearer abcdef 0123456789 east-side Hangzhou"));
  }
  const std::string text = folder.read("journal.jsonl");
  EXPECT_NE(text.find("\"*** *** *** east-side Hangzhou\""), std::string::npos) << text;
}

TEST(Secrets, OneMayBeTheBeginningOfAnotherOrShareIt) {
  EXPECT_EQ(without_values("a hunter2 and hunter2-admin", {"hunter2", "hunter2-admin"}), "a *** and ***");
  const std::string head = "eyJhbGciOiJIUzI1NiJ9.";
  EXPECT_EQ(without_values("got " + head + "BBBBSECRET, not " + head + "AAAA", {head + "AAAA", head + "BBBBSECRET"}),
            "got ***, not ***");
  EXPECT_EQ(without_values("cut: " + head + "BB", {head + "BBBBSECRET"}), "cut: ***") << "a text may have been cut";
}

TEST(Secrets, WhatAWordAnnouncesIsHidden) {
  for (const auto& [text, shown] : std::vector<std::pair<std::string, std::string>>{
           {"password=abc def", "password=*** def"},
           {"{\"token\": \"a\\\"b\", \"user\": \"u\"}", "{\"token\": \"***\", \"user\": \"u\"}"},
           {"db_secret : 'x y' z", "db_secret : '***' z"},
           {"Authorization: Basic abc==\nHost: x", "Authorization: ***\nHost: x"},
           {"at https://me:pw@host/ and postgres://a:b@c/d", "at https://me:***@host/ and postgres://a:***@c/d"},
           {"status: 503, at 10:30, a=b", "status: 503, at 10:30, a=b"},
           {"tokens", "tokens"},
           {"password=", "password="},
           {"", ""}})
    EXPECT_EQ(without_secrets_in(text), shown);
}

TEST(KeptAnswers, AreInTheRecordAgain) {
  const auto read = [](const std::string& run) {
    std::istringstream lines(run +
                             "\n{\"event\":\"plan\",\"probes\":[{\"name\":\"pay\",\"rate\":\"5/s\"}]}\n"
                             "{\"event\":\"answer\",\"probe\":\"pay\",\"due\":7,\"error\":\"body\",\"output\":\"no\","
                             "\"errors\":\"\",\"left_out\":3}\n");
    return read_recording(lines);
  };
  const Recording r = read("{\"event\":\"run\",\"schema\":1}");
  ASSERT_EQ(r.probes.size(), 1u);
  EXPECT_EQ(r.probes[0].rate, "5/s");
  ASSERT_EQ(r.probes[0].said.size(), 1u);
  EXPECT_EQ(r.probes[0].said[0].output, "no");
  EXPECT_EQ(r.schema, 1);
  EXPECT_TRUE(r.warnings.empty());
  EXPECT_EQ(read("{\"event\":\"run\"}").schema, 0) << "of before there was one";
}

TEST(KeptAnswers, AJournalOfANewerSchemaIsReadWithAWarning) {
  std::istringstream lines("{\"event\":\"run\",\"schema\":7,\"name\":\"shop\"}\n");
  const Recording r = read_recording(lines);
  EXPECT_EQ(r.name, "shop");
  ASSERT_EQ(r.warnings.size(), 1u);
  EXPECT_NE(r.warnings[0].text.find("schema 7"), std::string::npos);
}

TEST(KeptAnswers, AHistogramOfALoadHasABoundedSize) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(14, 3), late(11, 3);
  SampleBatch batch;
  for (int i = 0; i < 10'000; ++i)
    batch.add({0, 0, static_cast<Ns>(late(random)), static_cast<Ns>(latency(random)), true, {}});
  const auto samples = batch.event("load");
  EXPECT_LE(samples.latency.size(), SampleBatch::kMostValues + 1) << "and the largest";
  std::uint64_t count = 0;
  for (const auto& [value, times] : samples.latency) count += times;
  EXPECT_EQ(count, 10'000u);
  std::string line;
  append_fields(line, samples);
  constexpr std::size_t kCells = 40 * 60 * 10;
  EXPECT_LT((line.size() + 120) * kCells, 110u * 1000 * 1000);
  RecordProperty("bytes", static_cast<int>(line.size()));
}

}  // namespace
}  // namespace faultline::record
