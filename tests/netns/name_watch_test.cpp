// Names of peers: an address that a target is first told in mid-run is a peer's from then on. The real binary, a real
// resolver's questions, a server that changes its mind.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>

#include "injector/pen/attach.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/harness/toy_dns.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

constexpr const char* kName = "bank.faultline.test";

class NameWatchTest : public testing::TestWithParam<const char*> {
 protected:
  static constexpr Ns kDelay = 100 * kMillisecond;

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (GetParam() == std::string("tcx") && pen::probe_features().engine() != pen::Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
    Inside in(net.there);
    for (const char* more : {"10.7.0.8/24", "10.7.0.9/24"}) add_address("eth0", *IpPrefix::parse(more));
  }
  /// Files of the target's own, in which the name has an address that nobody has.
  void own_hosts() const {
    check("unshare", unshare(CLONE_NEWNS));
    check("private", mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    check("bind", mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr));
  }
  Command start(pid_t pid, const std::string& more = "") {
    return Command::run(
        folder.write("plan.toml", fmt::format("duration = \"60s\"\n[targets.a]\npid = {}\n[targets.bank]\naddress = "
                                              "\"{}\"\n[[faults]]\nkind = \"degrade\"\non = \"a\"\npeer = \"bank\"\n"
                                              "start = \"0s\"\nfor = \"run\"\ndelay = \"100ms\"\n{}",
                                              pid, kName, more)),
        out, {"--engine", GetParam()});
  }
  bool takes(const std::string& to, int times) const {
    return eventually([&] {
      const Ns took = echo_time(net.here, SOCK_STREAM, address(to, 7000));
      return took >= std::max<Ns>(0, times * kDelay - kMillisecond) && took < (times + 1) * kDelay;
    });
  }
  std::size_t learned() const {
    std::size_t n = 0;
    for (const auto& event : journal_of(out)) n += event["event"] == "learned";
    return n;
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  const std::filesystem::path hosts = folder.write("hosts", fmt::format("10.7.0.77 {}\n", kName));
  const std::filesystem::path out = folder.path() / "run";
};

INSTANTIATE_TEST_SUITE_P(Engines, NameWatchTest, testing::Values("tcx", "clsact"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(NameWatchTest, AnAddressFirstSeenInAnAnswerIsAffectedFromThenOn) {
  EchoProcess target(nullptr, net.here, 7001, [this] { own_hosts(); }), bank(nullptr, net.there, 7000);
  ToyDns dns(net.there, "10.7.0.2");
  Command run = start(target.pid());
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  EXPECT_TRUE(takes("10.7.0.8", 0));
  EXPECT_TRUE(takes("10.7.0.9", 0));
  dns.answer("10.7.0.8");
  EXPECT_EQ(look_up(net.here, "10.7.0.2", "shop.faultline.test").address, "10.7.0.8");  // of another name
  dns.answer("10.7.0.9");
  EXPECT_EQ(look_up(net.here, "10.7.0.2", "BANK.faultline.test").address, "10.7.0.9");
  EXPECT_TRUE(await_event(out, "learned", "10.7.0.9", 5 * kSecond));
  EXPECT_TRUE(takes("10.7.0.9", 2));
  EXPECT_TRUE(takes("10.7.0.8", 0));
  EXPECT_EQ(look_up(net.here, "10.7.0.2", kName).address, "10.7.0.9");  // no news any more
  EXPECT_EQ(learned(), 1u);
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(20 * kSecond), 5) << run.errors();
}

/// An answer with `count` addresses of the name, from 10.`first` on.
std::vector<std::uint8_t> answer_of_many(std::uint32_t first, std::uint8_t count) {
  std::vector<std::uint8_t> m{0, 1, 0x80, 0x80, 0, 1, 0, count, 0, 0, 0, 0};
  m.insert(m.end(), {4,   'b', 'a', 'n', 'k', 9,   'f', 'a', 'u', 'l', 't', 'l', 'i',
                     'n', 'e', 4,   't', 'e', 's', 't', 0,   0,   1,   0,   1});
  for (std::uint32_t i = first; i < first + count; i++)
    m.insert(m.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, static_cast<std::uint8_t>(100 + (i >> 16)),
                       static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)});
  return m;
}

TEST_P(NameWatchTest, AFloodOfAnswersIsBounded) {
  EchoProcess target(nullptr, net.here, 7001, [this] { own_hosts(); }), bank(nullptr, net.there, 7000);
  Command run = start(target.pid());
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const Fd server = bound_socket(net.there, SOCK_DGRAM, address("10.7.0.2", 53));
  const Address to = address("10.7.0.1", 7001);
  std::uint32_t sent = 0;  // others every time: of one flood only as many are heard as the socket's queue holds
  EXPECT_TRUE(eventually([&] {
    for (const std::uint32_t until = sent + 300; sent < until; sent++) {
      const auto m = answer_of_many(sent * 50, 50);
      (void)!sendto(server.get(), m.data(), m.size(), 0, to.get(), to.size);
    }
    return await_event(out, "warning", "4096 addresses of names were learned", 300 * kMillisecond);
  }));
  EXPECT_EQ(learned(), 4096u);
  EXPECT_TRUE(takes("10.7.0.9", 0));  // what was not learned is left alone
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(20 * kSecond), 5) << run.errors();
}

}  // namespace
}  // namespace faultline::test
