// The nursery with real processes. Run as root.
#include "injector/nursery/nursery.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "injector/base/error.h"
#include "tests/harness/processes.h"

namespace faultline::lab {
namespace {

using test::processes_with;

std::string read_all(int fd) {
  std::string text(64 << 10, '\0');
  const ssize_t n = pread(fd, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

/// Runs a shell command to its end and returns what it printed.
std::string output_of(nursery::Nursery& nursery, nursery::Command command, int expected_status = 0) {
  const Fd out(memfd_create("output", MFD_CLOEXEC));
  command.output = out.get();
  const pid_t pid = nursery.spawn(command);
  const auto ended = nursery.wait(pid, monotonic_now() + 20 * kSecond);
  EXPECT_TRUE(ended.has_value());
  if (ended) {
    EXPECT_TRUE(WIFEXITED(ended->status));
    EXPECT_EQ(WEXITSTATUS(ended->status), expected_status) << read_all(out.get());
  }
  return read_all(out.get());
}

nursery::Command shell(const std::string& script) {
  nursery::Command command;
  command.argv = {"sh", "-c", script};
  return command;
}

TEST(Nursery, RunsCommandsAndReportsHowTheyEnd) {
  const auto nursery = nursery::Nursery::start();
  EXPECT_EQ(output_of(*nursery, shell("echo out; echo err >&2")), "out\nerr\n");
  output_of(*nursery, shell("exit 7"), 7);

  const pid_t pid = nursery->spawn(shell("exec sleep 100"));
  EXPECT_FALSE(nursery->wait(pid, 0));
  EXPECT_FALSE(nursery->wait(pid, monotonic_now() + 50 * kMillisecond));
  nursery->kill(pid, SIGTERM);
  const auto ended = nursery->wait(pid, monotonic_now() + 20 * kSecond);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(WIFSIGNALED(ended->status));
  EXPECT_EQ(WTERMSIG(ended->status), SIGTERM);
  nursery->kill(pid, SIGTERM);  // nothing left: no error
}

TEST(Nursery, ACommandThatCannotBeExecutedIsAFailureThatNamesIt) {
  const auto nursery = nursery::Nursery::start();
  const auto message = [&](const nursery::Command& command) -> std::string {
    try {
      nursery->spawn(command);
    } catch (const Failure& f) {
      EXPECT_EQ(f.status(), Exit::cannot_run);
      return f.what();
    }
    return "no failure";
  };
  nursery::Command missing;
  missing.argv = {"/nowhere/redis-server", "--port", "1"};
  EXPECT_EQ(
      message(missing),
      "cannot run \"/nowhere/redis-server\": execute: No such file or directory (hint: apt-get install redis-server)");
  nursery::Command stranger = shell("true");
  stranger.user = "nobody-of-this-name";
  EXPECT_NE(message(stranger).find("there is no user \"nobody-of-this-name\""), std::string::npos);
  nursery::Command lost = shell("true");
  lost.directory = "/no/such/directory";
  EXPECT_NE(message(lost).find("/no/such/directory"), std::string::npos);
  nursery::Command nowhere = shell("true");
  nowhere.enclosure = "atlantis";
  EXPECT_NE(message(nowhere).find("atlantis"), std::string::npos);
  EXPECT_EQ(output_of(*nursery, shell("echo still here")), "still here\n");
}

TEST(Nursery, AChildInheritsNothingButWhatItIsGiven) {
  const int kept = open("/dev/zero", O_RDONLY);  // not close-on-exec, on purpose
  signal(SIGPIPE, SIG_IGN);
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  const auto nursery = nursery::Nursery::start();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  close(kept);

  EXPECT_EQ(
      output_of(*nursery, shell("for f in /proc/self/fd/*; do n=${f##*/}; [ $n -gt 2 ] && readlink $f; done; true"))
          .find("/dev/zero"),
      std::string::npos);
  EXPECT_EQ(output_of(*nursery, shell("ls -l /proc/self/fd | grep -c -e socket -e 'mnt:' -e signalfd"), 1), "0\n");
  EXPECT_EQ(output_of(*nursery, shell("grep -e SigBlk -e SigIgn /proc/self/status")),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  EXPECT_EQ(output_of(*nursery, shell("readlink /proc/self/fd/0")), "/dev/null\n");
}

TEST(Nursery, ChildrenDoNotInheritUrgency) {
  const int before = getpriority(PRIO_PROCESS, 0);
  ASSERT_EQ(setpriority(PRIO_PROCESS, 0, -20), 0);
  const auto nursery = nursery::Nursery::start();
  setpriority(PRIO_PROCESS, 0, before);
  EXPECT_EQ(output_of(*nursery, shell("nice")), "0\n");
}

TEST(Nursery, NorTheClassOfTheProcessThatStartsThem) {
  const auto nursery = nursery::Nursery::start();  // whose init is in a real-time class, where it is granted
  EXPECT_EQ(output_of(*nursery,
                      shell("set -- $(cat /proc/self/stat); echo ${40} ${41}; prlimit --rttime --noheadings -o SOFT")),
            "0 0\nunlimited\n");
}

TEST(Nursery, UserEnvironmentAndDirectory) {
  const auto nursery = nursery::Nursery::start();
  nursery::Command command = shell("id -un; id -Gn; echo $HOME; echo $COLOUR; pwd");
  command.user = "daemon";
  command.environment["COLOUR"] = "mauve = \"1\"";
  command.directory = "/usr";
  EXPECT_EQ(output_of(*nursery, command), "daemon\ndaemon\n/usr/sbin\nmauve = \"1\"\n/usr\n");
}

TEST(Nursery, ANetworkNamespaceWithoutAnEnclosure) {
  const auto nursery = nursery::Nursery::start();
  const NetNs net = NetNs::create();
  nursery::Command command = shell("readlink /proc/self/ns/net");
  command.net = &net;
  EXPECT_EQ(output_of(*nursery, command), "net:[" + std::to_string(net.inode()) + "]\n");
  command.net = nullptr;
  EXPECT_EQ(output_of(*nursery, command), "net:[" + std::to_string(NetNs::current().inode()) + "]\n");
}

TEST(Nursery, KillReachesTheWholeGroupOfAShell) {
  const std::string marker = test::marker();
  const auto nursery = nursery::Nursery::start();
  const pid_t pid = nursery->spawn(shell("sh -c 'while :; do sleep 1; done' " + marker + " & wait"));
  ASSERT_TRUE(test::eventually([&] { return processes_with(marker) >= 1; }));
  nursery->kill(pid, SIGKILL);
  EXPECT_TRUE(nursery->wait(pid, monotonic_now() + 20 * kSecond));
  EXPECT_TRUE(test::eventually([&] { return processes_with(marker) == 0; }));
}

TEST(Nursery, TheEndOfANurseryIsTheEndOfEverythingInIt) {
  const std::string marker = test::marker();
  auto nursery = nursery::Nursery::start();
  const std::string stubborn = "trap '' TERM HUP INT; while :; do sleep 1; done";
  nursery->spawn(shell(": " + marker + "; " + stubborn));
  nursery->spawn(shell(": " + marker + "; (setsid sh -c \"" + stubborn + "\" " + marker + " &) ; exit 0"));
  ASSERT_TRUE(test::eventually([&] { return processes_with(marker) >= 2; }));
  nursery.reset();
  EXPECT_EQ(processes_with(marker), 0);  // at once: the destructor waits
}

TEST(Nursery, ManyThreadsShareIt) {
  const auto nursery = nursery::Nursery::start();
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const int code = (t * 25 + i) % 120;
        const pid_t pid = nursery->spawn(shell("exit " + std::to_string(code)));
        const auto ended = nursery->wait(pid, monotonic_now() + 60 * kSecond);
        if (ended && ended->pid == pid && WEXITSTATUS(ended->status) == code) ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 100);
}

TEST(Nursery, WithoutPrivilegeItSaysWhatIsMissing) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (setuid(65534) != 0) _exit(9);
    try {
      nursery::Nursery::start();
    } catch (const Failure& f) {
      _exit(f.status() == Exit::cannot_run && std::string(f.what()).find("need root") != std::string::npos ? 0 : 8);
    }
    _exit(7);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(Nursery, LaterChildrenOfTheCallerStayInItsPidNamespace) {
  const auto nursery = nursery::Nursery::start();
  const pid_t pid = fork();
  if (pid == 0) _exit(getpid() == 1 ? 1 : 0);
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  std::thread([] {}).join();  // refused with EINVAL while children would go elsewhere
}

TEST(Enclosure, HasItsOwnFilesNamesAndProcesses) {
  const auto nursery = nursery::Nursery::start();
  const NetNs net = NetNs::create();
  nursery->make_enclosure("web", net, "127.0.0.1 localhost\n10.77.1.10 web\n", "web");
  const auto run = [&](const std::string& script) {
    nursery::Command command = shell(script);
    command.enclosure = "web";
    return output_of(*nursery, command);
  };
  EXPECT_EQ(run("hostname; pwd"), "web\n/tmp\n");
  EXPECT_EQ(run("getent hosts web | cut -d' ' -f1"), "10.77.1.10\n");
  EXPECT_EQ(run("grep -c nameserver /etc/resolv.conf; true"), "0\n");
  EXPECT_EQ(run("ls /tmp /var/tmp /dev/shm | grep -v :; true"), "\n\n");
  EXPECT_EQ(run("cat /proc/1/comm"), "faultline-init\n");
  EXPECT_EQ(run("ls /sys/class/net"), "lo\n");
  EXPECT_EQ(run("readlink /proc/self/ns/net"), "net:[" + std::to_string(net.inode()) + "]\n");

  const std::string marker = test::marker();
  for (const std::string directory : {"/tmp/", "/run/", "/var/log/", "/dev/shm/"}) {
    EXPECT_EQ(run("echo x > " + directory + marker + " && cat " + directory + marker), "x\n");
    EXPECT_FALSE(std::filesystem::exists(directory + marker));
  }
  nursery::Command as_user = shell("echo x > /tmp/mine && echo done");
  as_user.enclosure = "web";
  as_user.user = "nobody";
  EXPECT_EQ(output_of(*nursery, as_user), "done\n");
  EXPECT_EQ(run("cat /tmp/mine"), "x\n");  // one host, one /tmp: later commands enter the same enclosure

  nursery->make_enclosure("db", NetNs::create(), "", "db");
  nursery::Command other = shell("hostname; ls /tmp");
  other.enclosure = "db";
  EXPECT_EQ(output_of(*nursery, other), "db\n");
  EXPECT_THROW(nursery->make_enclosure("db", net, "", "db"), Failure);
}

TEST(Enclosure, KeptDirectoriesStayVisibleUnderACoveredOne) {
  char real[] = "/tmp/flab-keep-XXXXXX";
  ASSERT_NE(mkdtemp(real), nullptr);
  const std::string directory = real, link = directory + "-link";
  std::filesystem::create_directories(directory + "/runs/log");
  std::filesystem::create_directory_symlink(directory, link);
  std::ofstream(directory + "/haproxy.cfg") << "config\n";
  const auto nursery = nursery::Nursery::start();
  nursery->make_enclosure("web", NetNs::create(), "", "web", {directory + "/runs/log", link, "/usr/share"});
  nursery::Command command = shell("cat " + directory + "/haproxy.cfg " + link +
                                   "/haproxy.cfg; ls /tmp | wc -l; echo y > " + directory + "/runs/log/out");
  command.enclosure = "web";
  EXPECT_EQ(output_of(*nursery, command), "config\nconfig\n2\n");
  EXPECT_TRUE(std::filesystem::exists(directory + "/runs/log/out"));
  std::filesystem::remove(link);
  std::filesystem::remove_all(directory);
}

/// What a lab host's /etc says on a machine that `prepare`, a script, has made: in a process and a mount namespace of
/// its own, with `root` as its root directory. Its /etc has to have the resolver's files, and everything else as
/// before.
void expect_resolver_files(const std::string& prepare, const char* root = "/") {
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS) != 0 || system(("set -e; mount --make-rprivate /; " + prepare).c_str()) != 0) _exit(9);
    if (chroot(root) != 0 || chdir("/") != 0) _exit(6);
    try {
      const auto nursery = nursery::Nursery::start();
      nursery->make_enclosure("web", NetNs::create(), "10.77.1.10 web\n", "web");
      nursery::Command command = shell(
          "for file in resolv.conf hosts; do while read -r line; do echo \"$line\"; done </etc/$file; done; "
          "test -s /etc/passwd && test -d /etc/beside && test -d /proc/self && echo beside >/tmp/mine && echo as "
          "before");
      command.argv[0] = "/bin/sh";
      command.enclosure = "web";
      const std::string said = output_of(*nursery, command);
      if (said != "options timeout:1 attempts:1\n10.77.1.10 web\nas before\n") {
        fprintf(stderr, "it said: %s\n", said.c_str());
        _exit(8);
      }
      _exit(0);
    } catch (const std::exception& e) {
      fprintf(stderr, "%s\n", e.what());
    }
    _exit(7);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

const std::string kEtc = "mount -t tmpfs tmpfs /mnt; cp /etc/passwd /etc/group /mnt/; mkdir /mnt/beside; ";

TEST(Enclosure, ResolvConfMayBeALinkIntoRun) {  // as a machine with systemd-resolved has it
  expect_resolver_files(kEtc +
                        "echo 127.0.0.1 localhost >/mnt/hosts; ln -s ../run/systemd/resolve/stub-resolv.conf "
                        "/mnt/resolv.conf; mount --move /mnt /etc");
}

TEST(Enclosure, TheMachineMayLackTheResolversFiles) {  // as a minimal Debian has it
  expect_resolver_files(kEtc + ": >/mnt/resolv.conf; mount --move /mnt /etc");
  expect_resolver_files(kEtc + "echo 127.0.0.1 localhost >/mnt/hosts; mount --move /mnt /etc");
  expect_resolver_files(kEtc + "mount --move /mnt /etc");
  expect_resolver_files(
      kEtc + "ln -s /usr/no/such/file /mnt/hosts; ln -s no-such-file /mnt/resolv.conf; mount --move /mnt /etc");
}

TEST(Enclosure, StandsInAChrootWhoseRootIsNoMountPoint) {
  const std::string chroot =
      "mkdir -p /mnt/c/run /mnt/c/tmp /mnt/c/var/tmp /mnt/c/var/log; cd /mnt/c; mv /mnt/[!c]* .; "
      "for at in /bin /dev /lib* /proc /root /sbin /sys /usr; do "
      "if [ -h $at ]; then cp -P $at .$at; else mkdir -p .$at; mount --rbind $at .$at; fi; done; ";
  const std::string etc =
      "mount -t tmpfs tmpfs /mnt; mkdir /mnt/etc; cp /etc/passwd /etc/group /mnt/etc/; mkdir /mnt/etc/beside; ";
  expect_resolver_files(etc + ": >/mnt/etc/hosts; : >/mnt/etc/resolv.conf; " + chroot, "/mnt/c");
  expect_resolver_files(etc + chroot, "/mnt/c");
}

TEST(Enclosure, DroppingItEndsItsDaemonsAndNobodyElses) {
  const std::string marker = test::marker(), other = test::marker();
  const auto nursery = nursery::Nursery::start();
  nursery->make_enclosure("web", NetNs::create(), "", "web");
  nursery::Command daemon = shell("setsid sh -c 'while :; do sleep 1; done' " + marker + " &");
  daemon.enclosure = "web";
  output_of(*nursery, daemon);
  nursery->spawn(shell("while :; do sleep 1; done; : " + other));
  ASSERT_TRUE(test::eventually([&] { return processes_with(marker) == 1 && processes_with(other) == 1; }));
  nursery->drop_enclosure("web");
  EXPECT_TRUE(test::eventually([&] { return processes_with(marker) == 0; }));
  EXPECT_EQ(processes_with(other), 1);
  EXPECT_THROW(nursery->spawn(daemon), Failure);
}

}  // namespace
}  // namespace faultline::lab
