// The slots in which packets cross the pen, the guard by which they are known again, and the way back.
#include <gtest/gtest.h>

#include <set>

#include "tests/packet/selector_bed.h"

namespace faultline::test {
namespace {

TEST_P(Selector, ASlotIsAStateToGiveBack) {
  load({match_of(), match_of("tcp")});
  const Frame udp = build({}), tcp = build({.l4 = L4::tcp});
  std::set<std::uint32_t> slots;
  const auto use = [&](const Frame& frame, const char* program, std::uint32_t mark, std::uint32_t priority) {
    EXPECT_NE(taken(frame, program, mark, priority), 0u);
    return number;
  };
  const std::uint32_t plain = use(udp, "select_out", 0, 0);
  slots.insert(plain);
  slots.insert(use(udp, "select_out", 1, 0));
  slots.insert(use(udp, "select_out", 0xffffffff, 0));
  slots.insert(use(udp, "select_out", 0, 1));
  slots.insert(use(udp, "select_out", 0, 0x10001));
  slots.insert(use(udp, "select_in", 0, 0));
  slots.insert(use(udp, "select_lo", 0, 0));
  slots.insert(use(tcp, "select_out", 0, 0));
  Frame other = udp;
  other[11]++;
  slots.insert(use(other, "select_out", 0, 0));
  EXPECT_EQ(slots.size(), 9u) << "each state has a slot of its own";
  EXPECT_EQ(use(build({.destination_port = 9}), "select_out", 0, 0), plain) << "the same state, the same slot";
  EXPECT_EQ(programs->ledger(plain).selected, 2u);
}

TEST_P(Selector, AForeignTcIndexIsKept) {
  load({match_of()});
  const Frame frame = build({});
  std::uint32_t seen = 0;
  const Skb run = programs->select_beside("select_out", {.frame = frame}, {.tc_index = 0x99}, &seen);
  EXPECT_EQ(seen, 0x99u);
  EXPECT_EQ(programs->slot(stamp_of(run.frame).slot).tc_index, 0x99);
}

TEST_P(Selector, TheGuardPassesOnceAndIsGone) {
  load({match_of()});
  const Frame frame = build({});
  for (const char* program : {"select_out", "select_in", "select_lo"}) {
    std::uint32_t seen = 0;
    const Skb run =
        programs->select_beside(program, {.frame = frame, .cb0 = 0x55}, {.tc_index = Programs::kGuard}, &seen);
    EXPECT_EQ(run.verdict, kNext) << program;
    EXPECT_EQ(run.frame, frame) << program;
    EXPECT_EQ(seen, 0x55u) << program << ": what it was before the pen";
    const Skb again = programs->select_beside(program, {.frame = frame}, {.tc_index = seen});
    EXPECT_EQ(again.verdict, kRedirect) << program;
  }
  // Another run's guard means nothing to us.
  EXPECT_EQ(programs->select_beside("select_out", {.frame = frame}, {.tc_index = Programs::kGuard + 1}).verdict,
            kRedirect);
}

TEST_P(Selector, WhenSlotsRunOutPacketsPassAndAreCounted) {
  load({match_of()});
  const Frame frame = build({});
  std::uint32_t slots = 0, passed = 0;
  for (std::uint32_t mark = 0; mark < FL_MAX_SLOTS + 10; mark++)
    (taken(frame, "select_out", mark) != 0 ? slots : passed)++;
  EXPECT_EQ(slots, FL_MAX_SLOTS - 1u);
  EXPECT_EQ(passed, 11u);
  EXPECT_EQ(programs->site_tally().no_slot, 11u);
  EXPECT_NE(taken(frame, "select_out", 7), 0u) << "known states go on";
  EXPECT_EQ(programs->site_tally().no_slot, 11u);
}

TEST_P(Selector, ABundleBehindExtensionHeadersIsCountedByWirePackets) {
  load({match_of()});
  std::uint64_t expected = 0;
  for (const auto& extensions : std::vector<std::vector<Extension>>{
           {}, {Extension::hop_by_hop}, {Extension::hop_by_hop, Extension::destination, Extension::routing}}) {
    for (const L4 l4 : {L4::tcp, L4::udp}) {
      Packet p{.source = "fd00::1", .destination = "fd00::2", .l4 = l4, .extensions = extensions};
      p.payload = 2500;
      const Skb run = programs->select("select_out", {.frame = build(p), .gso_size = 600});
      ASSERT_EQ(run.verdict, kRedirect);
      expected += 5;
      EXPECT_EQ(programs->ledger(stamp_of(run.frame).slot).selected, expected) << extensions.size();
    }
  }
}

TEST_P(Selector, GiveBackRestoresFrameMarkPriorityAndTcIndex) {
  load({match_of()});
  const Frame frame = build({.l4 = L4::tcp});
  for (const char* program : {"select_out", "select_in", "select_lo"}) {
    const Skb out =
        programs->select_beside(program, {.frame = frame, .mark = 0xabc, .priority = 6}, {.tc_index = 0x77});
    ASSERT_EQ(out.verdict, kRedirect);
    const std::uint32_t n = stamp_of(out.frame).slot;
    std::uint32_t seen = 0;
    const Skb back = programs->select_beside("give_back", {.frame = out.frame}, {}, &seen);
    EXPECT_EQ(back.verdict, kNext) << "of the second look";
    EXPECT_EQ(back.frame, frame);
    EXPECT_EQ(back.mark, 0xabcu);
    EXPECT_EQ(back.priority, 6u);
    EXPECT_EQ(seen, Programs::kGuard);
    EXPECT_EQ(back.cb0, 0x77u) << "for the selector to restore";
    EXPECT_EQ(programs->select("give_back", {.frame = out.frame}).verdict, kRedirect);
    EXPECT_EQ(programs->ledger(n).returned, 0u) << "it is asked for, and nothing more";
    // The way in scrubs mark and priority once more.
    const Skb there = programs->select_beside(program, {.frame = frame, .cb0 = back.cb0, .cb1 = back.cb1},
                                              {.tc_index = Programs::kGuard}, &seen);
    EXPECT_EQ(there.verdict, kNext);
    EXPECT_EQ(there.frame, frame);
    EXPECT_EQ(there.mark, 0xabcu);
    EXPECT_EQ(there.priority, 6u);
    EXPECT_EQ(seen, 0x77u);
    EXPECT_EQ(programs->ledger(n).returned, 1u);
    programs->select_beside(program, {.frame = frame, .cb0 = back.cb0, .cb1 = n}, {.tc_index = Programs::kGuard});
    EXPECT_EQ(programs->ledger(n).returned, 1u) << "an answer has no slot";
  }
}

TEST_P(Selector, GiveBackDropsWhatIsNotOurs) {
  load({match_of()});
  EXPECT_EQ(programs->select("give_back", {.frame = build({})}).verdict, kDrop);
  Frame frame = build({});
  set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 99, .hold = 0, .due = 0});
  EXPECT_EQ(programs->select("give_back", {.frame = frame}).verdict, kDrop) << "no such slot";
}

}  // namespace
}  // namespace faultline::test
