// Lines of logs: bytes in pieces, patterns that a stranger wrote, and files that somebody rotates.
#include "injector/base/lines.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "injector/base/clock.h"
#include "injector/base/pattern.h"
#include "injector/observe/events/file_follower.h"
#include "injector/observe/events/sightings.h"
#include "tests/harness/command.h"

namespace faultline {
namespace {

using List = std::vector<std::string>;

TEST(Lines, AreHandedOutOnceTheyAreWhole) {
  Lines lines;
  List got;
  const auto take = [&](std::string_view line) { got.emplace_back(line); };
  lines.add("one\ntw", take);
  EXPECT_EQ(got, List{"one"});
  lines.add("o\r\n\nthree", take);
  EXPECT_EQ(got, (List{"one", "two", ""}));
  lines.finish(take);
  lines.finish(take);
  EXPECT_EQ(got, (List{"one", "two", "", "three"}));
}

TEST(Lines, OfAnyLengthComeInPieces) {
  Lines lines;
  List got;
  const auto take = [&](std::string_view line) { got.emplace_back(line); };
  lines.add(std::string(Lines::kLongestLine + 5, 'x') + "\ny\n", take);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].size(), Lines::kLongestLine);
  EXPECT_EQ(got[1], "xxxxx");
  EXPECT_EQ(got[2], "y");
  got.clear();
  lines.add(std::string(Lines::kLongestLine, 'z'), take);
  lines.add("\nend\n", take);
  EXPECT_EQ(got.at(0).size(), Lines::kLongestLine);
  EXPECT_EQ(got.back(), "end");
}

TEST(Pattern, MatchesAPartOfALineWhateverItsBytes) {
  const auto pattern = Pattern::parse("server .* is DOWN").value.value();
  EXPECT_TRUE(pattern.matches("[WARNING] server rooms/east is DOWN, reason: timeout"));
  EXPECT_FALSE(pattern.matches("server rooms/east is UP"));
  EXPECT_TRUE(pattern.matches("\xff\xfe server a is DOWN"));
  EXPECT_TRUE(Pattern::parse("(?i)down").value->matches("DoWn"));
}

TEST(Pattern, SaysWhatIsWrong) {
  EXPECT_NE(Pattern::parse("server (").error.find("missing )"), std::string::npos) << Pattern::parse("server (").error;
  EXPECT_NE(Pattern::parse("(a)\\1").error.find("not a regular expression"), std::string::npos);
  EXPECT_FALSE(Pattern::parse("").value);
  EXPECT_FALSE(Pattern::parse(std::string(2000, 'a')).value);
  EXPECT_FALSE(Pattern::parse("((a{1000}){1000}){1000}").value) << "its machine would fill the memory";
}

/// A matcher that tries again and again needs longer than the world is old for this one: 2 to the power of 30.
TEST(Pattern, TakesTimeThatGrowsWithTheLineAlone) {
  const std::string many(30, 'a');
  std::string nested;
  for (int i = 0; i < 30; i++) nested += "a?";
  const auto pattern = Pattern::parse("^" + nested + many + "b$").value.value();
  const std::string line(Lines::kLongestLine, 'a');
  const Ns begin = monotonic_now();
  EXPECT_FALSE(Pattern::parse("(a+)+$").value->matches(line + "b"));
  EXPECT_FALSE(pattern.matches(many));
  EXPECT_LT(monotonic_now() - begin, 10 * kSecond);
}

struct FileFollowerTest : testing::Test {
  void add(const std::string& text) { std::ofstream(path, std::ios::app) << text; }
  List look(observe::FileFollower& follower) {
    List got;
    follower.look([&](std::string_view line) { got.emplace_back(line); });
    return got;
  }
  test::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "log";
};

TEST_F(FileFollowerTest, ReadsWhatComesAfterTheBeginning) {
  add("old\n");
  observe::FileFollower follower(path);
  EXPECT_EQ(look(follower), List{});
  add("new\nhal");
  EXPECT_EQ(look(follower), List{"new"});
  add("f\n");
  EXPECT_EQ(look(follower), List{"half"});
  EXPECT_EQ(follower.trouble(), "");
}

