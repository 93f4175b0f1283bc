// A middlebox that forgets connections, as applications see it: who is told, who waits, and what keeps a connection.
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include "tests/harness/tcp_ends.h"

namespace faultline::test {
namespace {

class IdleTimeoutTest : public TcpEnds {
 protected:
  void forget(const std::string& idle, const std::string& more = "",
              pen::Engine engine = pen::probe_features().engine()) {
    play_on_all("idle-timeout", fmt::format("idle = \"{}\"\n{}", idle, more), engine);
    begun = monotonic_now();
  }
  /// Lets so much time pass since the fault's beginning, in which these connections have something to say.
  void let_pass(Ns time, const std::vector<Connection>& talking = {}) {
    while (monotonic_now() < begun + time) {
      for (const auto& one : talking) expect_works(one);
      usleep(100'000);
    }
  }
  static void expect_works(const Connection& c) {
    say(c.client);
    EXPECT_EQ(hear(c.server, kSoon), 10);
    say(c.server);
    EXPECT_EQ(hear(c.client, kSoon), 10);
  }
  static void expect_waits(const Fd& fd) {
    EXPECT_EQ(hear(fd, 0), 0);
    EXPECT_EQ(error_of(fd), 0);
  }

  Ns begun = 0;
};

TEST_F(IdleTimeoutTest, WhatIsSilentIsForgottenAndWhatSpeaksIsNot) {
  const std::vector<Connection> silent = open_each(8000), talking = open_each(8001);
  forget("3s");
  let_pass(4 * kSecond, talking);
  for (std::size_t i = 0; i < silent.size(); i++) say(i % 2 == 0 ? silent[i].client : silent[i].server);
  for (const Ns quiet = monotonic_now() + kQuiet; monotonic_now() < quiet; usleep(100'000))
    for (const auto& one : talking) expect_works(one);
  for (const auto& [client, server] : silent) {
    expect_waits(client);
    expect_waits(server);
  }
  for (const Way& way : kWays) expect_works(open(way, 8002));
  const auto counts = finish();
  EXPECT_EQ(counts[0].flows_dead, silent.size());
  EXPECT_GE(counts[0].dropped, silent.size());
  EXPECT_EQ(counts[0].answered, 0u);
  EXPECT_EQ(counts[0].untracked, 0u);
  // The kernels try again by themselves, and the connections were never told anything else.
  for (std::size_t i = 0; i < silent.size(); i++)
    EXPECT_EQ(hear(i % 2 == 0 ? silent[i].server : silent[i].client, 3 * kSoon), 10) << kWays[i].name << ", afterwards";
}

TEST_F(IdleTimeoutTest, AResetTellsTheSenderAlone) {
  for (const auto engine : {pen::probe_features().engine(), pen::Engine::clsact}) {
    const std::vector<Connection> all = open_each(8000);
    forget("1s", "mode = \"reset\"\n", engine);
    let_pass(1500 * kMillisecond);
    for (std::size_t i = 0; i < all.size(); i++) {
      const Fd &first = i % 2 == 0 ? all[i].client : all[i].server, &other = i % 2 == 0 ? all[i].server : all[i].client;
      say(first);
      EXPECT_EQ(hear(first, kSoon), -ECONNRESET) << kWays[i].name;
      expect_waits(other);
      say(other);
      EXPECT_EQ(hear(other, kSoon), -ECONNRESET) << kWays[i].name << ", when it speaks itself";
    }
    EXPECT_EQ(finish()[0].answered, 2 * all.size());
  }
}

TEST_F(IdleTimeoutTest, KeepalivesKeepAConnection) {
  const Connection kept = open(kWays[0], 8000), lost = open(kWays[0], 8000);
  const int yes = 1, seconds = 1;
  for (const auto& [level, name, value] : {std::tuple{SOL_SOCKET, SO_KEEPALIVE, yes},
                                           {IPPROTO_TCP, TCP_KEEPIDLE, seconds},
                                           {IPPROTO_TCP, TCP_KEEPINTVL, seconds}})
    check("ask for keepalives", setsockopt(kept.client.get(), level, name, &value, sizeof value));
  forget("4s");
  let_pass(6 * kSecond);
  expect_works(kept);
  say(lost.client);
  EXPECT_EQ(hear(lost.server, kQuiet), 0);
  EXPECT_EQ(finish()[0].flows_dead, 1u);
}

}  // namespace
}  // namespace faultline::test
