// What holds for every fault kind, present and future: names, documentation, and a channel that the player can take.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "faults/kind.h"
#include "faults/score.h"

namespace faultline::faults {
TEST(Catalogue, NamesEachKindOnce) {
  std::set<std::string_view> names;
  for (const Kind& kind : catalogue()) {
    EXPECT_TRUE(names.insert(kind.name).second) << "two kinds have the name " << kind.name;
    EXPECT_EQ(kind.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << kind.name;
    EXPECT_EQ(find_kind(kind.name), &kind);
    EXPECT_FALSE(kind.summary.empty());
  }
  EXPECT_EQ(find_kind("no-such-kind"), nullptr);
}

// A kind that is written but not listed would be as if it were not there.
TEST(Catalogue, HasEachKindThatHasAPage) {
  for (const auto& page : std::filesystem::directory_iterator(FAULTLINE_SOURCE_DIR "/docs/faults"))
    EXPECT_NE(find_kind(page.path().stem().string()), nullptr) << page.path();
}

TEST(Catalogue, EveryKeyIsDocumentedAndConsistent) {
  for (const Kind& kind : catalogue()) {
    for (const Key& key : kind.keys) {
      SCOPED_TRACE(std::string(kind.name) + "." + std::string(key.name));
      EXPECT_TRUE(key.doc.ends_with('.'));
      for (const char* common :
           {"name", "kind", "on", "on_any", "peer", "direction", "loopback", "start", "for", "if_gone", "wait"})
        EXPECT_NE(key.name, common) << "every fault has that key";
      EXPECT_FALSE(key.example.empty());
      EXPECT_FALSE(key.required && !key.fallback.empty()) << "a required key has no default";
      EXPECT_EQ(key.type == ValueType::choice, !key.choices.empty());
      if (key.type == ValueType::choice && !key.fallback.empty()) {
        const auto bare = key.fallback.substr(1, key.fallback.size() - 2);
        EXPECT_NE(std::find(key.choices.begin(), key.choices.end(), bare), key.choices.end());
      }
      EXPECT_EQ(std::count_if(kind.keys.begin(), kind.keys.end(), [&](const Key& k) { return k.name == key.name; }), 1);
    }
  }
}

// The keys' table rows and their defaults cannot drift from the code.
TEST(Catalogue, EveryKindHasItsPageWithEveryKey) {
  for (const Kind& kind : catalogue()) {
    const std::string path = FAULTLINE_SOURCE_DIR "/docs/faults/" + std::string(kind.name) + ".md";
    std::ifstream file(path);
    ASSERT_TRUE(file) << path;
    std::stringstream page;
    page << file.rdbuf();
    for (const Key& key : kind.keys) {
      SCOPED_TRACE(path + ": " + std::string(key.name));
      const std::string quoted = "`" + std::string(key.name) + "`";
      const std::size_t row = page.str().find("\n| " + quoted + " |");
      ASSERT_NE(row, std::string::npos);
      const std::string line = page.str().substr(row + 1, page.str().find('\n', row + 1) - row - 1);
      const std::string standard = key.required           ? "| required |"
                                   : key.fallback.empty() ? "| none |"
                                                          : "| `" + std::string(key.fallback) + "` |";
      EXPECT_NE(line.find(standard), std::string::npos) << line;
      EXPECT_NE(line.find(std::string(key.example)), std::string::npos) << line;
    }
  }
}

TEST(Catalogue, EveryChannelStaysInItsWindow) {
  Params params;  // enough for any kind: each takes what it knows
  params.set("delay", 10 * kMillisecond);
  params.set("jitter", 5 * kMillisecond);
  params.set("loss", 0.5);
  params.set("spread", 0.2);
  params.set("episodes.every", kSecond);
  params.set("episodes.last", 500 * kMillisecond);
  params.set("episodes.onset", 0.15);
  params.set("episodes.decay", 0.35);
  params.set("down", 300 * kMillisecond);
  params.set("up", 200 * kMillisecond);
  params.set("vary", 0.5);
  params.set("file", Trace{"wan.csv", {{.at = 0, .delay = 1e6}, {.at = 400 * kMillisecond, .loss = 0.1}}});
  params.set("repeat", true);
  for (const Kind& kind : catalogue()) {
    ASSERT_TRUE(kind.validate(params, kSecond).empty()) << kind.name;
    for (std::uint64_t seed = 0; seed < 200; seed++) {
      const Window window{kSecond, 2 * kSecond + static_cast<Ns>(seed) * 9 * kMillisecond};
      const Channel channel = kind.compile({params, window, seed, "payment"});
      const auto active = channel.active();
      ASSERT_FALSE(active.empty()) << kind.name << " does nothing, seed " << seed;
      ASSERT_GE(active.front().start, window.start) << kind.name;
      ASSERT_LE(active.back().end, window.end) << kind.name;
      ASSERT_NO_THROW(flatten({{.channel = channel, .window = window}}, 1)) << kind.name;
    }
  }
}

}  // namespace faultline::faults
