// What a terminal shows of connections that are counted, while the run goes on.
#include <gtest/gtest.h>

#include "injector/screen/live_view.h"
#include "tests/unit/record_fixture.h"

namespace faultline::screen {
namespace {

using namespace record::testing;

struct ConnectionRows : testing::Test {
  ConnectionRows() {
    plan.title = "Of connections";
    plan.duration = 60 * kSecond;
    plan.telemetry = {"web", "bank"};
  }
  /// The rows of the targets.
  std::vector<std::string> shown(const Watch& watch, Ns now, bool final = false) const {
    std::vector<std::string> rows;
    for (const auto& row : live_view(watch, now, {.width = 120, .height = 24, .color = false, .utf8 = true}, final))
      if (row.bytes().starts_with("web ") || row.bytes().starts_with("bank ")) rows.push_back(row.bytes());
    return rows;
  }
  plan::Plan plan;
};

TEST_F(ConnectionRows, TellOfTheLastSecond) {
  Watch watch(plan);
  auto first = bucket(3 * kSecond), second = bucket(3900 * kMillisecond);
  first.opened = 2;
  first.retransmits = 3;
  second.opened = 1;
  second.retransmits = 1;
  second.retransmits_ours = 1;
  second.resets_sent = 1;
  second.failed = {{"refused", 2}};
  second.rtt = {{2 * kMillisecond, 4}};
  auto bank = second;
  bank.target = "nobody who is counted";
  for (const auto& span : {first, second, bank}) watch.add(span);
  const auto rows = shown(watch, 4200 * kMillisecond);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], "web    opened 3, failed 2, sent again 4 (1 ours), resets 1, rtt p50 2.00 ms");
  EXPECT_EQ(rows[1], "bank   silent");
  EXPECT_EQ(shown(watch, 4500 * kMillisecond)[0],
            "web    opened 1, failed 2, sent again 1 (1 ours), resets 1, rtt p50 2.00 ms");
  EXPECT_EQ(shown(watch, 6 * kSecond)[0], "web    silent");
  EXPECT_TRUE(shown(watch, 6 * kSecond, true).empty()) << "the last frame has totals alone";
}

}  // namespace
}  // namespace faultline::screen
