// From a plan to packets for targets that share a namespace: services told apart by their cgroups, devices by their
// names. Real processes in real groups answer; each answer shows how often its two ways were delayed.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <future>

#include "injector/plan/parse.h"
#include "injector/run/compose.h"
#include "injector/site/follow.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

const std::vector<const char*> kHere = {"10.7.0.1", "fd07::1"}, kLoopback = {"127.0.0.1", "::1"};

class CgroupTest : public testing::Test {
 protected:
  static constexpr Ns kDelay = 200 * kMillisecond;

  plan::Plan read(const std::string& targets, const std::string& fault) {
    auto parsed = plan::parse_text(
        fmt::format("{}\n[[faults]]\nkind = \"degrade\"\nstart = \"0s\"\nfor = \"60s\"\ndelay = \"200ms\"\n{}\n",
                    targets, fault),
        "/plans/cgroup.toml");
    if (!parsed.ok()) throw std::invalid_argument(plan::render(parsed));
    return std::move(parsed.plan);
  }
  void play(const plan::Plan& plan) {
    auto sites = site::resolve(plan, nullptr, finder, &names);
    rules.clear();
    for (const auto& site : sites) rules.push_back(site.rules.size());
    const auto composition = run::compose(plan, sites);
    pen::PenOptions options;
    options.engine = pen::probe_features().engine();
    follower = std::make_unique<site::Follower>(
        plan, finder, sites,
        site::Follower::Effects{[this](std::size_t site, const auto& changed) { pen->set_cgroups(site, changed); },
                                [this](std::size_t site, site::Site place) { pen->move(site, std::move(place)); }});
    pen = std::make_unique<pen::Pen>(std::move(sites), composition.score, options, [](const std::string&) {});
    pen->arm(monotonic_now());
  }
  void finish() {
    follower.reset();
    pen->stop();
    pen->drain();
    disturbed_if_stalled(pen->line_stats().stalled);
    for (const auto& c : pen->accounts(1)) {
      const auto& u = c.undelivered;
      if (lapses != 0 || pen->line_was_stopped()) continue;
      EXPECT_EQ(u.total(), 0u) << fmt::format("full {} overdue {} refused {} tap {} transit {} unreturned {}", u.full,
                                              u.overdue, u.refused, u.tap_queue, u.in_transit, u.unaccounted);
    }
    for (const auto& failure : pen->close()) ADD_FAILURE() << failure;
    pen.reset();
  }
  std::string refusal(const std::string& targets, const std::string& fault = "on = \"a\"") {
    try {
      const auto plan = read(targets, fault);
      site::resolve(plan, nullptr, finder, &names);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), Exit::cannot_run);
      return failure.what();
    }
    ADD_FAILURE() << "not refused: " << targets;
    return {};
  }

  /// Something that is to take a number of one-way delays.
  struct Ask {
    int times;
    std::string what;
    std::function<std::vector<Ns>()> ask;  ///< each of what it returns is to take so long; -1: no answer
  };
  /// Asks all at once, and those whose answer took something else again, six times at most. A machine that is too busy
  /// to run the line delays what it should not, or lets pass what it should delay; a wrong selection is wrong every
  /// time.
  void expect(std::vector<Ask> asks) {
    std::string wrong;
    for (int i = 0; i < 6 && !asks.empty(); i++) {
      if (pen && pen->line_was_stopped()) {
        pen->resume_line();
        lapses++;
      }
      if (i > 0) usleep(static_cast<useconds_t>(i) * 100000);  // a lapse takes its time
      std::vector<std::future<std::vector<Ns>>> answers;
      for (const auto& each : asks) answers.push_back(std::async(std::launch::async, each.ask));
      std::vector<Ask> again;
      wrong.clear();
      for (std::size_t k = 0; k < asks.size(); k++) {
        const auto took = answers[k].get();
        if (std::all_of(took.begin(), took.end(), [&](Ns t) {
              return t >= least(asks[k].times) && t < asks[k].times * kDelay + 190 * kMillisecond;
            }))
          continue;
        wrong += fmt::format("{}: took {} ns, not {} delays\n", asks[k].what, fmt::join(took, " and "), asks[k].times);
        again.push_back(asks[k]);
      }
      asks = std::move(again);
    }
    EXPECT_TRUE(asks.empty()) << wrong;
  }
  static Ns least(int times) { return std::max<Ns>(0, times * kDelay - 100 * kMicrosecond); }  ///< no answer is -1

  static Ask datagram(int times, const NetNs& from, const char* to, std::uint16_t port) {
    return {times, fmt::format("a datagram to {} port {}", to, port),
            [=, &from] { return std::vector{echo_time(from, SOCK_DGRAM, address(to, port))}; }};
  }
  static Ask connection(int times, const NetNs& from, const char* to, std::uint16_t port) {
    return {times, fmt::format("a connection to {} port {}, then a byte", to, port), [=, &from] {
              Ns connecting = -1;
              const Ns echo = echo_time(from, SOCK_STREAM, address(to, port), &connecting);
              return std::vector{connecting, echo};
            }};
  }
  static Ask handshake(int times, const NetNs& from, const char* to, std::uint16_t port) {
    return {times, fmt::format("a handshake with {} port {}", to, port), [=, &from] {
              Ns connecting = -1;
              echo_time(from, SOCK_STREAM, address(to, port), &connecting);
              return std::vector{connecting};
            }};
  }
  static void add(std::vector<Ask>& asks, int times, const NetNs& from, const std::vector<const char*>& to,
                  std::uint16_t port) {
    for (const char* each : to) {
      asks.push_back(datagram(times, from, each, port));
      asks.push_back(connection(times, from, each, port));
    }
  }
  /// An echo of each of `to` asked from `from` is delayed so often, as is the making of a connection.
  void expect_times(int times, const NetNs& from, const std::vector<const char*>& to, std::uint16_t port) {
    std::vector<Ask> asks;
    add(asks, times, from, to, port);
    expect(std::move(asks));
  }
  /// The same over the wire and over lo, both families, for ports that are delayed so often.
  void expect_everywhere(const std::vector<std::pair<int, std::uint16_t>>& ports) {
    std::vector<Ask> asks;
    for (const auto& [times, port] : ports) {
      add(asks, times, bed.there, kHere, port);
      add(asks, times, bed.here, kLoopback, port);
    }
    expect(std::move(asks));
  }

  Bed bed;
  const std::string unit = fmt::format("shop-{}.service", getpid());
  ScratchCgroup shop{unit}, bank{"bank.service", shop.top()};
  site::Finder finder;
  std::vector<site::ResolvedName> names;
  std::vector<std::size_t> rules;
  int lapses = 0;
  std::unique_ptr<pen::Pen> pen;
  std::unique_ptr<site::Follower> follower;
};

