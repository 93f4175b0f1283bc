// How a site's rules share its bits: by what they match and when they are in force.
#include "faults/banks.h"

#include <gtest/gtest.h>

#include <random>

namespace faultline::faults {
namespace {

std::vector<Claim> one_after_the_other(std::uint32_t count, std::uint32_t match = 0) {
  std::vector<Claim> claims;
  for (std::uint32_t i = 0; i < count; i++) claims.push_back({10 * i, 10 * i + 10, match, i});
  return claims;
}

/// No two that share a bit match different packets, or are in force at once; and a fault's bits are neighbours.
void expect_sound(const std::vector<Claim>& claims, const std::vector<std::uint8_t>& bits) {
  ASSERT_EQ(bits.size(), claims.size());
  for (std::size_t i = 0; i < claims.size(); i++) {
    ASSERT_LT(bits[i], FL_MAX_RULES_PER_SITE);
    for (std::size_t j = 0; j < i; j++) {
      if (bits[i] != bits[j]) continue;
      ASSERT_EQ(claims[i].match, claims[j].match) << j << " and " << i;
      ASSERT_TRUE(claims[i].until <= claims[j].from || claims[j].until <= claims[i].from) << j << " and " << i;
    }
    if (i > 0 && claims[i].fault == claims[i - 1].fault) {
      ASSERT_EQ(bits[i], bits[i - 1] + 1);
    }
  }
}

TEST(Banks, EachRuleHasItsOwnBitAsLongAsThereAreEnough) {
  const auto bits = allot_bits(one_after_the_other(64));
  ASSERT_TRUE(bits);
  for (std::size_t i = 0; i < 64; i++) EXPECT_EQ((*bits)[i], i) << "although one would be enough for all of them";
}

TEST(Banks, WhatIsApartSharesHoweverMuchItIs) {
  const auto claims = one_after_the_other(1000);
  EXPECT_EQ(bits_needed(claims), 1u);
  const auto bits = allot_bits(claims);
  ASSERT_TRUE(bits);
  expect_sound(claims, *bits);
  EXPECT_EQ((*bits)[63], 63) << "new bits first, so that a bank lasts long";
  EXPECT_EQ((*bits)[64], 0);
}

TEST(Banks, WhatMatchesOtherPacketsDoesNotShare) {
  auto claims = one_after_the_other(65);
  for (std::uint32_t i = 0; i < 65; i++) claims[i].match = i;
  EXPECT_EQ(bits_needed(claims), 65u);
  EXPECT_FALSE(allot_bits(claims));
  claims[64].match = 3;
  EXPECT_EQ(bits_needed(claims), 64u);
  const auto bits = allot_bits(claims);
  ASSERT_TRUE(bits);
  expect_sound(claims, *bits);
}

TEST(Banks, WhatIsInForceAtOnceDoesNotShare) {
  std::vector<Claim> claims(65, Claim{0, 10, 0, 0});
  for (std::uint32_t i = 0; i < 65; i++) claims[i].fault = i;
  EXPECT_FALSE(allot_bits(claims));
  claims[64] = {9, 20, 0, 64};
  EXPECT_FALSE(allot_bits(claims)) << "for a moment they are 65";
  claims[64] = {10, 20, 0, 64};
  EXPECT_TRUE(allot_bits(claims)) << "it begins when the others end";
}

// With new bits first the early ones would take them all from the late.
TEST(Banks, TheEarlyLeaveEnoughForTheLate) {
  auto claims = one_after_the_other(100);
  for (std::uint32_t i = 0; i < 63; i++) claims.push_back({2000, 3000, 100 + i, 100 + i});
  EXPECT_EQ(bits_needed(claims), 64u);
  const auto bits = allot_bits(claims);
  ASSERT_TRUE(bits);
  expect_sound(claims, *bits);
}

TEST(Banks, OrderInThePlanIsNotOrderInTime) {
  std::vector<Claim> claims = one_after_the_other(300);
  std::shuffle(claims.begin(), claims.end(), std::mt19937(3));
  for (std::uint32_t i = 0; i < 300; i++) claims[i].fault = i;
  const auto bits = allot_bits(claims);
  ASSERT_TRUE(bits);
  expect_sound(claims, *bits);
}

TEST(Banks, TheRulesOfAFaultAreNeighbours) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; round++) {
    std::vector<Claim> claims;
    for (std::uint32_t fault = 0; fault < 80; fault++) {
      const std::uint64_t from = random() % 5000, until = from + random() % 300;
      for (std::uint32_t peer = 0; peer <= random() % 3; peer++) claims.push_back({from, until, peer, fault});
    }
    const auto bits = allot_bits(claims);
    if (bits) expect_sound(claims, *bits);
    if (!bits) {
      EXPECT_GT(bits_needed(claims), 20u) << "far from full there is a place";
    }
  }
}

}  // namespace
}  // namespace faultline::faults
