// The line behind a real TAP, in a namespace of its own. A packet socket on the TAP is both ends of the wire: what it
// sends the TAP transmits, so the line reads it; what the line writes the TAP receives, so the socket sees it.
#include "injector/line/line.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>
#include <random>

#include "injector/base/error.h"
#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "injector/base/tap.h"
#include "injector/line/frame.h"
#include "tests/harness/tcp_segment.h"

namespace faultline::line {
namespace {

using test::Bytes;

constexpr Ns kPatience = 20 * kSecond;  // for what must happen; the machine may be busy
constexpr Ns kQuiet = 100 * kMillisecond;
constexpr std::size_t kNumberAt = kVirtioBytes + kEthernetBytes;

std::uint32_t tick(Ns time) { return static_cast<std::uint32_t>(time >> FL_TICK_SHIFT); }

// A frame of an experimental ethertype, with a number to know it by.
Bytes numbered(std::uint32_t number, Ns due, std::uint16_t slot = 1, std::size_t size = 100) {
  Bytes frame(kVirtioBytes + size);
  const fl_stamp stamp{FL_STAMP_MAGIC, 0, slot, 0, tick(due)};
  std::memcpy(frame.data() + kVirtioBytes, &stamp, sizeof stamp);
  test::set16(frame, kVirtioBytes + 12, 0x88b5);
  std::memcpy(frame.data() + kNumberAt, &number, sizeof number);
  return frame;
}

struct Received {
  Bytes frame;
  Ns at = 0;  // monotonic, when the kernel took it from the line
  std::uint32_t number() const {
    std::uint32_t n = 0;
    std::memcpy(&n, frame.data() + kNumberAt, sizeof n);
    return n;
  }
  fl_stamp stamp() const {
    fl_stamp s;
    std::memcpy(&s, frame.data() + kVirtioBytes, sizeof s);
    return s;
  }
};

class Wire {
 public:
  Wire() : ns_(NetNs::create()) {
    const Inside inside(ns_);
    tap_ = open_tap("tap%d", &name_);
    set_mtu(name_, 65521);
    set_txqueuelen(name_, 10000);
    set_quiet(name_);
    set_up(name_);
    socket_ = Fd(static_cast<int>(check("socket", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)))));
    index_ = static_cast<int>(if_nametoindex(name_.c_str()));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = index_;
    check("bind", bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    const int one = 1, buffer = 64 << 20;
    check("virtio headers", setsockopt(socket_.get(), SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one));
    check("time stamps", setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one));
    check("buffer", setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer));
    check("buffer", setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer));
  }

  Fd take_tap() { return std::move(tap_); }

  void send(const Bytes& frame) {
    ASSERT_EQ(::send(socket_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size())) << errno;
  }

  /// What comes out: `count` frames, or all that come until none has for `quiet`.
  std::vector<Received> receive(std::size_t count, Ns quiet = kPatience) {
    std::vector<Received> out;
    while (out.size() < count) {
      pollfd readable{socket_.get(), POLLIN, 0};
      if (poll(&readable, 1, static_cast<int>(quiet / kMillisecond)) <= 0) break;
      Received r{Bytes(70000), 0};
      sockaddr_ll from{};
      alignas(cmsghdr) char control[256];
      iovec piece{r.frame.data(), r.frame.size()};
      msghdr message{};
      message.msg_name = &from;
      message.msg_namelen = sizeof from;
      message.msg_iov = &piece;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const auto got = check("receive", recvmsg(socket_.get(), &message, 0));
      if (from.sll_pkttype == PACKET_OUTGOING) continue;
      r.frame.resize(static_cast<std::size_t>(got));
      for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec t;
        std::memcpy(&t, CMSG_DATA(c), sizeof t);
        r.at = t.tv_sec * kSecond + t.tv_nsec - (wall_now() - monotonic_now());
      }
      out.push_back(std::move(r));
    }
    return out;
  }

  void set_down() {
    const Inside inside(ns_);
    const Fd any(static_cast<int>(check("socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))));
    ifreq request{};
    name_.copy(request.ifr_name, IFNAMSIZ - 1);
    check("down", ioctl(any.get(), SIOCSIFFLAGS, &request));
  }
  void remove() {
    const Inside inside(ns_);
    delete_device(index_);
  }

 private:
  NetNs ns_;
  std::string name_;
  int index_ = 0;
  Fd tap_, socket_;
};

bool eventually(const std::function<bool()>& condition) {
  const Ns end = monotonic_now() + kPatience;
  while (!condition()) {
    if (monotonic_now() > end) return false;
    usleep(1000);
  }
  return true;
}

// The lease is long: a busy machine must not look like a stopped thread.
struct LineTest : testing::Test {
  void begin(LineOptions options = {}) {
    control.lease = 60 * kSecond;
    line.emplace(wire.take_tap(), &control, options);
    line->start();
  }
  void await_read(std::uint64_t packets) {
    ASSERT_TRUE(eventually([&] { return line->stats().read >= packets; })) << line->stats().read;
  }
  void expect_conserved() {
    Stats s;  // a frame has come out a moment before it is counted
    std::uint64_t lost = 0;
    EXPECT_TRUE(eventually([&] {
      s = line->stats();
      lost = s.losses.full + s.losses.overdue + s.losses.refused + s.losses.stamp;
      return s.read == s.written + s.held + lost;
    })) << s.read
        << " read, " << s.written << " written, " << s.held << " held, " << lost << " lost";
    const auto by_slot = line->losses_by_slot();
    EXPECT_EQ(std::accumulate(by_slot.begin(), by_slot.end(), std::uint64_t{0}), lost);
    EXPECT_EQ(line->failure(), "");
  }

  Wire wire;
  fl_control control{};
  std::optional<Line> line;
};

TEST_F(LineTest, AFrameLeavesAsItCameAndNotBeforeItIsDue) {
  begin();
  std::mt19937 random(3);
  std::vector<Bytes> sent;
  std::vector<Ns> due;
  const Ns start = monotonic_now();
  for (std::uint32_t i = 0; i < 300; ++i) {
    due.push_back(start + (random() % 300) * kMillisecond);
    sent.push_back(numbered(i, due.back(), 1, 60 + random() % 9000));
    wire.send(sent.back());
  }
  const auto out = wire.receive(sent.size());
  ASSERT_EQ(out.size(), sent.size());
  std::vector<bool> seen(sent.size());
  for (const Received& r : out) {
    ASSERT_LT(r.number(), sent.size());
    EXPECT_TRUE(r.frame == sent[r.number()]);
    EXPECT_FALSE(seen[r.number()]);
    seen[r.number()] = true;
    constexpr Ns clocks_apart = 100 * kMicrosecond;  // of the kernel's wall-clock stamp, once subtracted
    EXPECT_GE(r.at, due[r.number()] - 64 - clocks_apart);
    EXPECT_LE(r.at, std::max(due[r.number()], start) + kPatience);
  }
  expect_conserved();
}

TEST_F(LineTest, EqualDuesKeepTheirOrderAndEarlierOnesOvertake) {
  begin();
  const Ns early = monotonic_now() + kSecond, late = early + 100 * kMillisecond;
  for (std::uint32_t i = 0; i < 200; ++i) wire.send(numbered(i, late));
  for (std::uint32_t i = 200; i < 400; ++i) wire.send(numbered(i, early));
  ASSERT_LT(monotonic_now(), early) << "this machine is too slow for this test";
  const auto out = wire.receive(400);
  ASSERT_EQ(out.size(), 400u);
  for (std::uint32_t i = 0; i < 400; ++i) EXPECT_EQ(out[i].number(), (i + 200) % 400);
}

TEST_F(LineTest, ADeadlineInThePastLeavesAtOnce) {
  begin();
  wire.send(numbered(1, monotonic_now() - 100 * kSecond));
  EXPECT_EQ(wire.receive(1).size(), 1u);
}

TEST_F(LineTest, BeyondTheByteLimitFramesAreDiscardedAndChargedToTheirSlot) {
  begin({.byte_limit = 20000});
  const Ns due = monotonic_now() + kSecond;
  for (std::uint32_t i = 0; i < 30; ++i) wire.send(numbered(i, due, i < 20 ? 5 : 7, 1000 - kVirtioBytes));
  await_read(30);
  EXPECT_LE(line->stats().held_max_bytes, 20000u);
  EXPECT_EQ(wire.receive(30, 2 * kSecond).size(), 20u);
  EXPECT_EQ(line->stats().losses.full, 10u);
  EXPECT_EQ(line->losses_by_slot()[5], 0u);
  EXPECT_EQ(line->losses_by_slot()[7], 10u);
  expect_conserved();
}

TEST_F(LineTest, WhatHasNoStampIsDroppedAndCounted) {
  begin();
  Bytes alien = numbered(1, 0);
  alien[kVirtioBytes] = std::byte{0x0a};
  wire.send(alien);
  wire.send(numbered(2, 0, 0));
  wire.send(numbered(3, 0, FL_MAX_SLOTS));
  wire.send(numbered(4, monotonic_now()));
  const auto out = wire.receive(4, kSecond);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].number(), 4u);
  EXPECT_EQ(line->stats().losses.stamp, 3u);
  expect_conserved();
}

