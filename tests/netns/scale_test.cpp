// Many namespaces in one run: what each of them costs, that each meets its own rules, and that a run which is asked to
// end while it still prepares does so. What it takes in time is measured by tests/bench/scale.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/command.h"
#include "tests/harness/engines.h"
#include "tests/harness/traffic.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

constexpr std::size_t kMany = 60;

/// What a live process holds.
struct Held {
  std::size_t descriptors = 0, maps = 0, programs = 0;
  std::uint64_t map_bytes = 0;
};

Held held_by(const Command& run) {
  Held held;
  std::set<std::uint64_t> seen;
  const std::string process = fmt::format("/proc/{}", run.pid());
  for (const auto& entry : std::filesystem::directory_iterator(process + "/fdinfo")) {
    held.descriptors++;
    std::ifstream file(entry.path());
    std::uint64_t size = 0, number = 0;
    bool is_map = false, is_link = false;  // a link names its program as well
    for (std::string key; file >> key;) {
      if (key == "memlock:") file >> size;
      if (key == "map_id:") is_map = static_cast<bool>(file >> number);
      if (key == "link_id:") is_link = true;
      if (key == "prog_id:" && !is_link) held.programs++;
    }
    if (is_map && seen.insert(number).second) {
      held.maps++;
      held.map_bytes += size;
    }
  }
  return held;
}

class ScaleTest : public testing::TestWithParam<const char*> {
 protected:
  void make(std::size_t count) {
    for (std::size_t i = 0; i < count; i++) {
      spaces_.push_back(NetNs::create());
      const Inside in(spaces_.back());
      set_up("lo");
    }
  }

  /// A plan for the first `count` namespaces, of which each is cut off from another port.
  std::string plan(std::size_t count, int seconds = 20) const {
    std::string text = fmt::format("seed = 1\nduration = \"{}s\"\n", seconds);
    for (std::size_t i = 0; i < count; i++)
      text += fmt::format(
          "[targets.t{0}]\nnetns = \"{1}\"\n[targets.p{0}]\naddress = \"127.0.0.1\"\nprotocol = \"udp\"\nport = {2}\n",
          i, TwoNamespaces::path(spaces_[i]), port(i));
    for (std::size_t i = 0; i < count; i++)
      text += fmt::format(
          "[[faults]]\nname = \"f{0}\"\nkind = \"sever\"\non = \"t{0}\"\npeer = \"p{0}\"\nloopback = true\nstart = "
          "\"100ms\"\nfor = \"{1}s\"\n",
          i, seconds - 1);
    return text;
  }
  static int port(std::size_t i) { return 7000 + static_cast<int>(i); }

  Command start(std::size_t count) {
    out_ = folder_.path() / fmt::format("run{}", count);
    return Command::run(folder_.write(fmt::format("p{}.toml", count), plan(count)), out_, {"--engine", GetParam()});
  }

  std::vector<NetNs> spaces_;
  TemporaryFolder folder_;
  std::filesystem::path out_;
};

INSTANTIATE_TEST_SUITE_P(Engines, ScaleTest, testing::Values("tcx", "clsact"),
                         [](const auto& p) { return std::string(p.param); });

/// Whether a datagram to a port of 127.0.0.1 arrives.
bool arrives(const NetNs& ns, int port) {
  const Inside in(ns);
  const Fd to(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      from(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  if (bind(to.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("bind");
  if (sendto(from.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&at), sizeof at) != 1) return false;
  char byte;
  for (int i = 0; i < 20; i++) {
    if (recv(to.get(), &byte, 1, 0) == 1) return true;
    usleep(1000);
  }
  return false;
}

TEST_P(ScaleTest, ANamespaceCostsLittleAndMeetsItsOwnRules) {
  make(kMany);
  Held held[2];
  for (const std::size_t count : {std::size_t{10}, kMany}) {
    Command run = start(count);
    ASSERT_TRUE(await_event(out_, "fault_begin", fmt::format("f{}", count - 1))) << run.errors();
    held[count == kMany] = held_by(run);
    for (std::size_t i = 0; i < count; i++) {
      EXPECT_FALSE(arrives(spaces_[i], port(i))) << "its own rule in namespace " << i;
      EXPECT_TRUE(arrives(spaces_[i], port((i + 1) % count))) << "the rule of another in namespace " << i;
    }
    run.signal(SIGTERM);
    EXPECT_EQ(run.wait(60 * kSecond), 5) << run.errors();
    for (std::size_t i = 0; i < count; i++) EXPECT_EQ(device_names(spaces_[i]), std::set<std::string>{"lo"});
    for (std::size_t i = 0; i < count; i++) EXPECT_TRUE(arrives(spaces_[i], port(i)));
  }
  EXPECT_EQ(held[0].maps, held[1].maps);
  EXPECT_EQ(held[0].programs, held[1].programs) << "held open, entrances are not";
  const auto each = [&](std::uint64_t few, std::uint64_t many) { return (many - few) / (kMany - 10); };
  EXPECT_LE(each(held[0].descriptors, held[1].descriptors), 8u);
  EXPECT_LE(each(held[0].map_bytes, held[1].map_bytes), 200'000u);
  RecordProperty("descriptors_each", static_cast<int>(each(held[0].descriptors, held[1].descriptors)));
  RecordProperty("map_bytes_each", static_cast<int>(each(held[0].map_bytes, held[1].map_bytes)));
}

TEST_P(ScaleTest, AStopIsHeardWhileItPrepares) {
  make(kMany);
  for (const char* step : {"making devices", "loading the programs that select", "attaching"}) {
    SCOPED_TRACE(step);
    std::filesystem::remove_all(folder_.path() / fmt::format("run{}", kMany));
    Command run = start(kMany);
    // Where the machine is quick the step is over before it is told, and the run is stopped in another.
    (void)await_event(out_, "step", step, kSecond);
    run.signal(SIGINT);
    EXPECT_EQ(run.wait(30 * kSecond), 5) << run.errors();
    for (const auto& ns : spaces_) EXPECT_EQ(device_names(ns), std::set<std::string>{"lo"});
  }
}

TEST_P(ScaleTest, TheSoftLimitOfDescriptorsIsRaisedAndTheHardOneIsTold) {
  make(kMany);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const auto with = [&](rlim_t soft, rlim_t hard) {
    std::filesystem::remove_all(folder_.path() / fmt::format("run{}", kMany));
    const auto file = folder_.write("limited.toml", plan(kMany, 2));
    return say_all({"prlimit", fmt::format("--nofile={}:{}", soft, hard), binary(), "run", file, "--engine", GetParam(),
                    "--out", folder_.path() / fmt::format("limited{}", soft + hard)});
  };
  const Said raised = with(100, before.rlim_max);
  EXPECT_TRUE(raised.status == 0 || raised.status == 2) << raised.status << raised.errors << raised.out;
  const Said refused = with(100, 150);
  EXPECT_EQ(refused.status, 4) << refused.errors << refused.out;
  EXPECT_NE((refused.out + refused.errors).find("descriptors"), std::string::npos) << refused.out << refused.errors;
  for (const auto& ns : spaces_) EXPECT_EQ(device_names(ns), std::set<std::string>{"lo"});
}

}  // namespace
}  // namespace faultline::test
