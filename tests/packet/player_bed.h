// One player, loaded with rules, and frames run through it one at a time: which way each went, and what its stamp says.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "injector/base/clock.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"
#include "tests/packet/flow_replay.h"

namespace faultline::test {

using pen::Engine;

constexpr std::uint32_t kSlot = 1;

inline std::uint32_t ticks(Ns ns) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(ns) >> FL_TICK_SHIFT);
}

inline Rule rule(const faults::Channel& channel, std::uint32_t fault = 0, std::uint64_t seed = 1,
                 faults::Window window = kHour) {
  return {.match = {}, .channel = channel, .window = window, .fault = fault, .seed = seed};
}

enum class Way { dropped, straight, held, split };

struct PlayerBed : EngineTest {
  void load(const std::vector<Rule>& rules) {
    programs = std::make_unique<Programs>(GetParam(), rules);
    programs->set_slot(kSlot, rules.size() == 64 ? ~0ull : (1ull << rules.size()) - 1);
    books = {};
  }

  /// Runs one frame; which way it went is told by the ledger, where exactly one station must have counted it.
  Way play(Frame frame, std::uint32_t gso_size = 0, const char* program = "play_arrival") {
    set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = kSlot, .hold = 0, .due = 0});
    const Skb run = programs->play(program, {.frame = frame, .gso_size = gso_size});
    const fl_ledger now = programs->ledger(kSlot);
    const std::uint64_t in = now.arrived + now.split_out - books.arrived - books.split_out;
    const std::uint64_t ways[] = {now.dropped - books.dropped, now.straight - books.straight, now.held - books.held,
                                  now.split_in - books.split_in};
    books = now;
    packets = in;
    EXPECT_GE(in, 1u);
    EXPECT_EQ(ways[0] + ways[1] + ways[2] + ways[3], in) << "every packet goes one way";
    Way way = Way::dropped;
    for (std::size_t i = 0; i < 4; i++) {
      if (ways[i] == 0) continue;
      EXPECT_EQ(ways[i], in);
      way = static_cast<Way>(i);
    }
    EXPECT_EQ(run.verdict, way == Way::dropped ? kDrop : kRedirect);
    stamp = stamp_of(run.frame);
    EXPECT_EQ(stamp.magic, FL_STAMP_MAGIC);
    EXPECT_EQ(stamp.slot, kSlot);
    if (way != Way::held) {
      EXPECT_EQ(run.frame, frame);
    } else {
      EXPECT_TRUE(std::equal(run.frame.begin() + 12, run.frame.end(), frame.begin() + 12));
    }
    return way;
  }
  Way play(const Packet& packet) { return play(build(packet)); }

  std::uint32_t due_of(Ns t) const { return ticks(static_cast<Ns>(programs->control().epoch) + t); }

  std::unique_ptr<Programs> programs;
  fl_ledger books{};
  fl_stamp stamp{};
  std::uint64_t packets = 0;  ///< wire packets of the last frame
};

}  // namespace faultline::test
