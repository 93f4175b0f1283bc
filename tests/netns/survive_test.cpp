// What a run must survive, or refuse with a clear word: the real binary on hosts that lack something, lose something,
// or have something that Faultline cannot handle.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <signal.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <optional>

#include "injector/base/error.h"
#include "injector/base/tap.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp_stream.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

namespace fs = std::filesystem;

struct SurviveTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  static std::string plan(const std::string& netns, const std::string& more = "", const std::string& to = "10.7.0.2",
                          const std::string& duration = "4s") {
    return VictimPlan{.netns = netns, .duration = duration, .ping = to, .length = "2500ms", .more = more}.text();
  }

  Command start(const std::string& text, std::vector<std::string> more = {}) {
    return Command::run(folder.write("plan.toml", text), out, more);
  }

  /// The run comes to its end with this status, a whole record, and nothing that it could not clean up.
  void expect_whole(Command& run, int expected = 0) {
    const auto status = run.wait(60 * kSecond);
    ASSERT_TRUE(status) << "it hangs: " << run.errors();
    EXPECT_EQ(*status, expected) << run.out() << run.errors();
    const auto journal = journal_of(out);
    ASSERT_FALSE(journal.empty());
    EXPECT_EQ(journal.back()["event"], "end");
    EXPECT_EQ(summary_of(out)["cleanup"]["ok"], true) << summary_of(out)["cleanup"].dump();
  }

  /// Once a request has met the fault: from then on there are always some on their way through it.
  void await_delayed() {
    EXPECT_TRUE(eventually([&] {
      const auto journal = journal_of(out);
      return std::any_of(journal.begin(), journal.end(), [](const auto& e) {
        return e["event"] == "sample" && e.value("latency", Ns{0}) >= 100 * kMillisecond;
      });
    }));
  }

  std::string warnings() { return summary_of(out)["warnings"].dump(); }

  /// Refused with this status, in words that have `word` in them; nothing was attached.
  void expect_refused(Command& run, int status, const std::string& word) {
    EXPECT_EQ(run.wait(60 * kSecond), status) << run.out() << run.errors();
    EXPECT_NE((run.out() + run.errors()).find(word), std::string::npos) << run.out() << run.errors();
  }

  TemporaryFolder folder;
  fs::path out = folder.path() / "run";
};

TEST_F(SurviveTest, WithoutPrivilegeARunIsRefusedAndACheckIsNot) {
  TwoNamespaces net;
  fs::copy_file(binary(), folder.path() / "faultline");  // the build folder may be closed to others
  const std::string plan_file = folder.write("plan.toml", plan(net.path()));
  const std::string own = folder.path() / "faultline";
  Command run(as_nobody({own, "run", plan_file, "--out", "/tmp/faultline-never-made"}));
  expect_refused(run, 4, "CAP_NET_ADMIN");
  EXPECT_NE(run.errors().find("sudo"), std::string::npos) << run.errors();
  EXPECT_FALSE(fs::exists("/tmp/faultline-never-made"));
  Command check(as_nobody({own, "check", plan_file}));
  EXPECT_EQ(check.wait(30 * kSecond), 0) << check.errors();
}

TEST_F(SurviveTest, WithoutBtfTheClassicAttachmentIsUsed) {
  TwoNamespaces net;
  const std::string plan_file = folder.write("plan.toml", plan(net.path()));
  const auto without_btf = [&](const std::string& more) {
    return std::vector<std::string>{
        "unshare", "-m", "sh", "-c",
        fmt::format("mount -t tmpfs none /sys/kernel/btf && exec {} run {} --quiet {}", binary(), plan_file, more)};
  };
  Command run(without_btf("--out " + out.string()));
  expect_whole(run);
  EXPECT_EQ(summary_of(out)["engine"], "clsact");
  EXPECT_GT(summary_of(out)["faults"][0]["packets_delayed"], 0);
  Command insisting(without_btf("--engine tcx --out " + (folder.path() / "insisting").string()));
  expect_refused(insisting, 4, "no BTF");
}

TEST_F(SurviveTest, ATargetThatIsNotThere) {
  Command run = start(plan("/run/netns/no-such-namespace"));
  expect_refused(run, 4, "no-such-namespace");
}

TEST_F(SurviveTest, WhileOneTargetIsMissingNothingOfTheOthersIsTouched) {
  TwoNamespaces net;
  std::optional<Command> monitor;
  {
    Inside in(net.here);
    monitor.emplace(std::vector<std::string>{"ip", "monitor", "link"});
  }
  int events = 0;
  ASSERT_TRUE(eventually([&] {  // it listens once it has something to say
    Inside in(net.here);
    say_all({"ip", "link", "set", "lo", "mtu", std::to_string(60000 + events++)});
    return !monitor->out().empty();
  }));
  const std::string last = std::to_string(60000 + events - 1);  // it has told all that was said to it
  ASSERT_TRUE(eventually([&] { return monitor->out().find("mtu " + last) != std::string::npos; }));
  const std::string before = monitor->out();
  Command run = start(plan(net.path(),
                           "[targets.other]\nnetns = \"/run/netns/no-such-namespace\"\n[[faults]]\nkind = "
                           "\"sever\"\non = \"other\"\nstart = \"1s\"\nfor = \"1s\"\n"));
  expect_refused(run, 4, "no-such-namespace");
  EXPECT_EQ(monitor->out(), before);
  Command another = Command::run(folder.write("other.toml", plan(net.path())),
                                 folder.path() / "other");  // what is seen when something is
  ASSERT_TRUE(await_event(folder.path() / "other", "t0")) << another.errors();
  EXPECT_NE(monitor->out(), before);
  another.signal(SIGINT);
  another.wait(20 * kSecond);
}