TEST_F(CgroupTest, OneServiceOfANamespaceIsDelayedAndNoOther) {
  EchoProcess server(&shop, bed.here, 7000), other(&bank, bed.here, 7001), outside(nullptr, bed.here, 7002);
  for (const auto& [direction, times] : {std::pair{"both", 2}, std::pair{"egress", 1}, std::pair{"ingress", 1}}) {
    SCOPED_TRACE(direction);
    const auto plan = read(fmt::format("[targets.a]\ncgroup = \"{}\"", shop.path()),
                           fmt::format("on = \"a\"\ndirection = \"{}\"", direction));
    play(plan);
    expect_everywhere({{times, 7000}, {0, 7001}, {0, 7002}});
    finish();
  }
}

TEST_F(CgroupTest, SeveralTargetsOfANamespaceAreOneSite) {
  EchoProcess server(&shop, bed.here, 7000), other(&bank, bed.here, 7001);
  const auto plan = read(fmt::format("[targets.a]\ncgroup = \"{}\"\n[targets.b]\ncgroup = \"{}\"\nprotocol = "
                                     "\"tcp\"\n[targets.c]\ninterface = \"lo\"\nnetns = \"{}\"\nprotocol = \"icmp\"",
                                     shop.path(), bank.path(), fmt::format("/proc/self/fd/{}", bed.here.fd())),
                         "on = [\"a\", \"b\", \"c\"]");
  play(plan);
  EXPECT_EQ(rules, std::vector<std::size_t>{3});
  expect_everywhere({{2, 7000}});
  expect(
      {datagram(0, bed.there, "10.7.0.1", 7001), connection(2, bed.there, "10.7.0.1", 7001)});  // b is about TCP alone
  finish();
}

TEST_F(CgroupTest, OneDeviceIsDelayedAndNoOther) {
  EchoProcess server(nullptr, bed.here, 7000);
  const auto plan =
      read(fmt::format("[targets.a]\ninterface = \"eth0\"\nnetns = \"/proc/self/fd/{}\"", bed.here.fd()), "on = \"a\"");
  play(plan);
  expect_times(2, bed.there, kHere, 7000);
  expect_times(0, bed.here, kLoopback, 7000);
  finish();
}

