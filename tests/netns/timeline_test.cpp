// Faults whose figures change over time, from the plan to what a receiver sees: each packet is judged by when it was
// sent.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/harness/command.h"
#include "tests/harness/played_plan.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

constexpr Ns kEdge = 30 * kMillisecond;  // from a packet's time stamp to its fault, on a busy machine

class TimelineTest : public testing::Test {
 protected:
  std::string plan(const std::string& fault) const {
    return fmt::format(
        "[targets.a]\nnetns = \"/proc/self/fd/{}\"\nprotocol = \"udp\"\n[[faults]]\non = \"a\"\ndirection = "
        "\"egress\"\nstart = \"0s\"\nfor = \"60s\"\n{}",
        bed.here.fd(), fault);
  }
  Arrivals send(std::size_t count, Ns gap) const {
    return send_stream(bed.near(5000), bed.far(7000), {.count = count, .gap = gap});
  }

  Bed bed;
};

TEST_F(TimelineTest, AFlapDropsWhileItIsDown) {
  PlayedPlan played(plan("kind = \"flap\"\ndown = \"300ms\"\nup = \"200ms\"\n"));
  const Arrivals got = send(500, 5 * kMillisecond);
  const Ns epoch = played.epoch();
  const auto counts = played.finish();
  EXPECT_EQ(counts[0].dropped, got.lost().size());
  EXPECT_NEAR(static_cast<double>(got.lost().size()), 300, 60) << "down for 300 of each 500 ms, five times";
  std::size_t wrong = 0;
  for (const auto& arrival : got.all) {
    const Ns phase = (arrival.sent - epoch) % (500 * kMillisecond);
    if (phase > kEdge && phase < 300 * kMillisecond - kEdge) wrong++;
  }
  EXPECT_LE(wrong, got.all.size() / 20) << "arrived though sent while the link was down";
}

TEST_F(TimelineTest, AProfileLeadsFromPointToPoint) {
  PlayedPlan played(
      plan("kind = \"degrade\"\nprofile = [{ at = \"0s\", delay = \"50ms\" }, { at = \"5s\", delay = \"550ms\" }]\n"));
  const Arrivals got = send(200, 10 * kMillisecond);
  ASSERT_EQ(got.all.size(), got.asked);
  std::vector<Ns> beyond;
  for (const auto& arrival : got.all) {
    const Ns asked = 50 * kMillisecond + (arrival.sent - played.epoch()) / 10;
    EXPECT_GE(arrival.took, asked - 100 * kMicrosecond);
    beyond.push_back(arrival.took - asked);
  }
  std::nth_element(beyond.begin(), beyond.begin() + 100, beyond.end());
  EXPECT_LT(beyond[100], kEdge);
  EXPECT_GT(got.quantile(1) - got.least(), 150 * kMillisecond) << "the delay grew by 100 ms a second, for two seconds";
  played.finish();
}

TEST_F(TimelineTest, ATraceIsPlayedRowByRow) {
  const TemporaryFolder folder;
  folder.write("wan.csv", "time_ms,delay_ms,loss_percent\n0,150,0\n1000,0,100\n1500,40,0\n");
  PlayedPlan played(plan("kind = \"trace\"\nfile = \"wan.csv\"\n"), folder.path() / "plan.toml");
  const Arrivals got = send(500, 5 * kMillisecond);
  std::vector<Ns> first, last;
  std::size_t gone = 0;
  for (const auto& arrival : got.all) {
    const Ns t = arrival.sent - played.epoch();
    if (t < kSecond - kEdge)
      first.push_back(arrival.took);
    else if (t > kSecond + kEdge && t < 1500 * kMillisecond - kEdge)
      gone++;
    else if (t > 1500 * kMillisecond)
      last.push_back(arrival.took);
  }
  for (auto& [row, delay] : {std::pair<std::vector<Ns>&, Ns>{first, 150 * kMillisecond}, {last, 40 * kMillisecond}}) {
    ASSERT_GT(row.size(), 140u) << "nothing is lost by this row: 194 and some 200 were sent";
    std::sort(row.begin(), row.end());
    EXPECT_GE(row.front(), delay - 100 * kMicrosecond);
    EXPECT_LT(row[row.size() / 2], delay + kEdge);
  }
  EXPECT_LE(gone, 5u);
  EXPECT_EQ(played.finish()[0].dropped, got.lost().size());
}

}  // namespace
}  // namespace faultline::test
