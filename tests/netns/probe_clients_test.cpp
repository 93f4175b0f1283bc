// A host that stands for many clients: its probes' requests come from each of its addresses in turn.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/processes.h"
#include "tests/harness/toy_server.h"

namespace faultline::test {
namespace {

const std::vector<std::string> kClients = {"127.0.0.11", "fd00::1", "127.0.0.12", "127.0.0.13"};
const std::map<std::string, int> kEachInTurn = {{"127.0.0.11", 4}, {"127.0.0.12", 4}, {"127.0.0.13", 4}};

std::string address_text(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return text;
}

/// Counts whom connections, or echo requests, come from. Answers HTTP.
class Visitors {
 public:
  Visitors(const NetNs& ns, int type, int protocol) : stream_(type == SOCK_STREAM) {
    const Inside inside(ns);
    socket_ = Fd(static_cast<int>(check("open a socket", ::socket(AF_INET, type | SOCK_CLOEXEC, protocol))));
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check("bind", ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&here), sizeof here));
    if (stream_) check("listen", ::listen(socket_.get(), 64));
    socklen_t length = sizeof here;
    check("read the port", ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&here), &length));
    port_ = ntohs(here.sin_port);
    thread_ = std::thread([this] { watch(); });
  }
  ~Visitors() {
    if (thread_.joinable()) counts();
  }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  std::map<std::string, int> counts() {
    stopping_ = true;
    thread_.join();
    return counts_;
  }

 private:
  void watch() {
    while (!stopping_) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 50) != 1) continue;
      sockaddr_in from{};
      socklen_t length = sizeof from;
      std::array<char, 512> packet{};
      if (stream_) {
        const Fd connection(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC));
        const std::string answer = http_answer(200);
        [[maybe_unused]] const ssize_t asked = ::recv(connection.get(), packet.data(), packet.size(), 0);
        [[maybe_unused]] const ssize_t sent = ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      } else {
        ::recvfrom(socket_.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
        if (packet[20] != 8) continue;  // replies come by here too
      }
      ++counts_[address_text(from)];
    }
  }

  const bool stream_;
  Fd socket_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::map<std::string, int> counts_;
  std::thread thread_;
};

std::vector<probe::Sample> ask_as(const std::vector<std::string>& clients, probe::Probe what, const NetNs& ns,
                                  int requests, nursery::Nursery* nursery = nullptr) {
  Samples samples;
  what.every = 20 * kMillisecond;
  probe::Prober prober(what, 0, {&ns, "", {}, clients}, nursery, samples.sink());
  const Ns epoch = monotonic_now() + 10 * kMillisecond;
  prober.start(epoch, requests * what.every);
  sleep_until(epoch + requests * what.every);
  prober.finish();
  return samples.all();
}

TEST(ProbeClients, TcpConnectsFromEachInTurn) {
  const NetNs ns = loopback_ns();
  Visitors visitors(ns, SOCK_STREAM, 0);
  auto probe = tcp_probe(visitors.endpoint());
  probe.params.set("send", "hello");
  probe.params.set("expect.reply", "HTTP/1.1 200");
  EXPECT_EQ(verdicts(ask_as(kClients, probe, ns, 12)), (std::map<std::string, int>{{"ok", 12}}));
  EXPECT_EQ(visitors.counts(), kEachInTurn);
}

TEST(ProbeClients, HttpAsksFromEachInTurn) {
  const NetNs ns = loopback_ns();
  Visitors visitors(ns, SOCK_STREAM, 0);
  EXPECT_EQ(verdicts(ask_as(kClients, http_probe("http://" + visitors.endpoint() + "/"), ns, 12)),
            (std::map<std::string, int>{{"ok", 12}}));
  EXPECT_EQ(visitors.counts(), kEachInTurn);
}