TEST_F(FileFollowerTest, FollowsToTheNewOneWhenItIsRotated) {
  add("old\n");
  observe::FileFollower follower(path);
  add("last of the first\n");
  std::filesystem::rename(path, folder.path() / "log.1");
  std::ofstream(folder.path() / "log.1", std::ios::app) << "written to the old one still\n";
  EXPECT_EQ(look(follower), (List{"last of the first", "written to the old one still"}));
  add("first of the second\n");
  EXPECT_EQ(look(follower), List{"first of the second"});
}

TEST_F(FileFollowerTest, BeginsAnewWhenItIsCutShort) {
  add("a long line that was there\n");
  observe::FileFollower follower(path);
  std::ofstream(path, std::ios::trunc) << "fresh\n";
  EXPECT_EQ(look(follower), List{"fresh"});
}

TEST_F(FileFollowerTest, WaitsForOneThatIsNotThereAndSaysSo) {
  observe::FileFollower follower(path);
  EXPECT_NE(follower.trouble().find("No such file"), std::string::npos) << follower.trouble();
  add("first\n");
  EXPECT_EQ(look(follower), List{"first"});
  EXPECT_EQ(follower.trouble(), "");
}

TEST_F(FileFollowerTest, OpensNeitherFoldersNorPipes) {
  observe::FileFollower of_folder(folder.path());
  EXPECT_NE(of_folder.trouble().find("is not a file"), std::string::npos);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  observe::FileFollower of_pipe(path);  // to open it would wait for a writer
  EXPECT_NE(of_pipe.trouble().find("is not a file"), std::string::npos);
}

TEST(Sightings, AreToldOneByOneAndThenCounted) {
  observe::Sightings sightings("down", {});
  std::size_t told = 0, counted = 0;
  for (int i = 0; i < 1000; i++) {  // one in a millisecond
    for (const auto& seen : sightings.add(5 * kSecond + i * kMillisecond, "is DOWN")) {
      (seen.line.empty() ? counted : told) += seen.count;
      EXPECT_EQ(seen.name, "down");
    }
  }
  EXPECT_EQ(told, 10u);
  if (const auto rest = sightings.counted(7 * kSecond)) counted += rest->count;
  EXPECT_EQ(counted, 990u);
  EXPECT_FALSE(sightings.counted(7 * kSecond));
  const auto later = sightings.add(6 * kSecond, "again");
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].line, "again");
  EXPECT_EQ(later[0].when, 6 * kSecond);
}

TEST(Sightings, ANumberIsCutWhereAFaultBegins) {
  constexpr Ns kBegin = 5 * kSecond + 30 * kMillisecond;
  observe::Sightings sightings("down", {kBegin, 9 * kSecond});
  std::size_t before = 0, after = 0;
  const auto count = [&](const record::events::Seen& seen) { (seen.when < kBegin ? before : after) += seen.count; };
  for (int i = 0; i < 1000; i++)
    for (const auto& seen : sightings.add(4 * kSecond + 900 * kMillisecond + i * kMillisecond, "is DOWN")) count(seen);
  if (const auto rest = sightings.counted(7 * kSecond)) count(*rest);
  EXPECT_EQ(before, 130u);
  EXPECT_EQ(after, 870u);
}

TEST(Sightings, WhatComesOutOfOrderCountsWhereItBelongs) {
  constexpr Ns kBegin = 5 * kSecond + 30 * kMillisecond;
  observe::Sightings sightings("down", {kBegin});
  std::size_t told = 0, before = 0, after = 0;
  const auto count = [&](const record::events::Seen& seen) {
    (seen.when < kBegin ? before : after) += seen.count;
    told += !seen.line.empty();
  };
  for (int i = 0; i < 100; i++)
    for (const Ns when : {kBegin + 10 * kMillisecond, kBegin - 10 * kMillisecond})
      for (const auto& seen : sightings.add(when, "is 7")) count(seen);
  if (const auto rest = sightings.counted(7 * kSecond)) count(*rest);
  EXPECT_EQ(before, 100u);
  EXPECT_EQ(after, 100u);
  EXPECT_EQ(told, 10u);
}

TEST(Sightings, OfAStrangersLineAreShortAndVisible) {
  observe::Sightings sightings("down", {});
  const auto seen = sightings.add(0, "\x1b[31m" + std::string(5000, 'x'));
  EXPECT_LE(seen.at(0).line.size(), observe::Sightings::kLongestTold + 3);
  EXPECT_EQ(seen[0].line.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace faultline
