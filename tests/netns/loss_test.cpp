// Loss, asked and met: each wire packet on its own, seen by whoever receives, silent to whoever sends, and the same
// again under the same seed.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/harness/engines.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

using pen::Engine;

// What UDP loses follows from the seed alone, so its verdict never changes; how many segments TCP sends does not, and a
// right program must not fail once in a hundred runs.
constexpr double kOfTcp = 4;

class LossTest : public testing::TestWithParam<double> {
 protected:
  double loss() const { return GetParam(); }

  void datagrams(bool egress, const Stream& stream) {
    Bed bed;
    bed.play({{.loss = loss(), .protocol = "udp", .egress = egress, .ingress = !egress}});
    const std::uint64_t before = packets_received(bed.there, "eth0");
    const Arrivals got = egress ? send_stream(bed.near(5000), bed.far(7000), stream)
                                : send_stream(bed.far(5000), bed.near(7000), stream);
    const std::uint64_t on_the_wire = packets_received(bed.there, "eth0") - before;
    const auto c = bed.finish()[0];
    expect_clean(bed, {c});
    EXPECT_EQ(got.refused, 0u);
    EXPECT_EQ(got.damaged, 0u);
    EXPECT_EQ(got.overtaken(), 0u);
    const std::uint64_t lost = stream.count - got.all.size();
    EXPECT_EQ(c.matched + c.passed_by_safety, stream.count) << "every wire packet is met";
    EXPECT_EQ(c.dropped, lost) << "the record says what the receiver saw";
    EXPECT_TRUE(plausible(lost, c.matched, loss())) << lost << " of " << c.matched;
    // A few packets of the devices' own (neighbour discovery) come on top.
    if (egress) {
      EXPECT_NEAR(static_cast<double>(on_the_wire), static_cast<double>(got.all.size()), 20);
    }
  }

  void segments(bool egress) {
    Bed bed;
    bed.play({{.loss = loss(), .protocol = "tcp", .egress = egress, .ingress = !egress}});
    Transfer what;  // a third lost leaves little but timeouts: many connections, and no hope to get through
    what.connections = loss() > 0.2 ? 60 : 4;
    what.bytes = loss() > 0.2 ? 400'000 : loss() > 0.05 ? 2'000'000 : 5'000'000;
    what.longest = loss() > 0.2 ? 8 * kSecond : 40 * kSecond;
    const auto end = egress ? bed.far(7000) : bed.near(7000);
    const std::uint64_t before = packets_received(bed.there, "eth0");
    const auto t = transfer(egress ? bed.near(0) : bed.far(0), end, what);
    const std::uint64_t on_the_wire = packets_received(bed.there, "eth0") - before;
    const auto c = bed.finish()[0];
    expect_clean(bed, {c});
    EXPECT_TRUE(t.intact);
    EXPECT_TRUE(plausible(c.dropped, c.matched, loss(), kOfTcp)) << c.dropped << " of " << c.matched;
    ASSERT_GT(c.matched, 1500u);
    if (loss() > 0.2) return;  // what is under way when it is given up would blur the rest
    EXPECT_TRUE(t.complete);
    // The sender's TCP counts what it sent, the receiver's what came, all but a connection's first packet.
    const std::uint64_t lost = t.sent - t.received_there - what.connections;
    EXPECT_NEAR(static_cast<double>(c.matched + c.passed_by_safety), static_cast<double>(t.sent),
                4.0 * static_cast<double>(what.connections));
    EXPECT_NEAR(static_cast<double>(c.dropped), static_cast<double>(lost), 4.0 * static_cast<double>(what.connections));
    // Split segments stay split on their way to the peer: its device sees wire packets.
    if (egress) {
      EXPECT_NEAR(static_cast<double>(on_the_wire), static_cast<double>(c.matched + c.passed_by_safety - c.dropped),
                  40);
    }
    RecordProperty("retransmitted", static_cast<int>(t.retransmitted));
  }
};

TEST_P(LossTest, UdpLeaving) { datagrams(true, {.count = 20000, .gap = kMillisecond, .together = 20}); }
TEST_P(LossTest, UdpArriving) { datagrams(false, {.count = 20000, .gap = kMillisecond, .together = 20}); }
TEST_P(LossTest, UdpGsoLeaving) {
  datagrams(true, {.count = 20000, .size = 1400, .gap = 2 * kMillisecond, .together = 40, .gso = true});
}
TEST_P(LossTest, UdpGsoArriving) {
  datagrams(false, {.count = 20000, .size = 1400, .gap = 2 * kMillisecond, .together = 40, .gso = true});
}
TEST_P(LossTest, TcpLeaving) { segments(true); }
TEST_P(LossTest, TcpArriving) { segments(false); }

