// One selector, loaded with rules that hold what they take, and frames run through it one at a time: which rules took
// each, and in what slot it went. The suite's tests are in files by what they ask.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {

using pen::Engine;

inline site::Match match_of(const std::string& protocol = "") {
  site::Match match;
  match.protocol = protocol;
  return match;
}

/// Holds what it selects, so that being selected shows as a redirect into the pen.
inline Rule holding(const site::Match& match, faults::Window window = {0, 3600 * kSecond}) {
  return {.match = match, .channel = steady(window, kMicrosecond), .window = window};
}

inline site::Match peers(const std::vector<std::string>& prefixes) {
  site::Match match;
  match.any_peer = false;
  for (const auto& p : prefixes) match.peers.push_back(*IpPrefix::parse(p));
  return match;
}

struct Selector : EngineTest {
  void load(const std::vector<site::Match>& matches) {
    std::vector<Rule> rules;
    for (std::uint32_t i = 0; i < matches.size(); i++) {
      rules.push_back(holding(matches[i]));
      rules.back().fault = i;
    }
    programs = std::make_unique<Programs>(GetParam(), rules);
  }

  /// The rules that take the frame; 0: it passes, untouched.
  std::uint64_t taken(const Frame& frame, const char* program = "select_out", std::uint32_t mark = 0,
                      std::uint32_t priority = 0) {
    const Skb run = programs->select(program, {.frame = frame, .mark = mark, .priority = priority});
    EXPECT_EQ(run.mark, mark);
    EXPECT_EQ(run.priority, priority);
    EXPECT_EQ(run.frame.size(), frame.size());
    if (run.verdict == kNext) {
      EXPECT_EQ(run.frame, frame) << "a packet that passes is left as it is";
      return 0;
    }
    EXPECT_EQ(run.verdict, kRedirect);
    const fl_stamp stamp = stamp_of(run.frame);
    EXPECT_EQ(stamp.magic, FL_STAMP_MAGIC);
    EXPECT_EQ(stamp.flags, 0);
    EXPECT_EQ(stamp.hold, 0u);
    EXPECT_EQ(stamp.due, 0u);
    EXPECT_TRUE(std::equal(run.frame.begin() + 12, run.frame.end(), frame.begin() + 12))
        << "only the addresses are stamped";
    slot = programs->slot(stamp.slot);
    number = stamp.slot;
    EXPECT_NE(stamp.slot, 0);
    EXPECT_EQ(std::memcmp(slot.mac, frame.data(), sizeof slot.mac), 0);
    EXPECT_EQ(slot.mark, mark);
    EXPECT_EQ(slot.priority, priority);
    EXPECT_EQ(slot.site, 0);
    EXPECT_NE(slot.rules, 0u);
    return slot.rules;
  }
  std::uint64_t taken(const Packet& packet, const char* program = "select_out") {
    return taken(build(packet), program);
  }

  /// For frames so short that newer kernels refuse to run a program on them.
  std::uint64_t taken_if_runnable(const Packet& packet) {
    try {
      return taken(packet);
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code().value(), EINVAL);
      return 0;
    }
  }

  std::unique_ptr<Programs> programs;
  fl_slot slot{};
  std::uint32_t number = 0;
};

}  // namespace faultline::test
