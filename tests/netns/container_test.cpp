// Containers of a real podman, made from a folder that holds busybox alone. Where podman or a static busybox is
// missing, or podman cannot run anything (crun wants pure cgroup v2), these are skipped.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "injector/plan/parse.h"
#include "injector/run/compose.h"
#include "injector/site/follow.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

namespace fs = std::filesystem;

class PodmanTest : public testing::Test {
 protected:
  static constexpr Ns kDelay = 200 * kMillisecond;

  void SetUp() override {
    if (std::system("command -v podman >/dev/null 2>&1") != 0 || !fs::exists("/usr/bin/busybox"))
      GTEST_SKIP() << "no podman, or no busybox";
    const auto storage = folder.write(
        "storage.conf", fmt::format("[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/graph\"\nrunroot = \"{0}/run\"\n",
                                    folder.path().string()));
    setenv("CONTAINERS_STORAGE_CONF", storage.c_str(), 1);
    for (const char* each : {"bin", "proc", "sys", "dev", "etc", "tmp", "run"}) fs::create_directories(root() / each);
    fs::copy_file("/usr/bin/busybox", root() / "bin/busybox");
    const std::string why = run({"--rm"}, "host", bed.here, {"true"});
    if (!why.empty()) GTEST_SKIP() << why;
  }
  void TearDown() override {
    if (!name.empty()) podman({"rm", "-f", "-t", "0", name});
    unsetenv("CONTAINERS_STORAGE_CONF");
  }
  fs::path root() const { return folder.path() / "root"; }

  std::string podman(std::vector<std::string> arguments, const NetNs* in = nullptr) {
    std::vector<std::string> argv;
    if (in != nullptr) argv = {"nsenter", fmt::format("--net=/proc/{}/fd/{}", getpid(), in->fd())};
    argv.emplace_back("podman");
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    Command command(argv);
    const auto status = command.wait(120 * kSecond);
    return status == 0 ? "" : fmt::format("podman {}: {}", arguments[0], command.errors());
  }
  /// A web server on port 7000.
  std::string start(const std::string& network, const NetNs& in) {
    name = "faultline-test-" + marker();
    return run({"-d", "--name", name}, network, in, {"httpd", "-f", "-p", "7000"});
  }
  std::string run(std::vector<std::string> options, const std::string& network, const NetNs& in,
                  const std::vector<std::string>& what) {
    const std::string from = root();
    options.insert(options.begin(), "run");
    for (const char* each : {"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096", "--network",
                             network.c_str(), "--rootfs", from.c_str(), "/bin/busybox"})
      options.push_back(each);
    options.insert(options.end(), what.begin(), what.end());
    return podman(std::move(options), &in);
  }
  site::Spot found() {
    const auto parsed = plan::parse_text(
        fmt::format(
            "[targets.a]\ncontainer = \"{}\"\n[[faults]]\nkind = \"sever\"\non = \"a\"\nstart = \"0s\"\nfor = \"1s\"\n",
            name),
        "/plans/c.toml");
    if (!parsed.ok()) throw std::invalid_argument(plan::render(parsed));
    auto spots = site::Finder().find(*parsed.plan.find_target("a"));
    EXPECT_EQ(spots.size(), 1u);
    return std::move(spots.front());
  }
  /// As the container's only process says itself.
  std::uint64_t netns_of_container() const {
    for (const auto& process : site::ProcessTable().all())
      if (process.command == "busybox" && fs::equivalent(fmt::format("/proc/{}/root", process.pid), root()))
        return process.netns;
    return 0;
  }

  TemporaryFolder folder;
  Bed bed;
  std::string name;
};

TEST_F(PodmanTest, OneWithANamespaceOfItsOwnIsThatNamespace) {
  ASSERT_EQ(start("none", bed.here), "");
  const auto spot = found();
  EXPECT_FALSE(spot.cgroups);
  EXPECT_EQ(spot.ns.inode(), netns_of_container());
  EXPECT_NE(spot.ns.inode(), bed.here.inode());
  EXPECT_NE(spot.etc, "") << "it has resolver files of its own";
  EXPECT_EQ(podman({"stop", "-t", "0", name}), "");
  try {
    found();
    FAIL() << "it does not run";
  } catch (const site::NotThere& failure) {
    EXPECT_NE(std::string(failure.what()).find("is not running (exited)"), std::string::npos) << failure.what();
  }
}

TEST_F(PodmanTest, OneThatSharesItsNamespaceIsItsCgroup) {
  EchoProcess neighbour(nullptr, bed.here, 7001);
  ASSERT_EQ(start("host", bed.here), "");
  const auto spot = found();
  ASSERT_TRUE(spot.cgroups);
  ASSERT_EQ(spot.cgroups->size(), 1u);
  EXPECT_NE(spot.cgroups->front().path.find("libpod-"), std::string::npos) << spot.cgroups->front().path;
  EXPECT_EQ(spot.ns.inode(), bed.here.inode());
}

TEST_F(PodmanTest, IsDelayedFromPlanToPackets) {
  ASSERT_EQ(start("none", bed.here), "");
  const auto parsed =
      plan::parse_text(fmt::format("[targets.a]\ncontainer = \"{}\"\n[[faults]]\nkind = \"degrade\"\non = \"a\"\nstart "
                                   "= \"0s\"\nfor = \"60s\"\ndelay = \"200ms\"\n",
                                   name),
                       "/plans/c.toml");
  ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
  auto sites = site::resolve(parsed.plan, nullptr);
  const NetNs inside = sites.front().ns.duplicate();
  const auto composition = run::compose(parsed.plan, sites);
  pen::PenOptions options;
  options.engine = pen::probe_features().engine();
  pen::Pen pen(std::move(sites), composition.score, options, [](const std::string&) {});
  pen.arm(monotonic_now());
  Ns took = -1;
  for (int i = 0; i < 6 && (took < 2 * kDelay - 100 * kMicrosecond || took > 3 * kDelay); i++) {
    if (pen.line_was_stopped()) pen.resume_line();
    Fd fd;
    {
      Inside in(inside);
      fd = Fd(static_cast<int>(check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))));
    }
    const Address to = address("127.0.0.1", 7000);
    const Ns began = monotonic_now();
    check("connect", connect(fd.get(), to.get(), to.size));
    took = monotonic_now() - began;
  }
  EXPECT_GE(took, 2 * kDelay - 100 * kMicrosecond);
  EXPECT_LT(took, 3 * kDelay);
  disturbed_if_stalled(pen.line_stats().stalled);
  for (const auto& failure : pen.close()) ADD_FAILURE() << failure;
}

TEST_F(PodmanTest, AnUnknownOneIsNotThere) {
  name = "faultline-test-nobody";
  EXPECT_THROW(found(), site::NotThere);
  name.clear();
}

}  // namespace
}  // namespace faultline::test
