// What happens again and again is told once, and then in sum.
#include "injector/record/folding.h"

#include <gtest/gtest.h>

namespace faultline::record {
namespace {

Remark lapse(Ns at, Ns length) { return {"", at, length}; }

using Texts = std::vector<std::string>;

TEST(Folding, LapsesAreOneLineWithTheLongestAndItsInstant) {
  EXPECT_EQ(folded({lapse(3 * kSecond, 300 * kMillisecond), lapse(12100 * kMillisecond, 405 * kMillisecond),
                    lapse(20 * kSecond, 251 * kMillisecond)}),
            Texts{"the injector got no CPU: 3 lapses, longest 405 ms, at 12.1 s: faults were off "
                  "meanwhile"});
  EXPECT_EQ(folded({lapse(3 * kSecond, 300 * kMillisecond)}),
            Texts{"the injector got no CPU for 300 ms at 3.0 s: faults were off meanwhile"});
}

TEST(Folding, RemarksThatDifferInNamesAndNumbersAreOfOneKind) {
  EXPECT_EQ(folded({{"device veth1a appeared in host-1", 2 * kSecond},
                    {"clock stepped", 3 * kSecond},
                    {"device veth2b appeared in host-2", 4 * kSecond},
                    {"device eth0 appeared in host-2", 5 * kSecond},
                    {"device eth0 of host-2 vanished", 6 * kSecond}}),
            (Texts{"device veth1a appeared in host-1 (and 2 more like it, the last at 5.0 s)", "clock stepped",
                   "device eth0 of host-2 vanished"}));
}

TEST(Folding, TheSameAgainIsCounted) {
  EXPECT_EQ(folded({{"the disk is slow", kSecond}, {"the disk is slow", 2 * kSecond}}),
            Texts{"the disk is slow (2 times, the last at 2.0 s)"});
  EXPECT_EQ(folded({{"before T0"}, {"before T0"}}), Texts{"before T0 (2 times)"});
}

TEST(Folding, WhileARunGoesOnTheFirstIsToldAtOnceAndTheRestInSum) {
  Folding folding;
  EXPECT_EQ(folding.add(lapse(kSecond, 300 * kMillisecond), 0),
            "the injector got no CPU for 300 ms at 1.0 s: faults were off meanwhile");
  EXPECT_FALSE(folding.add(lapse(2 * kSecond, 260 * kMillisecond), kSecond));
  EXPECT_FALSE(folding.add(lapse(3 * kSecond, 270 * kMillisecond), 2 * kSecond));
  EXPECT_EQ(folding.add({"something else"}, 2 * kSecond), "something else") << "another kind does not wait";
  EXPECT_EQ(folding.due(9 * kSecond), Texts{});
  EXPECT_EQ(folding.due(10 * kSecond),
            Texts{"the injector got no CPU: 2 lapses, longest 270 ms, at 3.0 s: faults were off "
                  "meanwhile"});
  EXPECT_EQ(folding.due(30 * kSecond), Texts{}) << "told";
  EXPECT_FALSE(folding.add(lapse(31 * kSecond, 280 * kMillisecond), 31 * kSecond));
  EXPECT_EQ(folding.due(31 * kSecond, true).size(), 1u) << "nothing is kept back at the end";
}

}  // namespace
}  // namespace faultline::record
