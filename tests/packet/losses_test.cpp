// What is noted of TCP that rules drop, for telemetry to tell whose loss it is that is sent again: whose bytes, which
// of them, and what was acknowledged. The kernel's part, who takes it back, needs real sockets:
// tests/netns/ours_test.cpp.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "faults/losses_abi.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

using Range = std::pair<std::uint32_t, std::uint32_t>;

struct Losses : EngineTest {
  void load(const faults::Channel& channel, bool notes = true) {
    programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{{.channel = channel}}, Programs::Owner::us,
                                          pen::SelectorPlace{}, notes);
  }
  void drop(const Packet& packet, const char* program = "select_out", std::uint32_t gso_size = 0) {
    const Skb run = programs->select(program, {.frame = build(packet), .gso_size = gso_size});
    EXPECT_NE(run.verdict, kNext);
  }
  static void write(std::uint32_t* to, const std::string& text) {
    const auto address = *IpPrefix::parse(text);
    std::memset(to, 0, 16);
    if (!address.v6) to[2] = be_mapped();
    std::memcpy(address.v6 ? to : to + 3, address.bytes.data(), address.v6 ? 16 : 4);
  }
  static std::uint32_t be_mapped() {
    const std::uint8_t bytes[] = {0, 0, 0xff, 0xff};
    std::uint32_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return word;
  }
  static std::uint16_t be(std::uint16_t port) { return static_cast<std::uint16_t>(port >> 8 | port << 8); }
  fl_losses at(const Packet& p, std::uint32_t block) const {
    fl_loss_key key{};
    write(key.from, p.source);
    write(key.to, p.destination);
    key.ports[0] = be(p.source_port);
    key.ports[1] = be(p.destination_port);
    key.block = block;
    fl_losses found{};
    if (bpf_map_lookup_elem(programs->player().map("losses"), &key, &found) != 0) return {};
    return found;
  }
  /// Of the bytes of whoever sends such a packet, in that block.
  std::multiset<Range> lost(const Packet& p, std::uint32_t block) const {
    const fl_losses found = at(p, block);
    std::multiset<Range> all;
    for (const auto& one : found.lost)
      if (one.at != 0) all.emplace(one.begin, one.end);
    return all;
  }
  std::multiset<Range> lost(const Packet& p) const { return lost(p, fl_loss_block(p.sequence)); }
  /// What of its bytes was acknowledged in vain.
  std::set<std::uint32_t> acknowledged(const Packet& p) const {
    std::set<std::uint32_t> numbers;
    for (const auto& [begin, end] : lost(p, FL_LOSS_ACKNOWLEDGED)) numbers.insert(end);
    return numbers;
  }
  std::uint64_t blocks() const {
    const std::uint32_t zero = 0;
    std::uint64_t added = 0;
    bpf_map_lookup_elem(programs->player().map("loss_blocks"), &zero, &added);
    return added;
  }

  std::unique_ptr<Programs> programs;
};

Packet data_segment(bool v6 = false, std::size_t payload = 100, std::uint8_t flags = kAck,
                    std::uint32_t sequence = 1000) {
  Packet p{.l4 = L4::tcp,
           .source_port = 40000,
           .destination_port = 80,
           .tcp_flags = flags,
           .sequence = sequence,
           .payload = payload};
  if (v6) p.source = "fd00::1", p.destination = "fd00::2";
  return p;
}
Packet turned(Packet p) {
  std::swap(p.source, p.destination);
  std::swap(p.source_port, p.destination_port);
  return p;
}

TEST_P(Losses, AreOfWhoSentTheBytes) {
  load(steady(kHour, 0, 0, 1));
  for (const bool v6 : {false, true}) {
    for (const char* hook : {"select_out", "select_in", "select_lo"}) drop(data_segment(v6), hook);
    EXPECT_EQ(lost(data_segment(v6)), (std::multiset<Range>{{1000, 1100}, {1000, 1100}, {1000, 1100}}));
    EXPECT_TRUE(lost(turned(data_segment(v6))).empty());
    EXPECT_EQ(acknowledged(turned(data_segment(v6))), std::set{77u}) << "of the bytes of its receiver";
    EXPECT_TRUE(acknowledged(data_segment(v6)).empty());
  }
  EXPECT_EQ(blocks(), 4u);
}