// Whoever operates the machine over its network would be cut off with everything else.
TEST_F(SurviveTest, EverythingOfTheMachinesOwnNetworkIsRefused) {
  const NetNs machine = NetNs::open("/proc/self/ns/net");
  const auto before = device_names(machine);
  for (const char* more : {"", "protocol = \"tcp\"\n"}) {
    out = folder.path() / (more[0] != 0 ? "tcp" : "all");
    Command run =
        start(std::string("duration = \"2s\"\n[targets.all]\nnetns = \"/proc/self/ns/net\"\n") + more +
              "[[faults]]\nkind = \"degrade\"\ndelay = \"1ms\"\non = \"all\"\nstart = \"1s\"\nfor = \"1s\"\n");
    expect_refused(run, 4, "initial network namespace");
  }
  EXPECT_EQ(device_names(machine), before);
}

TEST_F(SurviveTest, ANamespaceWithoutAnyDevice) {
  const NetNs bare = NetNs::create();
  Command run = start(plan(TwoNamespaces::path(bare)));
  expect_refused(run, 4, "no device that is up");
}

TEST_F(SurviveTest, ATargetWhoseLastProcessEndsMidRun) {
  auto net = std::make_unique<TwoNamespaces>();
  Command run = start(plan(net->path()));
  await_delayed();
  net.reset();
  expect_whole(run, 2);  // what was on its way is lost with the device
}

TEST_F(SurviveTest, ADeviceThatVanishesAndOneThatAppears) {
  for (const char* engine : {"tcx", "clsact"}) {
    SCOPED_TRACE(engine);
    out = folder.path() / engine;
    TwoNamespaces net;
    Command run = start(plan(net.path()), {"--engine", engine});
    await_delayed();
    {
      Inside in(net.here);
      for (const auto& device : list_devices())
        if (device.name == "eth0") delete_device(device.index);
      add_veth({"eth1", nullptr}, {"eth1", &net.there});
      set_up("eth1");
      add_address("eth1", *IpPrefix::parse("10.8.0.1/24"));
    }
    expect_whole(run, 2);
    EXPECT_NE(warnings().find("eth0 of"), std::string::npos) << warnings();
    EXPECT_NE(warnings().find("eth1 appeared"), std::string::npos) << warnings();
  }
}

TEST_F(SurviveTest, DevicesThatCannotHaveFaultsAreRefused) {
  const auto refused = [&](int link_type, const std::string& why) {
    TwoNamespaces net;
    Inside in(net.here);
    const Fd odd = open_tap("odd7", nullptr);
    check("pretend to be another kind of device", ioctl(odd.get(), TUNSETLINK, link_type));
    add_address("odd7", *IpPrefix::parse("10.9.0.1/24"));
    set_up("odd7");
    out = folder.path() / std::to_string(link_type);
    Command run = start(plan(net.path()));
    expect_refused(run, 4, why);
  };
  refused(ARPHRD_INFINIBAND, "odd7 has a link header of its own kind");
  refused(ARPHRD_SIT, "odd7 is a tunnel without a far end of its own");
}

