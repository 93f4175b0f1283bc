// What is not ours: programs, qdiscs, filters, sysctls, routes, addresses and frames that belong to others are the same
// after a run as before it, and work all through it.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "injector/base/error.h"
#include "injector/pen/attach.h"
#include "injector/pen/tc.h"
#include "tests/harness/command.h"
#include "tests/harness/passing_program.h"
#include "tests/harness/processes.h"
#include "tests/harness/statuses.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp_stream.h"

namespace faultline::test {
namespace {

/// Everything about the thread's network namespace that a run might touch, as text.
std::string look_around() {
  Command look({"sh", "-c",
                "tc qdisc show; for d in lo eth0; do for h in ingress egress; do tc filter show dev $d $h; done; done "
                "2>/dev/null;"
                "tc class show dev eth0; ip -d addr show; ip -4 route show table all; ip -6 route show table all; ip "
                "rule; ip -6 rule;"
                "ip -4 neigh show nud permanent; ip maddr show dev eth0;"
                "find /proc/sys/net -type f -readable | sort | xargs grep -s -H ''"});
  EXPECT_TRUE(look.wait(60 * kSecond));
  const std::string all = look.out();
  for (const char* part : {"qdisc", "eth0", "lookup main", "/proc/sys/net"})  // each of them has looked
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << look.errors();
  return all;
}

struct ForeignTest : testing::TestWithParam<const char*> {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (modern() && pen::probe_features().engine() != pen::Engine::tcx) GTEST_SKIP() << "this kernel has no TCX";
  }
  static bool modern() { return GetParam() == std::string("tcx"); }

