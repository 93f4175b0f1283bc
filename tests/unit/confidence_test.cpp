// The intervals beside what was observed, against known values and, with a fixed seed, against what they promise.
#include "injector/record/confidence.h"

#include <gtest/gtest.h>

#include <random>

#include "injector/base/quantile.h"

namespace faultline::record {
namespace {

TEST(Confidence, OfAShareIsWilsons) {
  const auto [low, high] = share_interval(95, 100);
  EXPECT_NEAR(low, 0.8882, 0.0001);
  EXPECT_NEAR(high, 0.9785, 0.0001);
  EXPECT_DOUBLE_EQ(share_interval(50, 50).high, 1);
  EXPECT_NEAR(share_interval(50, 50).low, 0.9287, 0.0001) << "that all succeeded proves no more";
  EXPECT_EQ(share_interval_text("success", 95, 100), "success 88.8% to 97.8%");
  for (std::uint64_t n = 1; n < 300; n++) {
    EXPECT_EQ(share_interval(n, n).high, 1) << n;
    EXPECT_EQ(share_interval(0, n).low, 0) << n;
  }
}

TEST(Confidence, OfAQuantileIsARangeOfRanks) {
  EXPECT_EQ(quantile_ranks(1000, 500).low, 469u);
  EXPECT_EQ(quantile_ranks(1000, 500).high, 532u);
  EXPECT_FALSE(quantile_ranks(100, 990).high) << "the slowest of a hundred sets no limit";
  EXPECT_TRUE(quantile_ranks(1000, 990).high);
  EXPECT_FALSE(quantile_ranks(3, 500).low);
}

TEST(Confidence, IsSaidInWords) {
  const plan::Conditions::Key p99{"p99", nullptr, plan::Conditions::Of::all, 990};
  const plan::Conditions::Key max{"max", nullptr, plan::Conditions::Of::all, 1000};
  Latencies latencies;
  for (Ns ms = 1; ms <= 100; ms++) latencies.ok.add(ms * kMillisecond);
  EXPECT_EQ(quantile_interval_text(p99, latencies), "p99 at least 97.0 ms");
  EXPECT_EQ(quantile_interval_text(max, latencies), "");
  latencies.ok.add(200 * kMillisecond, 900);
  EXPECT_EQ(quantile_interval_text(p99, latencies), "p99 200 ms");
  latencies.lost = 8;
  EXPECT_EQ(quantile_interval_text(p99, latencies), "p99 at least 200 ms, perhaps never");
  latencies.lost = 20;
  EXPECT_EQ(quantile_interval_text(p99, latencies), "p99 never");
  const plan::Conditions::Key p50{"p50", nullptr, plan::Conditions::Of::all, 500};
  Latencies few;
  for (Ns ms = 1; ms <= 3; ms++) few.ok.add(ms * kMillisecond);
  EXPECT_EQ(quantile_interval_text(p50, few), "p50: too few requests to say");
  Latencies some;
  for (Ns ms = 1; ms <= 4; ms++) some.ok.add(ms * kMillisecond);
  const plan::Conditions::Key p10{"p10", nullptr, plan::Conditions::Of::all, 100};
  EXPECT_EQ(quantile_interval_text(p10, some), "p10 at most 3.00 ms");
}

TEST(Confidence, CoversTheTrueFigureAsOftenAsItSays) {
  std::mt19937 random(1);
  int of_share = 0, of_quantile = 0;
  constexpr int kRuns = 2000;
  constexpr std::uint64_t kRequests = 600;
  for (int run = 0; run < kRuns; run++) {
    std::uint64_t ok = 0;
    Distribution values;
    for (std::uint64_t i = 0; i < kRequests; i++) {
      ok += random() % 100 < 90;
      values.add(static_cast<Ns>(random() % 1000) + 1);
    }
    const auto [low, high] = share_interval(ok, kRequests);
    of_share += low <= 0.9 && 0.9 <= high;
    const Ranks ranks = quantile_ranks(kRequests, 900);
    of_quantile += values.at_rank(*ranks.low) <= 900 && 900 <= values.at_rank(*ranks.high);
  }
  // 95 % of 2000 within five standard deviations (48); the quantile's may cover more, since ranks are whole.
  EXPECT_NEAR(of_share, 1900, 48);
  EXPECT_GE(of_quantile, 1900 - 48);
}

}  // namespace
}  // namespace faultline::record
