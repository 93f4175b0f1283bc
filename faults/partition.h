// Who cannot reach whom in a partition: a graph over its members, by number. Named shapes are those that Jepsen's users
// know; groups and edges say any other. Pure arithmetic: the plan turns names into numbers, and cuts into rules.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace faultline::faults {

/// Two members that are parted. With a direction, `first` is the one that it is seen from.
struct Cut {
  std::size_t first, second;
  bool operator==(const Cut&) const = default;
};

/// The fewest members that a shape has a meaning for.
std::size_t least_members(std::string_view shape);

/// The cuts of a shape over `members` members in the order of the plan. Below least_members() there are none.
///   halves, one-way  the first half (the lesser one) from the second
///   bridge           the same, but the first of the second half reaches and is reached by all
///   ring             each reaches a majority, its neighbours on a ring, and no two the same one
std::vector<Cut> cuts_of_shape(std::string_view shape, std::size_t members);

/// The cuts between groups, whose sizes are given: members are numbered through them in order.
std::vector<Cut> cuts_of_groups(const std::vector<std::size_t>& sizes);

}  // namespace faultline::faults
