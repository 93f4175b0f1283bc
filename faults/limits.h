// Limits that several fault kinds share, with the one wording of the refusal.
#pragma once

#include <algorithm>
#include <vector>

#include "faults/abi.h"
#include "faults/kind.h"

namespace faultline::faults {

/// The longest that a plan may ask one fault to hold a packet. Below FL_MAX_HOLD_NS, so that a second fault on the same
/// packet has some room left.
inline constexpr Ns kMaxHold = 100 * kSecond;
static_assert(kMaxHold <= static_cast<Ns>(FL_MAX_HOLD_NS));

/// The queue in front of a rate where the plan gives no other.
inline const QueueLimit kUsualQueue{100 * kMillisecond, 0};

/// Whether a plan says what a link that is down does to packets. If not, it drops them all.
inline bool gives_impairment(const Params& params) {
  return params.has("delay") || params.has("jitter") || params.has("loss");
}

/// The keys of the kinds whose figures may build up and die away (ramp() in profile.h), and what is wrong with theirs.
inline const Key kRampKey{.name = "ramp",
                          .type = ValueType::timeline,
                          .doc = "Time from the fault's start over which its figures build up in a straight line.",
                          .example = "\"5s\""};
inline const Key kRampDownKey{.name = "ramp_down",
                              .type = ValueType::timeline,
                              .doc = "Time before the fault's end over which its figures die away in a straight line.",
                              .example = "\"5s\""};
inline void check_ramps(const Params& params, Ns duration, std::vector<Problem>& problems) {
  if (params.duration("ramp") + params.duration("ramp_down") > duration)
    problems.push_back({params.has("ramp") ? "ramp" : "ramp_down", "the fault is shorter than its ramps",
                        "keep ramp + ramp_down within the fault's length"});
}

/// Adds to a channel what such a link does over a span of being down.
inline void add_impairment(Channel& channel, const Params& params, Window down) {
  add_step(channel.delay, down, static_cast<double>(params.duration("delay")));
  add_step(channel.jitter, down, static_cast<double>(params.duration("jitter")));
  add_step(channel.loss, down, gives_impairment(params) ? params.probability("loss") : 1.0);
}

/// Refuses what could hold a packet for too long; `gain` is the largest factor that the kind applies.
inline void check_longest_hold(const Params& params, double gain, std::vector<Problem>& problems, double reach = 1) {
  const double most =
      gain * (static_cast<double>(params.duration("delay")) + reach * static_cast<double>(params.duration("jitter")));
  if (most <= static_cast<double>(kMaxHold)) return;
  problems.push_back(
      {params.has("delay") ? "delay" : "jitter", "a packet could be held for longer than 100 s",
       gain > 1 ? "keep (delay + jitter) * (1 + spread) within 100 s"
       : reach > 1
           ? "keep delay + jitter * the table's greatest value within 100 s, or take the greatest out of the table"
           : "keep delay + jitter within 100 s"});
}

/// What is wrong with a fault's delay, jitter and loss together, of which it needs one.
inline std::vector<Problem> check_impairment(const Params& params, double gain = 1.0) {
  std::vector<Problem> problems;
  if (!params.has("delay") && !params.has("jitter") && !params.has("loss")) {
    problems.push_back({"", "the fault does nothing: none of delay, jitter and loss is given",
                        "give at least one of them, such as delay = \"100ms\""});
  } else if (params.duration("delay") == 0 && params.duration("jitter") == 0 && params.probability("loss") == 0) {
    problems.push_back(idle_problem());
  }
  check_longest_hold(params, gain, problems);
  return problems;
}

/// The whole of what is wrong with a link that is down, and may ramp: all of a kind's keys, or among others.
inline std::vector<Problem> check_down(const Params& params, Ns duration) {
  std::vector<Problem> problems = gives_impairment(params) ? check_impairment(params) : std::vector<Problem>{};
  check_ramps(params, duration, problems);
  return problems;
}

}  // namespace faultline::faults