TEST_F(SurviveTest, AFullDiskHealsFirst) {
  TwoNamespaces net;
  const fs::path disk = folder.path() / "disk", record = disk / "run";
  fs::create_directory(disk);
  // What is taken apart afterwards takes its time: a service that does not end when it is told to.
  const std::string more =
      "[[faults]]\nname = \"long\"\nkind = \"sever\"\non = \"victim\"\nstart = \"3s\"\nfor = \"run\"\n"
      "[lab.rooms.east]\n[lab.hosts.stubborn]\nroom = \"east\"\n"
      "command = [\"sh\", \"-c\", \"trap '' TERM; while :; do sleep 1; done\"]\n";
  const std::string text = plan(net.path(), more, "10.7.0.2", "60s");
  Command run({"unshare", "-m", "sh", "-c",
               fmt::format("mount -t tmpfs -o size=256k none {} && exec {} run {} --out {} --quiet", disk.string(),
                           binary(), folder.write("plan.toml", text).string(), record.string())});
  const fs::path seen = fmt::format("/proc/{}/root{}", run.pid(), record.string());
  ASSERT_TRUE(await_event(seen, "fault_begin")) << run.errors();
  UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", 200);
  {
    const Fd filler(open((seen / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(filler);
    const std::vector<char> block(4096);
    while (write(filler.get(), block.data(), block.size()) > 0) {
    }
  }
  const Ns full = monotonic_now();
  EXPECT_EQ(run.wait(20 * kSecond), 6) << run.out() << run.errors();
  EXPECT_NE(run.errors().find("No space left"), std::string::npos) << run.errors();
  const Ns ended = monotonic_now();
  const auto& packets = stream.finish();
  ASSERT_FALSE(packets.empty());
  // Not when the process ended, which heals anyway, but before: while the service was still being waited for.
  const auto first = first_quick(packets, full, 50 * kMillisecond);
  ASSERT_TRUE(first);
  EXPECT_LT(full + *first, ended - kSecond);
  Inside in(net.here);
  EXPECT_EQ(list_devices().size(), 2u);
}

TEST_F(SurviveTest, HostsWithIPv6AloneAndJumboFrames) {
  TwoNamespaces net(TwoNamespaces::Family::v6_only, 9000);
  Command run = start(plan(net.path(), "", "fd07::2"));
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  UdpStream stream(net.here, "fd07::1", net.there, "fd07::2", 200, 8900);
  ASSERT_TRUE(eventually([&] { return stream.sent() >= 200; }));
  const Ns until = monotonic_now() - 100 * kMillisecond;
  const auto packets = stream.finish();
  EXPECT_EQ(stream.refused(), 0u);
  EXPECT_EQ(packets.size(), stream.sent());
  for (const auto& p : packets) EXPECT_TRUE(p.sent >= until || p.took() >= 100 * kMillisecond) << p.took();
  expect_whole(run);
  EXPECT_EQ(summary_of(out)["faults"][0]["packets_undelivered"], 0);
}

TEST_F(SurviveTest, ASecondRunInTheNamespaceIsRefusedAndNamesTheFirst) {
  TwoNamespaces net;
  Command first = start(plan(net.path()));
  ASSERT_TRUE(await_event(out, "t0")) << first.errors();
  Command second = Command::run(folder.path() / "plan.toml", folder.path() / "second");
  expect_refused(second, 4, "already has a run under way: pid " + std::to_string(first.pid()));
  EXPECT_NE(second.out().find(out.string()), std::string::npos) << second.out();
  expect_whole(first);
}

TEST_F(SurviveTest, ARecordIsNeverOverwritten) {
  TwoNamespaces net;
  fs::create_directory(out);
  folder.write("run/precious", "");
  Command run = start(plan(net.path()));
  expect_refused(run, 3, "never overwrites");
  EXPECT_TRUE(fs::exists(out / "precious"));
  EXPECT_FALSE(fs::exists(out / "journal.jsonl"));
}

TEST_F(SurviveTest, AServiceThatIsNeverReadyShowsTheEndOfItsLog) {
  TwoNamespaces net;
  Command run = start(plan(net.path(), R"(
[lab.rooms.east]
[lab.hosts.web]
room = "east"
command = ["sh", "-c", "echo cannot find my database; exec sleep 100"]
ready = { tcp = 8080, within = "1s" }
)"));
  expect_refused(run, 4, "cannot find my database");
  EXPECT_NE(run.out().find("\"web\" was not ready within 1 s"), std::string::npos) << run.out();
}

TEST_F(SurviveTest, AProgramThatIsNotInstalled) {
  TwoNamespaces net;
  Command run = start(plan(net.path(), R"(
[lab.rooms.east]
[lab.hosts.web]
room = "east"
command = ["no-such-program-anywhere"]
)"));
  expect_refused(run, 4, "no-such-program-anywhere");
}

TEST_F(SurviveTest, FiftyMistakesAreAllReportedWithTheirPlaces) {
  std::string text = plan("somewhere");
  for (int i = 0; i < 50; i++)
    text += fmt::format(
        "[[faults]]\nname = \"f{}\"\nkind = \"degrade\"\non = \"victim\"\nstart = \"1s\"\nfor = \"{}\"\ndelay = "
        "\"1ms\"\n",
        i, i);
  const std::string path = folder.write("plan.toml", text);
  Command check({binary(), "check", path});
  EXPECT_EQ(check.wait(60 * kSecond), 3);
  const std::string said = check.errors();
  std::size_t found = 0;
  for (std::size_t at = said.find(path + ":"); at != std::string::npos; at = said.find(path + ":", at + 1)) found++;
  EXPECT_EQ(found, 50u) << said.substr(0, 2000);
}

TEST_F(SurviveTest, APlanOfTenMegabytes) {
  std::string text = plan("somewhere");
  while (text.size() < 10 << 20) text += fmt::format("# {}\n", std::string(100, 'x'));
  text += "[targets.bank]\naddress = [";
  for (int i = 0; i < 65000; i++) text += fmt::format("\"10.{}.{}.0/24\",", i / 256, i % 256);
  text += "]\nnonsense = 1\n";
  const std::string path = folder.write("plan.toml", text);
  Command check({binary(), "check", path});
  EXPECT_EQ(check.wait(120 * kSecond), 3);
  EXPECT_NE(check.errors().find("nonsense"), std::string::npos) << check.errors().substr(0, 2000);
}

}  // namespace
}  // namespace faultline::test
