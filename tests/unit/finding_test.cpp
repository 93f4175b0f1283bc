// Finding targets on a machine, on trees of files that look like /sys/fs/cgroup and /proc.
#include <gtest/gtest.h>

#include <fstream>

#include "injector/site/containers.h"
#include "injector/site/masks.h"
#include "injector/site/pods.h"
#include "injector/site/processes.h"
#include "tests/harness/command.h"

namespace faultline::site {
namespace {

class Tree : public testing::Test {
 protected:
  void group(const std::string& path, const std::string& processes = "") const {
    std::filesystem::create_directories(root.path().string() + path);
    std::ofstream(root.path().string() + path + "/cgroup.procs") << processes;
  }
  test::TemporaryFolder root;
};

TEST_F(Tree, AGroupIsFoundWithItsDepth) {
  group("/system.slice/pay.service/worker", "12\n13\n");
  group("/system.slice/pay.service", "11\n0\n");
  const CgroupTree tree(root.path());
  const auto found = tree.find("/system.slice/pay.service");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->level, 2u);
  EXPECT_EQ(found->path, "/system.slice/pay.service");
  EXPECT_NE(found->id, tree.find("/system.slice")->id);
  EXPECT_FALSE(tree.find("/system.slice/bank.service"));
  EXPECT_FALSE(tree.find("/system.slice/pay.service/cgroup.procs"));
  auto processes = tree.processes("/system.slice/pay.service");
  std::sort(processes.begin(), processes.end());
  EXPECT_EQ(processes, (std::vector<pid_t>{11, 12, 13})) << "0 is a process of another PID namespace";
  EXPECT_EQ(tree.ids("/system.slice/pay.service").size(), 2u);
}

TEST_F(Tree, BelowTheRootItsDepthIsNotKnown) {
  group("/pay.service");
  EXPECT_EQ(CgroupTree(root.path(), "/system.slice").find("/system.slice/pay.service")->level, kAnyLevel);
  std::ofstream(root.path() / "cgroup.events") << "populated 1\n";
  EXPECT_EQ(CgroupTree(root.path()).find("/pay.service")->level, kAnyLevel) << "the mount of a cgroup namespace";
}

TEST_F(Tree, UnitsAreSoughtWhereSystemdPutsThem) {
  for (const char* each : {"/system.slice/pay.service", "/pay.slice/pay-eu.slice/bank.service",
                           "/system.slice/system-getty.slice/getty@tty1.service",
                           "/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service",
                           "/system.slice/_cpu.service", "/system.slice/docker-4711.scope/system.slice/inner.service",
                           "/system.slice/pay.service/sub.service", "/init.scope"})
    group(each);
  const CgroupTree tree(root.path());
  const auto one = [](const char* path) { return std::vector<std::string>{path}; };
  EXPECT_EQ(tree.units("pay.service"), one("/system.slice/pay.service"));
  EXPECT_EQ(tree.units("bank.service"), one("/pay.slice/pay-eu.slice/bank.service"));
  EXPECT_EQ(tree.units("pay-eu.slice"), one("/pay.slice/pay-eu.slice"));
  EXPECT_EQ(tree.units("getty@tty1.service"), one("/system.slice/system-getty.slice/getty@tty1.service"));
  EXPECT_EQ(tree.units("editor.service"),
            one("/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service"));
  EXPECT_EQ(tree.units("cpu.service"), one("/system.slice/_cpu.service"));
  EXPECT_TRUE(tree.units("inner.service").empty()) << "a container's own";
  EXPECT_TRUE(tree.units("sub.service").empty()) << "a service's own";
  group("/user.slice/user-1000.slice/user@1000.service/app.slice/pay.service");
  EXPECT_EQ(tree.units("pay.service").size(), 2u);
  EXPECT_NE(std::find(tree.all_units().begin(), tree.all_units().end(), "cpu.service"), tree.all_units().end());
}

TEST(CgroupMount, IsReadFromMountinfo) {
  const std::string debian = "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
  EXPECT_EQ(CgroupTree::from_mountinfo(debian)->mount(), "/sys/fs/cgroup");
  const std::string hybrid =
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup "
      "rw,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(CgroupTree::from_mountinfo(hybrid)->mount(), "/sys/fs/cgroup/unified");
  EXPECT_EQ(CgroupTree::from_mountinfo("1 2 0:3 / /odd\\040place rw - cgroup2 none rw\n")->mount(), "/odd place");
  EXPECT_EQ(CgroupTree::from_mountinfo("1 2 0:3 /part /part rw - cgroup2 none rw\n" + debian)->mount(),
            "/sys/fs/cgroup")
      << "all of it goes before a part";
  EXPECT_FALSE(CgroupTree::from_mountinfo("1 2 0:3 / /sys rw - sysfs sysfs rw\nbroken\n"));
}

TEST(CgroupPath, IsWithin) {
  EXPECT_TRUE(is_within("/a/b", "/a"));
  EXPECT_TRUE(is_within("/a", "/a"));
  EXPECT_TRUE(is_within("/a", "/"));
  EXPECT_FALSE(is_within("/ab", "/a"));
  EXPECT_FALSE(is_within("/a", "/a/b"));
}

TEST(CgroupMasks, AreByGroupAndLevel) {
  Rule one, both, none;
  one.match.cgroups = {{11, 2, "/a/b"}};
  both.match.cgroups = {{11, 2, "/a/b"}, {22, 3, "/a/b/c"}};
  const auto masks = compile_cgroups({one, none, both});
  EXPECT_EQ(masks.rules, (std::map<std::uint64_t, std::uint64_t>{{11, 0b101}, {22, 0b100}}));
  EXPECT_EQ(masks.levels, 0b1100u);
  one.match.cgroups = {{11, kAnyLevel, "/b"}};
  EXPECT_EQ(compile_cgroups({one}).levels, 0xffffffffu);
  one.match.cgroups = {{11, 32, "/deep"}};
  EXPECT_THROW(compile_cgroups({one}), Failure);
}

class Proc : public testing::Test {
 protected:
  void process(pid_t pid, const std::string& name, const std::string& group, char state = 'S') const {
    const auto at = root.path() / std::to_string(pid);
    std::filesystem::create_directories(at / "ns");
    std::ofstream(at / "comm") << name << "\n";
    std::ofstream(at / "stat") << pid << " (" << name << ") " << state << " 7 1 1 0\n";
    std::ofstream(at / "cmdline") << "/opt/" << name << "-server" << '\0' << "-x" << '\0';
    std::ofstream(at / "cgroup") << "9:name=systemd:/other\n0::" << group << "\n";
    std::ofstream(at / "ns/net") << "";
    std::filesystem::create_symlink("/opt/bin/" + name, at / "exe");
  }
  test::TemporaryFolder root;
};

TEST_F(Proc, AProcessIsRead) {
  process(11, "odd) name", "/system.slice/pay.service");
  process(12, "zombie", "/", 'Z');
  std::filesystem::create_directories(root.path() / "sys");
  const ProcessTable table(root.path());
  const auto found = table.find(11);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "odd) name");
  EXPECT_EQ(found->cgroup, "/system.slice/pay.service");
  EXPECT_NE(found->netns, 0u);
  EXPECT_FALSE(table.find(12)) << "it has ended";
  EXPECT_FALSE(table.find(13));
  EXPECT_EQ(table.all().size(), 1u);
}