TEST_P(Losses, SynAndFinAreLossesAndBareAcknowledgementsAreNot) {
  load(steady(kHour, 0, 0, 1));
  drop(data_segment(false, 0, kSyn));
  EXPECT_EQ(lost(data_segment()), (std::multiset<Range>{{1000, 1001}}));
  EXPECT_TRUE(acknowledged(turned(data_segment())).empty());
  drop(data_segment(false, 0, kFin | kAck, 20000));
  EXPECT_EQ(lost(data_segment(false, 0, kAck, 20000)), (std::multiset<Range>{{20000, 20001}}));
  drop(data_segment(false, 0, kAck, 30000));
  EXPECT_TRUE(lost(data_segment(false, 0, kAck, 30000)).empty());
  EXPECT_EQ(acknowledged(turned(data_segment())), std::set{77u});
  drop(data_segment(false, 100, kRst | kAck, 40000));
  EXPECT_TRUE(lost(data_segment(false, 0, kAck, 40000)).empty()) << "nobody sends that again";
}

TEST_P(Losses, ABundleIsCutToBlocksAlsoWhereNumbersWrap) {
  load(steady(kHour, 0, 0, 1));
  const std::uint32_t block = 1u << FL_LOSS_BLOCK_SHIFT;
  for (const std::uint32_t border : {7 * block, 0u}) {
    const Packet bundle = data_segment(false, 3000, kAck, border - 1000);
    drop(bundle, "select_out", 1000);
    EXPECT_EQ(lost(bundle), (std::multiset<Range>{{border - 1000, border}}));
    EXPECT_EQ(lost(bundle, fl_loss_block(border)), (std::multiset<Range>{{border, border + 2000}}));
  }
}

TEST_P(Losses, MoreThanABlockHasRoomForIsSaid) {
  load(steady(kHour, 0, 0, 1));
  for (std::uint32_t i = 0; i < FL_LOSSES_OF_BLOCK; i++) drop(data_segment(false, 10, kAck, 1000 + 20 * i));
  EXPECT_EQ(at(data_segment(), 0).forgotten.at, 0u);
  drop(data_segment(false, 10, kAck, 5000));
  drop(data_segment(false, 10, kAck, 5020));
  const fl_losses all = at(data_segment(), 0);
  EXPECT_NE(all.forgotten.at, 0u);
  EXPECT_EQ(Range(all.forgotten.begin, all.forgotten.end), Range(1000, 1030)) << "the two that were there first";
  EXPECT_EQ(lost(data_segment()).size(), +FL_LOSSES_OF_BLOCK);
  EXPECT_EQ(lost(data_segment()).count({5020, 5030}), 1u);
}

TEST_P(Losses, OfWhatPassesAndOfWhatIsNoTcpNothing) {
  load(steady(kHour, 0, 0, 1));
  Packet datagram = data_segment();
  datagram.l4 = L4::udp;
  drop(datagram);
  EXPECT_EQ(blocks(), 0u);
  load(steady({2 * kSecond, 3 * kSecond}, 0, 0, 1));
  EXPECT_EQ(programs->select("select_out", {.frame = build(data_segment())}).verdict, kNext);
  EXPECT_EQ(blocks(), 0u);
}

TEST_P(Losses, NothingIsNotedWhereNobodyCounts) {
  load(steady(kHour, 0, 0, 1), false);
  drop(data_segment());
  EXPECT_EQ(blocks(), 0u);
}

TEST_P(Losses, ThePlayerNotesThemAsWell) {
  load(steady(kHour, kMillisecond, 0, 1));
  programs->set_slot(1, 1);
  Frame frame = build(data_segment(true));
  set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 1, .hold = 0, .due = 0});
  EXPECT_EQ(programs->play("play_arrival", {.frame = frame}).verdict, kDrop);
  EXPECT_EQ(lost(data_segment(true)), (std::multiset<Range>{{1000, 1100}}));
  EXPECT_EQ(acknowledged(turned(data_segment(true))), std::set{77u});
}

TEST_P(Losses, WhatIsDamagedIsLostUnlessItsChecksumFits) {
  for (const bool valid : {false, true}) {
    faults::Channel channel;
    faults::add_step(channel.corrupt, kHour, 1);
    channel.valid_checksum = valid;
    load(channel);
    programs->set_slot(1, 1);
    Frame frame = build(data_segment());
    set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 1, .hold = 0, .due = 0});
    EXPECT_EQ(programs->play("play_arrival", {.frame = frame}).verdict, kRedirect);
    EXPECT_EQ(lost(data_segment()).size(), valid ? 0u : 1u);
  }
}

TEST_P(Losses, WhatIsAnsweredIsLostToo) {
  faults::Channel channel = steady(kHour, 0, 0, 1);
  channel.answer.reply = FL_REPLY_TELL;
  load(channel);
  drop(data_segment(), "select_in");
  EXPECT_EQ(lost(data_segment()), (std::multiset<Range>{{1000, 1100}}));
  EXPECT_EQ(acknowledged(turned(data_segment())), std::set{77u});
}

FAULTLINE_WITH_BOTH_ENGINES(Losses);

}  // namespace
}  // namespace faultline::test
