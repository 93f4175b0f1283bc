// Answers that break off, as applications read them: how much arrives, and what then.
#include <gtest/gtest.h>

#include <thread>

#include "tests/harness/tcp_ends.h"

namespace faultline::test {
namespace {

class CutAfterTest : public TcpEnds {
 protected:
  struct Read {
    std::size_t bytes = 0;
    int end = 0;  ///< the error, or 0: nothing more came
  };
  /// Writes from one end and reads at the other until it ends.
  static Read carry(const Fd& from, const Fd& to, std::size_t bytes, Ns patience) {
    const std::string text(1 << 16, 'x');
    Read read;
    std::size_t written = 0;
    for (Ns quiet = monotonic_now() + patience; monotonic_now() < quiet;) {
      if (written < bytes) {
        const ssize_t n =
            ::send(from.get(), text.data(), std::min(text.size(), bytes - written), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) written += static_cast<std::size_t>(n);
      }
      const int n = hear(to, 50 * kMillisecond);
      if (n < 0) return read.end = n, read;
      read.bytes += static_cast<std::size_t>(n);
      if (n > 0) quiet = monotonic_now() + patience;
    }
    return read;
  }
};

constexpr std::size_t kAfter = 100'000, kPacket = 65536;  // of lo; of the wire it is 1448

TEST_F(CutAfterTest, AnAnswerBreaksOffInTheMiddle) {
  for (const auto engine : {pen::probe_features().engine(), pen::Engine::clsact}) {
    for (const char* mode : {"silent", "reset"}) {
      std::vector<Connection> all = open_each(8000);
      play_on_all("cut-after", fmt::format("after = \"100kB\"\nmode = \"{}\"\n", mode), engine);
      for (auto& younger : open_each(8001)) all.push_back(std::move(younger));
      for (std::size_t i = 0; i < all.size(); i++) {
        const bool lo = i % 6 >= 4, reset = std::string(mode) == "reset", answer = i % 2 == 0;
        SCOPED_TRACE(fmt::format("{} {} {}", kWays[i % 6].name, mode, i < 6 ? "before" : "after"));
        say(all[i].client);
        EXPECT_EQ(hear(all[i].server, kSoon), 10);
        const Fd &from = answer ? all[i].server : all[i].client, &to = answer ? all[i].client : all[i].server;
        const Read read = carry(from, to, 1 << 20, reset ? kSoon : kQuiet);
        EXPECT_LE(read.bytes + (answer ? 0 : 10), kAfter);
        EXPECT_GT(read.bytes + (answer ? 0 : 10), kAfter - (lo ? kPacket : 1448));
        EXPECT_EQ(read.end, reset ? -ECONNRESET : 0);
        EXPECT_EQ(error_of(to), 0);
      }
      const auto counts = finish();
      EXPECT_EQ(counts[0].flows_dead, all.size());
      EXPECT_EQ(counts[0].untracked, 0u);
      EXPECT_EQ(counts[0].undelivered.total(), 0u);
    }
  }
}

TEST_F(CutAfterTest, WhatIsShortPassesAndEachDirectionIsItsOwn) {
  const std::vector<Connection> all = open_each(8000);
  play_on_all("cut-after", "after = \"100kB\"\nmode = \"reset\"\n");
  for (const auto& [client, server] : all)
    for (int i = 0; i < 9; i++) {
      say(client, 10'000);
      std::size_t heard = 0;
      for (int n = 0; heard < 10'000 && (n = hear(server, kSoon)) > 0;) heard += static_cast<std::size_t>(n);
      EXPECT_EQ(heard, 10'000u);
      say(server, 10'000);
      for (int n = 0; heard < 20'000 && (n = hear(client, kSoon)) > 0;) heard += static_cast<std::size_t>(n);
      EXPECT_EQ(heard, 20'000u);
    }
  const auto counts = finish();
  EXPECT_EQ(counts[0].flows_met, all.size());
  EXPECT_EQ(counts[0].flows_dead, 0u);
  EXPECT_EQ(counts[0].dropped, 0u);
}

TEST_F(CutAfterTest, OneDirectionAlone) {
  const Connection asks = open(kWays[0], 8000), answers = open(kWays[0], 8001);
  play_on_all("cut-after", "after = \"100kB\"\nmode = \"reset\"\ndirection = \"ingress\"\n");
  EXPECT_EQ(carry(asks.client, asks.server, 1 << 20, kSecond).bytes, 1u << 20) << "what leaves is not counted";
  EXPECT_EQ(carry(answers.server, answers.client, 1 << 20, kSoon).end, -ECONNRESET);
  EXPECT_EQ(finish()[0].flows_dead, 1u);
}

}  // namespace
}  // namespace faultline::test