TEST(ProbeClients, IcmpAsksFromEachInTurn) {
  const NetNs ns = loopback_ns();
  Visitors visitors(ns, SOCK_RAW, IPPROTO_ICMP);
  EXPECT_EQ(verdicts(ask_as(kClients, icmp_probe("127.0.0.1"), ns, 12)), (std::map<std::string, int>{{"ok", 12}}));
  EXPECT_EQ(visitors.counts(), kEachInTurn);
}

TEST(ProbeClients, IcmpOverIpv6AsksFromEach) {
  const NetNs ns = loopback_ns();
  {
    const Inside inside(ns);
    for (const char* address : {"fd00::1/128", "fd00::2/128"}) add_address("lo", *IpPrefix::parse(address));
  }
  EXPECT_EQ(verdicts(ask_as({"fd00::1", "127.0.0.1", "fd00::2"}, icmp_probe("::1"), ns, 6)),
            (std::map<std::string, int>{{"ok", 6}}));
  // One of them is not ours: only its requests cannot be sent.
  EXPECT_EQ(verdicts(ask_as({"fd00::1", "fd00::3"}, icmp_probe("::1"), ns, 6)).at("ok"), 3);
}

TEST(ProbeClients, ACommandIsToldItsClient) {
  const NetNs ns = loopback_ns();
  const auto nursery = nursery::Nursery::start();
  const auto probe = probe_of("exec", probe::Command{"sh", "-c", "test \"$FAULTLINE_CLIENT\" = 127.0.0.12"});
  EXPECT_EQ(verdicts(ask_as(kClients, probe, ns, 6, nursery.get())),
            (std::map<std::string, int>{{"ok", 2}, {"exit 1", 4}}));
}

// ---- the window ----

TEST(ProbeWindow, AsksOnlyWithinIt) {
  const NetNs ns = loopback_ns();
  auto probe = icmp_probe("127.0.0.1");
  probe.every = 20 * kMillisecond;
  probe.start = 200 * kMillisecond;
  probe.length = 100 * kMillisecond;
  const auto samples = ask(probe, ns, kSecond);
  ASSERT_EQ(samples.size(), 5u);
  for (const auto& sample : samples) {
    EXPECT_GE(sample.due, 200 * kMillisecond);
    EXPECT_LT(sample.due, 300 * kMillisecond);
    EXPECT_LT(sample.late, 100 * kMillisecond);
  }
}

// ---- a clock that stands still ----

TEST(ProbeHold, WhatIsDueWaitsAndKeepsItsPlaceInTime) {
  const NetNs ns = loopback_ns();
  auto probe = icmp_probe("127.0.0.1");
  probe.every = 20 * kMillisecond;
  std::mutex mutex;
  std::vector<std::pair<Ns, probe::Sample>> samples;  // and when they came
  probe::Prober prober(probe, 0, {.net = &ns, .enclosure = {}, .names = {}}, nullptr, [&](probe::Sample sample) {
    const std::lock_guard lock(mutex);
    samples.emplace_back(monotonic_now(), std::move(sample));
  });
  const Ns epoch = monotonic_now() + 50 * kMillisecond;
  prober.start(epoch, 400 * kMillisecond);
  prober.hold(epoch + 200 * kMillisecond);
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return samples.size();
  };
  ASSERT_TRUE(eventually([&] { return count() >= 10; }));
  sleep_until(epoch + 700 * kMillisecond);  // beyond what would be the end
  EXPECT_EQ(count(), 10u) << "those before it";
  const Ns moved = monotonic_now() - (epoch + 200 * kMillisecond);
  prober.go_on(epoch + moved);
  ASSERT_TRUE(eventually([&] { return count() >= 20; }));
  prober.finish();
  ASSERT_EQ(samples.size(), 20u);
  for (std::size_t i = 0; i < 20; i++) {
    const auto& [came, sample] = samples[i];
    EXPECT_EQ(sample.due, static_cast<Ns>(i) * probe.every);
    EXPECT_GE(came, epoch + sample.due + (i < 10 ? 0 : moved));
    EXPECT_LT(sample.late, 100 * kMillisecond) << "the wait makes nothing late";
  }
}

}  // namespace
}  // namespace faultline::test