  Command start(const std::string& faults) {
    return Command::run(folder.write("plan.toml", fmt::format(R"(
seed = 1
duration = "3s"
[targets.victim]
netns = "{}"
{})",
                                                              net.path(), faults)),
                        out, {"--engine", GetParam()});
  }
  static constexpr const char* kDelay =
      "[[faults]]\nname = \"slow\"\nkind = \"degrade\"\non = \"victim\"\nstart = \"300ms\"\nfor = \"2s\"\ndelay = "
      "\"20ms\"\n";
  static constexpr const char* kSever =
      "[[faults]]\nname = \"gone\"\nkind = \"sever\"\non = \"victim\"\nstart = \"300ms\"\nfor = \"2s\"\n";

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

INSTANTIATE_TEST_SUITE_P(Engines, ForeignTest, testing::Values("tcx", "clsact"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(ForeignTest, QdiscsFiltersSysctlsRoutesAndAddressesStayAsTheyWere) {
  std::string before, after;
  std::set<std::string> kinds;
  Inside in(net.here);
  const Fd program = passing_program();
  for (const char* setup : {"tc qdisc add dev eth0 root handle 77: prio bands 4",
                            "tc qdisc add dev eth0 root handle 77: tbf rate 90mbit burst 64k latency 50ms",
                            "tc qdisc add dev eth0 root handle 77: pfifo limit 500"}) {
    Command prepare({"sh", "-c", setup});
    if (prepare.wait(20 * kSecond) != 0) continue;  // this kernel has not every kind
    const int eth0 = static_cast<int>(if_nametoindex("eth0"));
    ASSERT_TRUE(pen::tc::add_clsact(eth0, "eth0"));
    for (const auto hook : {pen::Hook::egress, pen::Hook::ingress})
      ASSERT_TRUE(pen::tc::add_filter(eth0, "eth0", hook, 7, program.get(), "another's"));
    SCOPED_TRACE(setup);
    kinds.insert(setup);
    out = folder.path() / std::to_string(kinds.size());
    ASSERT_TRUE(eventually([&] { return (before = look_around()).find("tentative") == std::string::npos; }));
    Command run = start(kDelay);
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", 200);
    EXPECT_TRUE(came_to_its_end(run.wait(30 * kSecond))) << run.errors();
    stream.finish();
    after = look_around();
    EXPECT_EQ(before, after);
    EXPECT_NE(before.find("qdisc clsact"), std::string::npos) << before.substr(0, 500);
    EXPECT_NE(before.find("another's"), std::string::npos) << before.substr(0, 500);
    EXPECT_GT(summary_of(out)["faults"][0]["packets_delayed"], 0);
    Command({"tc", "qdisc", "del", "dev", "eth0", "root"}).wait(5 * kSecond);
    Command({"tc", "qdisc", "del", "dev", "eth0", "clsact"}).wait(5 * kSecond);
  }
  EXPECT_FALSE(kinds.empty()) << "no kind of qdisc could be tried";
  EXPECT_NE(before.find("/proc/sys/net/ipv4/conf/eth0/rp_filter"), std::string::npos);
}

TEST_P(ForeignTest, AnotherProgramOnTheDeviceRunsOnAndStays) {
  if (!modern()) GTEST_SKIP() << "clsact_test has filters of others";
  const Fd program = passing_program();
  Fd link;
  {
    Inside in(net.here);
    LIBBPF_OPTS(bpf_link_create_opts, options);
    link = Fd(check_neg("attach", bpf_link_create(program.get(), static_cast<int>(if_nametoindex("eth0")),
                                                  static_cast<bpf_attach_type>(47), &options)));
  }
  const Fd counting(check_neg("count runs", bpf_enable_stats(BPF_STATS_RUN_TIME)));
  const auto runs = [&] {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    check_neg("look at the program", bpf_obj_get_info_by_fd(program.get(), &info, &size));
    return info.run_cnt;
  };
  const auto attached = [&] {
    Inside in(net.here);
    __u32 ids[8] = {}, flags = 0, count = 8;
    check_neg("query", bpf_prog_query(static_cast<int>(if_nametoindex("eth0")), static_cast<bpf_attach_type>(47), 0,
                                      &flags, ids, &count));
    return std::vector<__u32>(ids, ids + count);
  };
  const auto before = attached();
  ASSERT_EQ(before.size(), 1u);
  Command run = start(kDelay);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  EXPECT_EQ(attached().size(), 2u);
  const auto begun = runs();
  UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", 500);
  usleep(500000);
  const auto packets = stream.finish();
  // Held packets come by it again when they return; none must get past it.
  EXPECT_GE(runs() - begun, packets.size());
  EXPECT_GT(packets.size(), 50u);
  EXPECT_TRUE(came_to_its_end(run.wait(30 * kSecond))) << run.errors();
  EXPECT_GT(summary_of(out)["faults"][0]["packets_delayed"], 50);
  EXPECT_EQ(attached(), before);
}

TEST_P(ForeignTest, VlanTaggedFramesPassUntouched) {
  Command run = start(kSever);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const auto socket_in = [](const NetNs& ns) {
    Inside in(ns);
    Fd fd(static_cast<int>(check("packet socket", socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)))));
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_ALL);
    to.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
    check("bind", bind(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to));
    return fd;
  };
  // Broadcast, VLAN 7, then an IPv4 header of a UDP packet that the fault, untagged, would swallow.
  const auto frame = [](std::uint16_t number, bool tagged) {
    std::vector<std::uint8_t> f{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9};
    if (tagged) f.insert(f.end(), {0x81, 0x00, 0x00, 0x07});
    f.insert(f.end(), {0x08, 0x00, 0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 17, 0, 0, 10,  7,
                       0,    1,    10,   7, 0, 2,  1, 1, 1,    1, 0,  10, 0, 0, 'f', 'l'});
    f.push_back(static_cast<std::uint8_t>(number >> 8));
    f.push_back(static_cast<std::uint8_t>(number));
    f.resize(f.size() + 20);
    return f;
  };
  const auto pass = [&](const NetNs& from, const NetNs& to, bool tagged) {
    const Fd sender = socket_in(from), receiver = socket_in(to);
    int arrived = 0;
    for (std::uint16_t i = 0; i < 50; i++) {
      const auto f = frame(i, tagged);
      check("send", send(sender.get(), f.data(), f.size(), 0));
    }
    pollfd readable{receiver.get(), POLLIN, 0};
    std::uint8_t bytes[256];
    while (poll(&readable, 1, 200) == 1) {
      const ssize_t n = recv(receiver.get(), bytes, sizeof bytes, 0);
      // A tag is moved out of the frame on receipt.
      for (ssize_t at = 12; at + 1 < n; at++)
        if (bytes[at] == 'f' && bytes[at + 1] == 'l') {
          arrived++;
          break;
        }
    }
    return arrived;
  };
  EXPECT_EQ(pass(net.here, net.there, true), 50);
  EXPECT_EQ(pass(net.there, net.here, true), 50);
  EXPECT_EQ(pass(net.here, net.there, false), 0) << "the same frames without a tag meet the fault";
  EXPECT_TRUE(came_to_its_end(run.wait(30 * kSecond))) << run.errors();
  EXPECT_GE(summary_of(out)["faults"][0]["packets_dropped"], 50);  // the kernel's own multicast reports meet it too
}

}  // namespace
}  // namespace faultline::test