TEST_F(LineTest, StopInControlLetsEverythingGoInOrderAndWhatComesLaterAtOnce) {
  begin();
  std::vector<std::pair<Ns, std::uint32_t>> order;
  std::mt19937 random(5);
  const Ns now = monotonic_now();
  for (std::uint32_t i = 0; i < 500; ++i) {
    const Ns due = now + 60 * kSecond + (random() % 50) * kMillisecond;
    order.emplace_back(due, i);
    wire.send(numbered(i, due));
  }
  await_read(500);
  EXPECT_EQ(line->stats().held, 500u);
  EXPECT_TRUE(wire.receive(1, kQuiet).empty());
  std::sort(order.begin(), order.end());
  __atomic_store_n(&control.stop, 1, __ATOMIC_RELEASE);
  const auto out = wire.receive(500);
  ASSERT_EQ(out.size(), 500u);
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i].number(), order[i].second);
  wire.send(numbered(1000, monotonic_now() + 60 * kSecond));
  EXPECT_EQ(wire.receive(1).size(), 1u);
  EXPECT_EQ(line->stats().held, 0u);
  expect_conserved();
}

TEST_F(LineTest, EndingTheThreadLetsEverythingGoToo) {
  begin();
  const Ns due = monotonic_now() + 60 * kSecond;
  for (std::uint32_t i = 0; i < 100; ++i) wire.send(numbered(i, due));
  line->stop();
  EXPECT_EQ(wire.receive(100).size(), 100u);
  EXPECT_EQ(line->stats().held, 0u);
}