TEST_F(Proc, ANameIsThatOfTheCommandOrItsFile) {
  process(11, "nginx", "/");
  const auto process = *ProcessTable(root.path()).find(11);
  for (const char* name : {"nginx", "ngin?", "n*", "nginx-server", "/opt/bin/nginx", "/opt/*/nginx"})
    EXPECT_TRUE(is_called(process, name)) << name;
  for (const char* name : {"ngin", "Nginx", "/opt/nginx", "-x", ""}) EXPECT_FALSE(is_called(process, name)) << name;
}

TEST(Container, IsReadFromWhatInspectAnswers) {
  const auto one = read_container("docker", R"({"Id":"abc","State":{"Status":"running","Running":true,"Pid":4711}})");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->pid, 4711);
  EXPECT_EQ(one->id, "abc");
  const auto podman = read_container("podman", R"([{"Id":"abc","State":{"Status":"exited","Pid":0}}])");
  ASSERT_TRUE(podman);
  EXPECT_EQ(podman->pid, 0);
  EXPECT_EQ(podman->status, "exited");
  for (const char* bad : {"", "[]", "{}", "[1]", "{\"State\":7}", "not json"})
    EXPECT_FALSE(read_container("docker", bad)) << bad;
}

TEST(Container, WithoutARuntimeOrAnAnswerItCannotBeFound) {
  EXPECT_THROW(ContainerRuntimes({}, false).find("web"), Failure);
  try {
    ContainerRuntimes({{"docker", "/nowhere/docker.sock"}}, false).find("web");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("docker at /nowhere/docker.sock does not answer"), std::string::npos);
  }
}

