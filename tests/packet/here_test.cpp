// What the selector decides itself: a packet that is neither to be held nor to be split meets its rules where it is,
// and what chance says there is what it would have said in the pen.
#include <gtest/gtest.h>

#include <cmath>

#include "injector/base/clock.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"
#include "tests/packet/flow_replay.h"

namespace faultline::test {
namespace {

struct Here : EngineTest {
  void load(const faults::Channel& channel, std::uint64_t seed = 1) {
    programs = std::make_unique<Programs>(
        GetParam(), std::vector<Rule>{{.match = {}, .channel = channel, .window = kHour, .seed = seed}});
  }

  /// Runs one frame and returns the verdict. `entered`: it was stamped and sent into the pen.
  int select(const Packet& packet, const char* program = "select_out", std::uint32_t gso_size = 0) {
    const Frame frame = build(packet);
    const Skb run = programs->select(program, {.frame = frame, .gso_size = gso_size});
    entered = run.frame != frame;
    if (entered) {
      EXPECT_EQ(stamp_of(run.frame).magic, FL_STAMP_MAGIC);
    }
    return run.verdict;
  }

  std::unique_ptr<Programs> programs;
  bool entered = false;
};

TEST_P(Here, EveryLossIsTheOneThatChanceSays) {
  constexpr std::uint64_t kSeed = 77;
  load(steady(kHour, 0, 0, 0.1), kSeed);
  FlowReplay replay(0);
  std::uint64_t dropped = 0;
  for (int i = 0; i < 5000; i++) {
    Packet p;
    p.l4 = i % 2 == 0 ? L4::udp : L4::tcp;
    p.source_port = static_cast<std::uint16_t>(40000 + i % 7);
    const auto turn = replay.next(p);
    const bool lost =
        fl_lost(fl_random(kSeed, FL_STREAM_LOSS + turn.stream, turn.key, turn.number), std::llround(0.1 * 0x1p32));
    dropped += lost;
    // Dropped on egress is redirected nowhere: to the sender's kernel it was sent.
    ASSERT_EQ(select(p), lost ? kRedirect : kNext) << "packet " << i;
    ASSERT_FALSE(entered);
  }
  EXPECT_EQ(programs->tally(0).matched, 5000u);
  EXPECT_EQ(programs->tally(0).dropped, dropped);
  EXPECT_GT(dropped, 300u);
}

TEST_P(Here, ACutDropsByDirectionAndWhole) {
  load(steady(kHour, 0, 0, 1));
  EXPECT_EQ(select(Packet{}, "select_out"), kRedirect);
  EXPECT_FALSE(entered);
  EXPECT_EQ(select(Packet{}, "select_in"), kDrop);
  EXPECT_FALSE(entered);
  EXPECT_EQ(select(Packet{}, "select_lo"), kRedirect);
  EXPECT_FALSE(entered);
  Packet big;
  big.l4 = L4::tcp;
  big.payload = 1800;
  EXPECT_EQ(select(big, "select_out", 600), kRedirect) << "a sure loss needs no splitter";
  EXPECT_FALSE(entered);
  EXPECT_EQ(programs->tally(0).dropped, 3u + 3u) << "counted in wire packets";
}

TEST_P(Here, WhatIsHeldOrSplitEntersThePen) {
  load(steady(kHour, kMillisecond));
  EXPECT_EQ(select(Packet{}), kRedirect);
  EXPECT_TRUE(entered);
  EXPECT_EQ(programs->tally(0).matched, 0u) << "it meets its rules there";
  load(steady(kHour, 0, kMillisecond));
  EXPECT_EQ(select(Packet{}), kRedirect);
  EXPECT_TRUE(entered);
  load(steady(kHour, 0, 0, 0.5));
  Packet big;
  big.l4 = L4::tcp;
  big.payload = 1800;
  EXPECT_EQ(select(big, "select_out", 600), kRedirect);
  EXPECT_TRUE(entered);
}

TEST_P(Here, NothingOvertakesWhatIsOnItsWay) {
  load(steady(kHour, 0, 0, 0.000001));
  EXPECT_EQ(select(Packet{}), kNext);
  programs->flight().entered = 1;
  programs->flight().entered_last = static_cast<std::uint64_t>(monotonic_now());
  EXPECT_EQ(select(Packet{}), kRedirect);
  EXPECT_TRUE(entered);
  programs->flight().left = programs->flight().entered;
  EXPECT_EQ(select(Packet{}), kNext);
}

TEST_P(Here, TheOperatorsPortIsLeftOut) {
  programs = std::make_unique<Programs>(
      GetParam(), std::vector<Rule>{{.match = {}, .channel = steady(kHour, 0, 0, 1), .window = kHour}},
      Programs::Owner::us, pen::SelectorPlace{.exempt_ports = {22, 2222}});
  for (const bool v6 : {false, true}) {
    Packet p{.l4 = L4::tcp, .source_port = 22, .destination_port = 50000};
    if (v6) p.source = "fd00::1", p.destination = "fd00::2";
    EXPECT_EQ(select(p, "select_out"), kNext);
    EXPECT_EQ(select(p, "select_in"), kDrop) << "a peer's port 22 is not ours";
    std::swap(p.source_port, p.destination_port);
    EXPECT_EQ(select(p, "select_in"), kNext);
    EXPECT_EQ(select(p, "select_out"), kRedirect);
    p.destination_port = 2222;
    EXPECT_EQ(select(p, "select_in"), kNext);
    p.destination_port = 23;
    EXPECT_EQ(select(p, "select_in"), kDrop);
    p.destination_port = 22;
    p.l4 = L4::udp;
    EXPECT_EQ(select(p, "select_in"), kDrop) << "TCP alone";
  }
}

/// Loses IP packets of more bytes.
faults::Channel black_hole(std::uint32_t above = 1400) {
  faults::Channel channel = steady(kHour, 0, 0, 1);
  channel.above = above;
  return channel;
}

/// With an IP packet of so many bytes.
Packet of_length(std::size_t length, L4 l4, bool v6) {
  Packet p{.l4 = l4};
  if (v6) p.source = "fd00::1", p.destination = "fd00::2";
  p.payload = length - (v6 ? 40 : 20) - (l4 == L4::tcp ? 20 : 8);
  return p;
}

TEST_P(Here, ABlackHoleTakesWhatIsLonger) {
  load(black_hole());
  for (const bool v6 : {false, true}) {
    for (const L4 l4 : {L4::tcp, L4::udp}) {
      for (const char* program : {"select_out", "select_in", "select_lo"}) {
        const int lost = std::string(program) == "select_in" ? kDrop : kRedirect;
        EXPECT_EQ(select(of_length(1400, l4, v6), program), kNext);
        EXPECT_EQ(select(of_length(1401, l4, v6), program), lost);
        EXPECT_FALSE(entered);
      }
    }
  }
  EXPECT_EQ(programs->tally(0).matched, 12u) << "what is short does not meet it";
  EXPECT_EQ(programs->tally(0).dropped, 12u);
  Packet options = of_length(1400, L4::udp, false);
  options.option_words = 1;
  EXPECT_EQ(select(options), kRedirect) << "the header is part of it";
  Packet extended = of_length(1393, L4::udp, true);
  extended.extensions = {Extension::hop_by_hop};
  EXPECT_EQ(select(extended), kRedirect);
}

TEST_P(Here, ABlackHoleKnowsABundlesPackets) {
  for (const bool v6 : {false, true}) {
    load(black_hole(1000));  // three of them are as much as programs can be run on
    const std::uint32_t most = 1000 - (v6 ? 40 : 20) - 20;
    Packet bundle{.l4 = L4::tcp, .payload = 3 * most};
    if (v6) bundle.source = "fd00::1", bundle.destination = "fd00::2";
    EXPECT_EQ(select(bundle, "select_out", most), kNext) << "none of them is too long";
    EXPECT_FALSE(entered);
    EXPECT_EQ(programs->tally(0).matched, 0u);
    EXPECT_EQ(select(bundle, "select_out", most + 1), kRedirect);
    EXPECT_TRUE(entered) << "to be split: its last one is short enough";
    // How much each of its packets has in front is known of TCP alone: any other is split, and they are looked at.
    Packet datagrams = bundle;
    datagrams.l4 = L4::udp;
    datagrams.payload = most + 12;  // in 1000 bytes
    const auto all_is_back = [&] { programs->flight().left = programs->flight().entered; };
    all_is_back();
    EXPECT_EQ(select(datagrams, "select_out", 300), kNext) << "as a whole it is short enough";
    datagrams.payload = 3 * (most + 12);
    all_is_back();
    EXPECT_EQ(select(datagrams, "select_out", most + 12), kRedirect);
    EXPECT_TRUE(entered);
    programs->set_slot(1, 1);
    const auto becomes = [&](std::size_t payload, const char* program, std::uint32_t gso_size = 0) {
      datagrams.payload = payload;
      return programs->becomes(program, datagrams, gso_size);
    };
    using Played = Programs::Played;
    EXPECT_EQ(becomes(3 * (most + 12), "play_arrival", most + 12), Played::split);
    EXPECT_EQ(becomes(most + 12, "play_split"), Played::on);
    EXPECT_EQ(becomes(most + 13, "play_split"), Played::dropped);
    EXPECT_EQ(programs->tally(0).matched, 1u) << "of them all, what is too long";
  }
}

TEST_P(Here, ABlackHoleTakesBareDevicesPacketsToo) {
  programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{{.channel = black_hole()}}, Programs::Owner::us,
                                        pen::SelectorPlace{.bare = true});
  for (const std::size_t length : {1400u, 1401u}) {
    Packet p = of_length(length, L4::udp, false);
    p.source = kBare4;
    EXPECT_EQ(programs->select("select_bare_out", {.frame = build_bare(p)}).verdict,
              length == 1400 ? kNext : kRedirect);
  }
}

FAULTLINE_WITH_BOTH_ENGINES(Here);

}  // namespace
}  // namespace faultline::test
