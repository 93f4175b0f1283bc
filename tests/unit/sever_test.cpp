#include <gtest/gtest.h>

#include "faults/kind.h"

using namespace faultline;
using namespace faultline::faults;

namespace {

const Kind& sever() { return *find_kind("sever"); }

Params mode(const char* name) {
  Params params;
  params.set("mode", std::string(name));
  return params;
}

}  // namespace

TEST(Sever, DropsEverythingInItsWindowAndDoesNothingElse) {
  const Params params = mode("silent");
  const Channel channel = sever().compile({params, {20 * kSecond, 60 * kSecond}, 1, "payment"});
  EXPECT_EQ(value_at(channel.loss, 20 * kSecond - 1), 0);
  EXPECT_EQ(value_at(channel.loss, 20 * kSecond), 1);
  EXPECT_EQ(value_at(channel.loss, 60 * kSecond - 1), 1);
  EXPECT_EQ(value_at(channel.loss, 60 * kSecond), 0);
  EXPECT_TRUE(channel.delay.empty());
  EXPECT_TRUE(channel.jitter.empty());
}

TEST(Sever, SilentIsTheDefaultAndTheOnlyModeYet) {
  const Kind& kind = sever();
  EXPECT_TRUE(kind.validate(Params(), kSecond).empty());
  EXPECT_TRUE(kind.validate(mode("silent"), kSecond).empty());
  const Key& key = kind.keys.at(0);
  EXPECT_EQ(key.fallback, "\"silent\"");
  EXPECT_EQ(key.choices.size(), 6u);
  for (const auto choice : key.choices) {
    if (choice == "silent") continue;
    const auto problems = kind.validate(mode(std::string(choice).c_str()), kSecond);
    ASSERT_EQ(problems.size(), 1u) << choice;
    EXPECT_EQ(problems[0].key, "mode");
    EXPECT_TRUE(problems[0].not_yet);
    EXPECT_NE(problems[0].message.find(choice), std::string::npos);
    EXPECT_FALSE(problems[0].hint.empty());
  }
}