TEST_F(LineTest, TheBeatGoesOnWhileNothingHappens) {
  begin();
  const auto beat = [&] { return __atomic_load_n(&control.beat, __ATOMIC_ACQUIRE); };
  for (int i = 0; i < 5; ++i) {
    const auto before = beat();
    EXPECT_TRUE(eventually([&] { return beat() > before; }));
  }
  line->stop();
  const auto last = beat();
  usleep(20000);
  EXPECT_EQ(beat(), last);
}

TEST_F(LineTest, ARefusedFrameIsChargedWithItsErrno) {
  begin();
  wire.send(numbered(1, monotonic_now() + 300 * kMillisecond, 9));
  await_read(1);
  wire.set_down();
  EXPECT_TRUE(eventually([&] { return line->stats().losses.refused == 1; }));
  EXPECT_EQ(line->stats().write_errno, static_cast<std::uint64_t>(EIO));
  EXPECT_EQ(line->losses_by_slot()[9], 1u);
  expect_conserved();
}

TEST_F(LineTest, LosingTheTapEndsTheThreadAndSaysSo) {
  begin();
  EXPECT_EQ(line->failure(), "");
  wire.send(numbered(1, monotonic_now() + 60 * kSecond, 4));
  await_read(1);
  wire.remove();
  ASSERT_TRUE(eventually([&] { return !line->failure().empty(); }));
  EXPECT_NE(line->failure().find("TAP"), std::string::npos) << line->failure();
  EXPECT_EQ(line->losses_by_slot()[4], 1u);
  EXPECT_EQ(line->stats().held, 0u);
}