constexpr const char* kUid = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f";

TEST_F(Tree, PodsAreFoundAsTheKubeletNamesThem) {
  const std::string escaped = "0a1b2c3d_0a1b_0a1b_0a1b_0a1b2c3d4e5f";
  for (const std::string& path :
       {"/kubepods/burstable/pod" + std::string(kUid), "/kubepods/pod" + std::string(kUid),
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + escaped + ".slice",
        "/kubepods.slice/kubepods-pod" + escaped + ".slice",
        "/docker/4711/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + escaped + ".slice"}) {
    EXPECT_EQ(pod_of_cgroup(path), kUid) << path;
    const test::TemporaryFolder other;
    std::filesystem::create_directories(other.path().string() + path + "/cri-containerd-1.scope");
    std::filesystem::create_directories(other.path().string() + "/system.slice/pod" + kUid);
    EXPECT_EQ(cgroup_of_pod(CgroupTree(other.path()), kUid), path);
    EXPECT_EQ(cgroup_of_pod(CgroupTree(other.path()), escaped), path);
    EXPECT_EQ(cgroup_of_pod(CgroupTree(other.path(), "/above"), kUid), "/above" + path)
        << "the mount of a cgroup namespace";
    EXPECT_EQ(cgroup_of_pod(CgroupTree(other.path()), "1" + std::string(kUid).substr(1)), "");
  }
  EXPECT_EQ(pod_of_cgroup("/kubepods/pod0a1b2c3d0a1b0a1b0a1b0a1b2c3d4e5f"), "0a1b2c3d0a1b0a1b0a1b0a1b2c3d4e5f")
      << "of a static pod";
  const std::vector<std::string> others{"/kubepods",
                                        "/kubepods.slice",
                                        "/kubepods/burstable",
                                        "/kubepods/pod12",
                                        "/system.slice/pod" + std::string(kUid),
                                        "/kubepods/pod" + std::string(kUid) + "/4711"};
  for (const auto& path : others) EXPECT_EQ(pod_of_cgroup(path), "") << path;
}

TEST(Pods, AreReadFromWhatCrictlAnswers) {
  const auto pods = read_pods(R"({"items":[
    {"id":"1","metadata":{"name":"web-0","uid":"u1","namespace":"shop","attempt":0},"state":"SANDBOX_READY","createdAt":"1"},
    {"id":"2","metadata":{"name":"web-0","uid":"u2","namespace":"shop","attempt":0},"state":"SANDBOX_NOTREADY"},
    {"id":"3","metadata":{"name":"bank","uid":"u3","namespace":"shop"},"state":"SANDBOX_READY"},
    {"id":"4","metadata":{"name":"bank","uid":"u4","namespace":"test"},"state":"SANDBOX_READY"}, 7]})");
  EXPECT_EQ(pods.size(), 4u);
  EXPECT_EQ(uid_of_pod(pods, "web-0"), "u1") << "not the one that has ended";
  EXPECT_EQ(uid_of_pod(pods, "shop/web-0"), "u1");
  EXPECT_EQ(uid_of_pod(pods, "test/bank"), "u4");
  EXPECT_EQ(uid_of_pod(pods, "shop/none"), "");
  try {
    uid_of_pod(pods, "bank");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("shop/bank (u3), test/bank (u4)"), std::string::npos) << failure.what();
  }
  EXPECT_TRUE(read_pods(R"({"items":[]})").empty());
  for (const char* bad : {"", "[]", "{}", "{\"items\":7}", "not json"}) EXPECT_THROW(read_pods(bad), Failure) << bad;
}

}  // namespace
}  // namespace faultline::site