TEST_F(CgroupTest, ADeviceOfTheCallersNamespace) {
  EchoProcess server(nullptr, bed.here, 7000);
  {
    Inside in(bed.here);
    play(read("[targets.a]\ninterface = \"lo\"", "on = \"a\""));
  }
  expect_times(0, bed.there, {"10.7.0.1"}, 7000);
  expect_times(2, bed.here, {"::1"}, 7000);
  finish();
  Inside in(bed.here);
  EXPECT_NE(refusal("[targets.a]\ninterface = \"eth7\"").find("there is no device eth7"), std::string::npos);
  add_veth({"down0"}, {"down1"});
  EXPECT_NE(refusal("[targets.a]\ninterface = \"down0\"").find("ip link set down0 up"), std::string::npos);
  add_bridge("br0");
  set_master("down0", "br0");
  for (const char* each : {"down0", "down1", "br0"}) {
    write_sysctl(fmt::format("net/ipv6/conf/{}/disable_ipv6", each), "1");
    set_up(each);
  }
  EXPECT_NE(refusal("[targets.a]\ninterface = \"down0\"").find("it is a port of br0"), std::string::npos);
}

TEST_F(CgroupTest, AUnitIsFoundByItsName) {
  EchoProcess server(&shop, bed.here, 7000), other(&bank, bed.here, 7001);
  play(read(fmt::format("[targets.a]\nunit = \"shop-{}\"", getpid()), "on = \"a\""));
  expect_everywhere({{2, 7000}, {0, 7001}});
  finish();
  EXPECT_NE(refusal(fmt::format("[targets.a]\nunit = \"shap-{}\"", getpid())).find("did you mean " + unit),
            std::string::npos);
}

TEST_F(CgroupTest, AProcessAloneInItsGroup) {
  EchoProcess server(&shop, bed.here, 7000), other(&bank, bed.here, 7001);
  play(read(fmt::format("[targets.a]\npid = {}", server.pid()), "on = \"a\""));
  expect_everywhere({{2, 7000}, {0, 7001}});
  finish();
  EchoProcess neighbour(&shop, bed.here, 7002);
  const std::string text = refusal(fmt::format("[targets.a]\npid = \"{}\"", server.pid()));
  EXPECT_NE(text.find(fmt::format("(pid {})", neighbour.pid())), std::string::npos) << text;
  EXPECT_NE(text.find("systemd-run --scope"), std::string::npos) << text;
}

TEST_F(CgroupTest, AProcessAloneInItsNamespace) {
  EchoProcess server(nullptr, bed.here, 7000);
  play(read(fmt::format("[targets.a]\npid = {}", server.pid()), "on = \"a\""));
  expect_everywhere({{2, 7000}});
  finish();
  // Where it is not, and has no group of its own either:
  EchoProcess neighbour(nullptr, bed.here, 7001);
  EXPECT_NE(refusal(fmt::format("[targets.a]\npid = {}", server.pid())).find("shares its cgroup"), std::string::npos);
}

TEST_F(CgroupTest, ProcessesOfOneName) {
  const auto call = [](const char* name) { return [name] { prctl(PR_SET_NAME, name); }; };
  EchoProcess first(&shop, bed.here, 7000, call("fl-worker-1")), second(&bank, bed.here, 7001, call("fl-worker-2"));
  play(read("[targets.a]\nprocess = \"fl-worker-*\"", "on = \"a\""));
  expect_everywhere({{2, 7000}, {2, 7001}});
  finish();
  play(read("[targets.a]\nprocess = \"fl-worker-2\"", "on = \"a\""));
  expect_everywhere({{0, 7000}, {2, 7001}});
  finish();
  EXPECT_NE(refusal("[targets.a]\nprocess = \"fl-walker-2\"").find("did you mean fl-worker-2?"), std::string::npos);
}

TEST_F(CgroupTest, ARealNginxWithItsWorkers) {
  TemporaryFolder folder;
  const auto config = folder.write(
      "nginx.conf", fmt::format("daemon off;\nworker_processes 2;\npid {0}/pid;\nerror_log stderr;\nevents {{}}\nhttp "
                                "{{ access_log off;\nserver {{ listen 7080; listen [::]:7080; return 200 ok; }} }}\n",
                                folder.path().string()));
  std::unique_ptr<Command> nginx;
  shop.in([&] {
    nginx = std::make_unique<Command>(
        std::vector<std::string>{"nsenter", fmt::format("--net=/proc/{}/fd/{}", getpid(), bed.here.fd()), "nginx", "-c",
                                 config.string(), "-p", folder.path().string()});
  });
  const auto connects = [&](const char* to) {
    Ns took = -1;
    echo_time(bed.there, SOCK_STREAM, address(to, 7080), &took);
    return took;
  };
  ASSERT_TRUE(eventually([&] { return connects("10.7.0.1") >= 0; })) << nginx->errors();
  play(read("[targets.a]\ncgroup = \"" + shop.path() + "\"", "on = \"a\""));
  expect({handshake(2, bed.there, "10.7.0.1", 7080), handshake(2, bed.there, "fd07::1", 7080)});
  finish();
  nginx->signal(SIGTERM);
  nginx->wait(10 * kSecond);
}