INSTANTIATE_TEST_SUITE_P(Asked, LossTest, testing::Values(0.01, 0.1, 0.33),
                         [](const auto& info) { return std::to_string(std::lround(info.param * 100)) + "_percent"; });

class LossEngineTest : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (GetParam() == Engine::tcx && pen::probe_features().engine() != Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
  }
};

TEST_P(LossEngineTest, ASeedRepeatsWhatIsLost) {
  const auto lost = [&](std::uint64_t seed, bool gso, bool egress) {
    for (int attempt = 0;; attempt++) {
      Bed bed;
      bed.play({{.loss = 0.1, .protocol = "udp", .egress = egress, .ingress = !egress, .seed = seed}}, GetParam());
      const Stream stream{.count = 4000, .size = 200, .gap = 2 * kMillisecond, .together = 40, .gso = gso};
      const auto got = egress ? send_stream(bed.near(5000), bed.far(7000), stream)
                              : send_stream(bed.far(5000), bed.near(7000), stream);
      // What passes untouched has no number, and all that follow it have others.
      if (bed.finish()[0].passed_by_safety == 0 || attempt == 5) return got.lost();
    }
  };
  for (const bool egress : {true, false}) {
    const auto first = lost(1, false, egress);
    EXPECT_GT(first.size(), 300u);
    EXPECT_EQ(lost(1, false, egress), first);
    EXPECT_EQ(lost(1, true, egress), first) << "how the sender hands its packets over changes nothing";
    const auto other = lost(2, false, egress);
    std::size_t shared = 0;
    for (const auto n : other) shared += first.contains(n);
    EXPECT_TRUE(plausible(shared, other.size(), 0.1, 4))
        << shared << " of " << other.size() << " are lost under another seed, too";
  }
}

// A drop in our egress hook would come back to the local TCP as an error of its own device: it would keep the segment,
// shrink its window and hardly retransmit. A network's loss has to be repaired by retransmission, each segment of it.
TEST_P(LossEngineTest, TheLocalTcpSeesLossOfTheNetwork) {
  Bed bed;
  bed.play({{.loss = 0.1, .protocol = "tcp", .ingress = false}}, GetParam());
  const auto before = protocol_counter(bed.here, "TcpExt", "TCPRetransFail");
  const auto t = transfer(bed.near(0), bed.far(7000), {.connections = 4, .bytes = 2'000'000});
  const auto c = bed.finish()[0];
  expect_clean(bed, {c});
  EXPECT_TRUE(t.complete);
  EXPECT_TRUE(t.intact);
  ASSERT_GT(c.dropped, 300u);
  // Only a bare acknowledgement among the lost needs no repair, and of those the sender has next to none.
  EXPECT_GE(static_cast<double>(t.retransmitted), 0.97 * static_cast<double>(c.dropped));
  EXPECT_EQ(protocol_counter(bed.here, "TcpExt", "TCPRetransFail"), before) << "a retransmission failed locally";
}

TEST_P(LossEngineTest, ACutIsSilentToSenders) {
  Bed bed;
  bed.play({{.loss = 1, .protocol = "udp"}}, GetParam());
  const auto errors = protocol_counter(bed.here, "Udp", "SndbufErrors");
  std::size_t arrived = 0;
  for (const bool gso : {false, true}) {
    const Stream stream{.count = 2000, .size = 500, .gap = kMillisecond, .together = 40, .gso = gso};
    for (const auto& got :
         {send_stream(bed.near(5000), bed.far(7000), stream, 100 * kMillisecond),
          send_stream(bed.near(5000, true), bed.far(7000, true), stream, 100 * kMillisecond),
          send_stream(bed.at("127.0.0.1", 5000), bed.at("127.0.0.1", 7000), stream, 100 * kMillisecond)}) {
      EXPECT_EQ(got.refused, 0u);
      arrived += got.all.size();
    }
  }
  const auto c = bed.finish()[0];
  expect_clean(bed, {c});
  EXPECT_EQ(protocol_counter(bed.here, "Udp", "SndbufErrors"), errors);
  EXPECT_EQ(c.dropped, c.matched);
  EXPECT_EQ(arrived, c.passed_by_safety);
  EXPECT_EQ(c.dropped + c.passed_by_safety, 12000u);
}

FAULTLINE_WITH_BOTH_ENGINES(LossEngineTest);

}  // namespace
}  // namespace faultline::test