struct LineMerging : LineTest, testing::WithParamInterface<bool> {
  std::vector<Bytes> train(std::size_t count, Ns due) {
    std::vector<Bytes> frames;
    for (std::size_t i = 0; i < count; ++i) {
      test::Segment s;
      s.v6 = GetParam();
      s.due = tick(due);
      s.hold = static_cast<std::uint32_t>(i);
      s.id = static_cast<std::uint16_t>(i);
      s.sequence += static_cast<std::uint32_t>(i * s.payload);
      s.fill = static_cast<std::uint8_t>(i);
      frames.push_back(test::build(s));
    }
    return frames;
  }
};

TEST_P(LineMerging, ATrainLeavesAsTsoFramesThatSplitIntoIt) {
  begin();
  const auto frames = train(40, monotonic_now() + 500 * kMillisecond);
  for (const Bytes& frame : frames) wire.send(frame);
  const auto out = wire.receive(1);
  ASSERT_EQ(out.size(), 1u);
  const auto parts = test::split(out[0].frame);
  ASSERT_EQ(parts.size(), frames.size());
  EXPECT_EQ(out[0].stamp().hold, 0u) << "the first one's stamp";
  for (std::size_t i = 0; i < parts.size(); ++i)
    EXPECT_TRUE(std::equal(parts[i].begin() + test::kIpAt, parts[i].end(), frames[i].begin() + test::kIpAt));
  EXPECT_TRUE(eventually([&] { return line->stats().merged == 40; }));
  EXPECT_EQ(line->stats().frames_written, 1u);
  expect_conserved();
}