TEST_F(CgroupTest, ASocketThatWasMadeElsewhereIsRefused) {
  EchoProcess server(nullptr, bed.here, 7000);
  shop.take(server.pid());  // as with socket activation: the socket keeps the group in which it was made
  const std::string text = refusal("[targets.a]\ncgroup = \"" + shop.path() + "\"");
  EXPECT_NE(text.find("made in another cgroup"), std::string::npos) << text;
  EXPECT_NE(text.find("0.0.0.0:7000"), std::string::npos) << text;
}

TEST_F(CgroupTest, WhatIsReplacedIsFollowed) {
  auto server = std::make_unique<EchoProcess>(&shop, bed.here, 7000);
  const auto plan = read("[targets.a]\nunit = \"" + unit + "\"\nif_gone = \"abort\"", "on = \"a\"");
  play(plan);
  follower->start();
  expect_times(2, bed.there, {"10.7.0.1"}, 7000);
  server.reset();
  ASSERT_TRUE(eventually([&] {
    try {
      shop.make_again();
      return true;
    } catch (const std::system_error&) {
      return false;  // the process is not quite gone
    }
  }));
  server = std::make_unique<EchoProcess>(&shop, bed.here, 7000);
  std::vector<site::News> news;
  ASSERT_TRUE(eventually([&] { return !(news = follower->take_news()).empty(); }));
  EXPECT_EQ(news.front().what, "replaced") << news.front().text;
  EXPECT_FALSE(news.front().aborts);
  expect_everywhere({{2, 7000}});
  server.reset();
  ASSERT_TRUE(eventually([&] { return !(news = follower->take_news()).empty(); }));
  EXPECT_EQ(news.front().what, "gone") << news.front().text;
  EXPECT_TRUE(news.front().aborts);
  finish();
}

TEST_F(CgroupTest, ANameIsAskedAsTheTargetAsks) {
  TemporaryFolder folder;
  const auto hosts = folder.write("hosts", "10.7.0.2 bank.faultline.test\nfd07::2 bank.faultline.test\n");
  const auto own_hosts = [&] {
    check("unshare", unshare(CLONE_NEWNS));
    check("private", mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    check("bind", mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr));
  };
  EchoProcess server(&shop, bed.here, 7000, own_hosts);
  const auto plan =
      read(fmt::format("[targets.a]\ncgroup = \"{}\"\n[targets.bank]\naddress = \"bank.faultline.test\"", shop.path()),
           "on = \"a\"\npeer = \"bank\"");
  play(plan);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].name, "bank.faultline.test");
  EXPECT_EQ(names[0].addresses.size(), 2u);
  expect_times(2, bed.there, kHere, 7000);
  expect_times(0, bed.here, kLoopback, 7000);
  finish();
  EXPECT_NE(refusal(fmt::format("[targets.a]\ncgroup = \"{}\"\n[targets.bank]\naddress = \"nobody.faultline.invalid\"",
                                shop.path()),
                    "on = \"a\"\npeer = \"bank\"")
                .find("does not resolve"),
            std::string::npos);
}

TEST_F(CgroupTest, ARunWaitsForALateTargetAndEndsWhenItGoes) {
  TemporaryFolder folder;
  const auto plan = folder.write(
      "late.toml",
      "duration = \"60s\"\n[targets.a]\nunit = \"" + unit +
          "\"\nwait = \"30s\"\nif_gone = \"abort\"\n[[faults]]\nkind = \"degrade\"\non = \"a\"\nstart = \"0s\"\n"
          "for = \"run\"\ndelay = \"200ms\"\n");
  const auto out = folder.path() / "out";
  auto run = Command::run(plan, out);
  ASSERT_TRUE(await_event(out, "step", "waiting for target a")) << run.errors();
  auto server = std::make_unique<EchoProcess>(&shop, bed.here, 7000);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  expect_times(2, bed.there, {"10.7.0.1"}, 7000);
  server.reset();
  EXPECT_EQ(run.wait(20 * kSecond), 5) << run.errors();
  EXPECT_TRUE(await_event(out, "target", "gone"));
}

TEST_F(CgroupTest, ARunRefusesWhatIsNotThere) {
  TemporaryFolder folder;
  const auto plan = folder.write("none.toml",
                                 "[targets.a]\nunit = \"faultline-none.service\"\nwait = \"300ms\"\n[[faults]]\nkind = "
                                 "\"sever\"\non = \"a\"\nstart = \"0s\"\nfor = \"1s\"\n");
  auto run = Command::run(plan, folder.path() / "out");
  EXPECT_EQ(run.wait(30 * kSecond), 4) << run.errors();
  EXPECT_TRUE(await_event(folder.path() / "out", "failure", "there is no unit faultline-none.service"));
}

}  // namespace
}  // namespace faultline::test
