// No packet is lost in silence. An overloaded pen loses packets; every one of them must be in the books, charged to its
// fault, and make the fault inconclusive: sent = received + dropped + undelivered, to the packet.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <sstream>

#include "tests/harness/command.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp_stream.h"

namespace faultline::test {
namespace {

/// UDP packets that reached the namespace's sockets, whether or not there was room for them.
std::uint64_t udp_received(const NetNs& ns) {
  Inside in(ns);
  std::ifstream file("/proc/thread-self/net/snmp");
  std::string keys, values;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("Udp:")) continue;
    if (keys.empty()) {
      keys = line;
      continue;
    }
    values = line;
    break;
  }
  std::istringstream k(keys), v(values);
  std::uint64_t received = 0;
  for (std::string key, value; k >> key && v >> value;)
    if (key == "InDatagrams" || key == "RcvbufErrors" || key == "NoPorts") received += std::stoull(value);
  return received;
}

/// What eth0 could not hand to its peer, whose backlog was full: lost by the network, behind the pen.
std::uint64_t lost_on_the_wire(const NetNs& ns) {
  Inside in(ns);
  std::ifstream file("/proc/thread-self/net/dev");
  for (std::string line; std::getline(file, line);) {
    const auto at = line.find("eth0:");
    if (at == std::string::npos) continue;
    std::istringstream fields(line.substr(at + 5));
    std::uint64_t field[16] = {};
    for (auto& f : field) fields >> f;
    return field[11];  // tx drop
  }
  return 0;
}

void pass(Ns time) {
  const timespec t{time / kSecond, time % kSecond};
  nanosleep(&t, nullptr);
}

TEST(Conservation, AnOverloadedPenCountsEveryPacketThatItLoses) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  TwoNamespaces net;
  TemporaryFolder folder;
  const auto out = folder.path() / "run";
  // Under clsact a stop shorter than the lease goes unnoticed: the line reads nothing meanwhile, and its queue runs
  // over.
  Command run = Command::run(folder.write("plan.toml", fmt::format(R"(
seed = 1
duration = "8s"
[targets.victim]
netns = "{}"
[targets.stream]
protocol = "udp"
port = 7007
[[faults]]
name = "slow"
kind = "degrade"
on = "victim"
peer = "stream"
start = "200ms"
for = "7s"
delay = "100ms"
loss = "10%"
)",
                                                                   net.path())),
                             out, {"--engine", "clsact"});
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const auto received_before = udp_received(net.there), lost_before = lost_on_the_wire(net.here);
  UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", 100000);
  for (int i = 0; i < 8; i++) {
    pass(150 * kMillisecond);
    run.signal(SIGSTOP);
    pass(120 * kMillisecond);
    run.signal(SIGCONT);
  }
  stream.finish(500 * kMillisecond);
  const auto status = run.wait(30 * kSecond);
  ASSERT_TRUE(status);
  const auto fault = summary_of(out)["faults"][0];
  const std::uint64_t dropped = fault["packets_dropped"], undelivered = fault["packets_undelivered"];
  const std::uint64_t received = udp_received(net.there) - received_before,
                      lost = lost_on_the_wire(net.here) - lost_before;
  RecordProperty("books", fmt::format("sent {} received {} dropped {} undelivered {} on the wire {}", stream.sent(),
                                      received, dropped, undelivered, lost));
  EXPECT_GT(dropped, 0u);
  EXPECT_GT(undelivered, 0u) << "the pen was not overloaded: " << fault.dump();
  EXPECT_EQ(stream.refused(), 0u);
  EXPECT_EQ(fault["packets_matched"], stream.sent());
  EXPECT_EQ(stream.sent(), received + lost + dropped + undelivered)
      << "received " << received << ", lost on the wire " << lost << ", dropped " << dropped << ", undelivered "
      << undelivered << "\n"
      << fault.dump();
  // A machine slow enough to let the lease lapse aborts the run; otherwise the fault is inconclusive.
  EXPECT_TRUE(*status == 2 || *status == 5) << *status << run.out();
  EXPECT_NE(run.out().find("never gave back"), std::string::npos) << run.out();
}

}  // namespace
}  // namespace faultline::test
