// Figures of mixes of groups, against those of their requests, added up and sorted.
#include "injector/report/groups.h"

#include <gtest/gtest.h>

#include <random>

namespace faultline::report {
namespace {

constexpr std::size_t kPlaces = 40, kGroups = 9;

/// Of each group how many requests stand at each place; the last is of those that failed.
std::vector<std::vector<std::uint64_t>> drawn(std::mt19937& random) {
  std::vector<std::vector<std::uint64_t>> counts(kGroups, std::vector<std::uint64_t>(kPlaces));
  for (auto& group : counts)
    for (auto& count : group) count = random() % 4 == 0 ? random() % 5 : 0;
  return counts;
}

Groups groups_of(const std::vector<std::vector<std::uint64_t>>& counts) {
  std::vector<double> scale;
  for (std::size_t place = 0; place < kPlaces; place++) scale.push_back(static_cast<double>(place + 1));
  Groups groups(kGroups, kPlaces);
  for (std::size_t i = 0; i < kGroups; i++) {
    KeptBlock block;
    for (std::size_t place = 0; place < kPlaces; place++) {
      block.sent += counts[i][place];
      if (place + 1 == kPlaces || counts[i][place] == 0) continue;
      block.latency_ms.push_back(scale[place]);
      block.answers.push_back(counts[i][place]);
    }
    groups.count(i, block, scale);
  }
  groups.add_up();
  return groups;
}

/// The places of all requests of a mix, ascending.
std::vector<std::size_t> places_of(const std::vector<std::vector<std::uint64_t>>& counts,
                                   const std::vector<std::uint64_t>& times) {
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < kPlaces; place++)
    for (std::size_t i = 0; i < kGroups; i++) places.insert(places.end(), times[i] * counts[i][place], place);
  return places;
}

TEST(Groups, AMixsFiguresAreThoseOfItsRequests) {
  std::mt19937 random(1);
  for (int i = 0; i < 200; i++) {
    const auto counts = drawn(random);
    const Groups groups = groups_of(counts);
    std::vector<std::uint64_t> times(kGroups);
    for (std::size_t n = 0; n < kGroups; n++) times[random() % kGroups]++;
    const auto places = places_of(counts, times);
    const Mix mix(groups, times);
    ASSERT_EQ(mix.all(), places.size());
    if (places.empty()) continue;
    const auto failed = std::count(places.begin(), places.end(), kPlaces - 1);
    EXPECT_DOUBLE_EQ(mix.success(), 1 - static_cast<double>(failed) / static_cast<double>(places.size()));
    for (const unsigned per_mille : {1u, 500u, 900u, 990u, 1000u})
      for (const std::size_t near : {std::size_t{0}, kPlaces / 2, kPlaces - 1})
        EXPECT_EQ(mix.place(per_mille, near), places[quantile_rank(places.size(), per_mille) - 1])
            << per_mille << " from " << near;
  }
}

TEST(Groups, NeighboursAreJoinedAndWhatIsLeftOverIsTheLasts) {
  std::mt19937 random(2);
  const auto counts = drawn(random);
  const Groups four = groups_of(counts).joined(2);
  ASSERT_EQ(four.size(), 4u);
  for (std::size_t place = 0, sum = 0, last = 0; place < kPlaces; place++) {
    sum += counts[0][place] + counts[1][place];
    last += counts[6][place] + counts[7][place] + counts[8][place];
    EXPECT_EQ(four.upto(0, place), sum);
    EXPECT_EQ(four.upto(3, place), last);
  }
}

}  // namespace
}  // namespace faultline::report
