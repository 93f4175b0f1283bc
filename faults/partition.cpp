// partition: members of a group that cannot reach each other, while each reaches the rest of the world: a split
// cluster, a switch that lost some of its ports. Between two members that are parted it is a plain cut, or any worse
// link.
#include "faults/partition.h"

#include "faults/kind.h"
#include "faults/limits.h"
#include "faults/profile.h"

namespace faultline::faults {
namespace {

Channel compile(const Request& request) {
  Channel channel;
  add_impairment(channel, request.params, request.window);
  ramp(channel, request.window, request.params.duration("ramp"), request.params.duration("ramp_down"));
  return channel;
}

}  // namespace

std::size_t least_members(std::string_view shape) { return shape == "ring" ? 4 : shape == "bridge" ? 3 : 2; }

std::vector<Cut> cuts_of_shape(std::string_view shape, std::size_t members) {
  std::vector<Cut> cuts;
  if (members < least_members(shape)) return cuts;
  const std::size_t half = members / 2;
  const std::size_t majority = half + 1;
  const std::size_t reach = majority / 2;  // neighbours to either side: with oneself at least a majority
  for (std::size_t a = 0; a < members; a++) {
    for (std::size_t b = a + 1; b < members; b++) {
      const bool halves = a < half && b >= half;
      if (shape == "ring"     ? b - a > reach && members - (b - a) > reach
          : shape == "bridge" ? halves && b != half
                              : halves)
        cuts.push_back({a, b});
    }
  }
  return cuts;
}

std::vector<Cut> cuts_of_groups(const std::vector<std::size_t>& sizes) {
  std::vector<Cut> cuts;
  std::vector<std::size_t> group;  // of each member
  for (std::size_t g = 0; g < sizes.size(); g++) group.insert(group.end(), sizes[g], g);
  for (std::size_t a = 0; a < group.size(); a++)
    for (std::size_t b = a + 1; b < group.size(); b++)
      if (group[a] != group[b]) cuts.push_back({a, b});
  return cuts;
}

Kind partition() {
  return {.name = "partition",
          .summary = "members that cannot reach each other: halves, a ring, a bridge, one way, any grouping",
          .keys = {{.name = "groups",
                    .type = ValueType::groups,
                    .doc = "Groups of targets; between any two groups nothing passes.",
                    .example = "[[\"a\", \"b\"], [\"c\"]]"},
                   {.name = "edges",
                    .type = ValueType::groups,
                    .doc = "Pairs of targets that cannot reach each other.",
                    .example = "[[\"a\", \"c\"]]"},
                   {.name = "shape",
                    .type = ValueType::choice,
                    .doc = "How the targets in \"on\" are parted, in their order.",
                    .example = "\"halves\"",
                    .choices = {"halves", "ring", "bridge", "one-way"}},
                   {.name = "loss",
                    .type = ValueType::probability,
                    .doc = "Chance of each packet between parted members to be dropped; 100% unless loss, delay or "
                           "jitter is given.",
                    .example = "\"30%\""},
                   {.name = "delay",
                    .type = ValueType::duration,
                    .doc = "Added to every packet between parted members.",
                    .example = "\"2s\"",
                    .max = kMaxHold},
                   {.name = "jitter",
                    .type = ValueType::duration,
                    .doc = "Half width of the delay's variation between parted members.",
                    .example = "\"500ms\"",
                    .max = kMaxHold},
                   kRampKey,
                   kRampDownKey},
          .validate = check_down,
          .compile = compile,
          .cuts = true,
          .parts = true};
}

}  // namespace faultline::faults