TEST_P(LineMerging, ATsoFrameCountsAsItsSegments) {
  begin({.byte_limit = 30000});
  const auto frames = train(40, monotonic_now() + 200 * kMillisecond);
  test::Segment whole;
  whole.v6 = GetParam();
  whole.slot = 3;
  whole.due = tick(monotonic_now() + kSecond);
  whole.payload = 20 * 1400 - 1;
  Bytes tso = test::build(whole);
  const std::uint16_t header = GetParam() ? 74 : 54, size = 1400;
  tso[1] = std::byte{GetParam() ? kGsoTcp6 : kGsoTcp4};
  std::memcpy(tso.data() + 2, &header, 2);
  std::memcpy(tso.data() + 4, &size, 2);
  wire.send(tso);
  wire.send(tso);
  await_read(40);
  EXPECT_EQ(line->stats().frames_read, 2u);
  EXPECT_EQ(line->stats().held, 20u);
  EXPECT_EQ(line->losses_by_slot()[3], 20u) << "the second did not fit";
  const auto out = wire.receive(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(
      std::equal(tso.begin() + kVirtioBytes, tso.end(), out[0].frame.begin() + kVirtioBytes, out[0].frame.end()));
  EXPECT_TRUE(eventually([&] { return line->stats().written == 20; }));
  expect_conserved();
}

TEST_F(LineTest, WhatLeavesLateIsCountedForItsSlot) {
  begin();
  const Ns now = monotonic_now();
  for (std::uint32_t i = 0; i < 10; ++i) wire.send(numbered(i, now - 20 * kMillisecond, 7));
  ASSERT_EQ(wire.receive(10).size(), 10u);
  ASSERT_TRUE(eventually([&] { return line->stats().written == 10; }));
  EXPECT_EQ(line->late_by_slot().at(7).all, 10u);
  EXPECT_EQ(line->late_by_slot().at(7).full, 0u) << "ten frames do not fill it";
  EXPECT_EQ(line->late_by_slot().at(8).all, 0u);
}

TEST_P(LineMerging, MergingCanBeTurnedOff) {
  begin({.merge = false});
  const auto frames = train(40, monotonic_now() + 200 * kMillisecond);
  for (const Bytes& frame : frames) wire.send(frame);
  const auto out = wire.receive(40);
  ASSERT_EQ(out.size(), 40u);
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_TRUE(out[i].frame == frames[i]);
}

TEST_P(LineMerging, DistantDuesStayApart) {
  begin();
  const Ns due = monotonic_now() + 300 * kMillisecond;
  auto frames = train(2, due);
  std::uint32_t later = tick(due + 500 * kMillisecond);
  std::memcpy(frames[1].data() + kVirtioBytes + offsetof(fl_stamp, due), &later, sizeof later);
  for (const Bytes& frame : frames) wire.send(frame);
  EXPECT_EQ(wire.receive(2).size(), 2u);
  EXPECT_EQ(line->stats().merged, 0u);
}

INSTANTIATE_TEST_SUITE_P(Ip, LineMerging, testing::Bool(), [](const auto& param) { return param.param ? "v6" : "v4"; });

// In a child process: 1 when all is as it should be after having been stopped for longer than the lease.
int hold_through_a_stop(int ready, int go_on) {
  Wire wire;
  fl_control control{};
  control.lease = 250 * kMillisecond;
  control.epoch = 1;  // armed
  Line line(wire.take_tap(), &control, {});
  line.start();
  const Ns now = monotonic_now();
  for (std::uint32_t i = 0; i < 50; ++i) wire.send(numbered(i, now + 300 * kMillisecond, 6));
  wire.send(numbered(99, now + 60 * kSecond, 6));
  if (!eventually([&] { return line.stats().read == 51; }) || line.was_stopped()) return 2;
  char byte = 0;
  if (write(ready, &byte, 1) != 1 || read(go_on, &byte, 1) != 1) return 3;  // stopped meanwhile
  if (!eventually([&] { return line.was_stopped(); })) return 4;
  if (!eventually([&] { return line.stats().losses.overdue == 50; })) return 5;
  if (line.losses_by_slot()[6] != 50 || line.stats().stalled < 250 * kMillisecond) return 6;
  const auto lapses = line.take_lapses();
  if (lapses.size() != 1 || lapses[0].to - lapses[0].from < 500 * kMillisecond) return 11;
  if (!line.take_lapses().empty()) return 12;      // told
  if (!wire.receive(1, kQuiet).empty()) return 7;  // nothing of it comes out late
  const auto beat = static_cast<Ns>(__atomic_load_n(&control.beat, __ATOMIC_ACQUIRE));
  if (monotonic_now() - beat < 600 * kMillisecond) return 10;  // the lease stays stale: no fault begins again
  line.stop();
  const auto out = wire.receive(1);
  return out.size() == 1 && out[0].number() == 99 ? 1 : 8;  // what was not overdue is still there
}

// The same before T0: 1 when the stop left no trace and the line goes on beating.
int stop_before_the_start(int ready, int go_on) {
  Wire wire;
  fl_control control{};
  control.lease = 250 * kMillisecond;
  Line line(wire.take_tap(), &control, {});
  line.start();
  char byte = 0;
  if (write(ready, &byte, 1) != 1 || read(go_on, &byte, 1) != 1) return 3;  // stopped meanwhile
  const auto beat = static_cast<Ns>(__atomic_load_n(&control.beat, __ATOMIC_ACQUIRE));
  if (!eventually([&] { return static_cast<Ns>(__atomic_load_n(&control.beat, __ATOMIC_ACQUIRE)) > beat; })) return 4;
  return line.was_stopped() ? 5 : 1;
}

void stop_a_child_in(int (*work)(int ready, int go_on)) {
  int ready[2], go_on[2];
  check("pipe", pipe2(ready, O_CLOEXEC));
  check("pipe", pipe2(go_on, O_CLOEXEC));
  const Fd ready_in(ready[0]), ready_out(ready[1]), go_in(go_on[0]), go_out(go_on[1]);
  const auto child = static_cast<pid_t>(check("fork", fork()));
  if (child == 0) {
    int result = 9;
    try {
      result = work(ready_out.get(), go_in.get());
    } catch (const std::exception&) {
    }
    _exit(result);
  }
  char byte = 0;
  EXPECT_EQ(read(ready_in.get(), &byte, 1), 1);
  kill(child, SIGSTOP);
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  EXPECT_TRUE(WIFSTOPPED(status));
  usleep(600000);
  kill(child, SIGCONT);
  EXPECT_EQ(write(go_out.get(), &byte, 1), 1);
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(LineStopped, WhatIsOverdueAfterAStopIsDiscarded) { stop_a_child_in(hold_through_a_stop); }
TEST(LineStopped, AStopBeforeTheStartSpoilsNothing) { stop_a_child_in(stop_before_the_start); }

}  // namespace
}  // namespace faultline::line
