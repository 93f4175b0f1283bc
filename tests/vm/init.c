// The first process of a test VM (see README.md): it mounts what Linux programs expect, runs /vm/setup and then
// /vm/command, sends the command's exit status to the host and stops the machine. Or, where there is a system to boot,
// it starts that one instead, which does the same in its time. Compiled statically by `boot`.
//
// The status travels over the second serial port, apart from the output on the first, so that nothing a command prints
// can be mistaken for it. The machine stops through QEMU's isa-debug-exit device, which is immediate: an ACPI power-off
// needs modules and time. A VM that never sends a status (a panic, a hang) has failed, whatever QEMU returned.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { kDebugExitPort = 0xf4, kCannotStart = 127 };

static const struct {
  const char *type, *at;
  mode_t mode;
} kMounts[] = {
    {"proc", "/proc", 0755},
    {"sysfs", "/sys", 0755},
    {"devpts", "/dev/pts", 0755},
    {"tmpfs", "/dev/shm", 01777},
    {"tmpfs", "/run", 0755},
    {"tmpfs", "/tmp", 01777},
    {"bpf", "/sys/fs/bpf", 0755},
    {"cgroup2", "/sys/fs/cgroup", 0755},
    {"tracefs", "/sys/kernel/tracing", 0755},
};

static _Noreturn void stop(void) {
  if (ioperm(kDebugExitPort, 4, 1) == 0) outl(0, kDebugExitPort);
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

static void mount_all(void) {
  for (size_t i = 0; i < sizeof kMounts / sizeof kMounts[0]; ++i) {
    mkdir(kMounts[i].at, kMounts[i].mode);
    if (mount(kMounts[i].type, kMounts[i].at, kMounts[i].type, 0, NULL) != 0)
      fprintf(stderr, "init: cannot mount %s on %s: %s\n", kMounts[i].type, kMounts[i].at, strerror(errno));
  }
  chmod("/tmp", 01777);
  chmod("/dev/shm", 01777);
}

// A serial port that passes bytes through as they are.
static int open_raw(const char* path) {
  int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct termios settings;
  if (fd >= 0 && tcgetattr(fd, &settings) == 0) {
    cfmakeraw(&settings);
    tcsetattr(fd, TCSANOW, &settings);
  }
  return fd;
}

// Runs a shell script to its end and returns its exit status as a shell would say it. Orphans are reaped meanwhile.
static int run(const char* script) {
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (chdir("/job") == 0) execl("/bin/sh", "sh", script, (char*)NULL);
    _exit(kCannotStart);
  }
  for (;;) {
    int status;
    pid_t ended = wait(&status);
    if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) return kCannotStart;
  }
}

// Where /vm/setup has mounted a system (see hand_over): that system's own first process takes over, as process 1.
static void hand_over(void) {
  static const char* const kMoved[] = {"/dev", "/proc", "/sys", "/run"};
  if (access("/system/vm", F_OK) != 0) return;  // its /sbin/init is a link that leads nowhere from here
  for (size_t i = 0; i < sizeof kMoved / sizeof kMoved[0]; ++i) {
    char to[32];
    snprintf(to, sizeof to, "/system%s", kMoved[i]);
    if (mount(kMoved[i], to, NULL, MS_MOVE, NULL) != 0)
      fprintf(stderr, "init: cannot move %s: %s\n", kMoved[i], strerror(errno));
  }
  if (chdir("/system") == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 && chroot(".") == 0 && chdir("/") == 0)
    execl("/sbin/init", "init", (char*)NULL);
  fprintf(stderr, "init: cannot start the system: %s\n", strerror(errno));
  stop();
}

int main(void) {
  mkdir("/dev", 0755);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  int console = open_raw("/dev/ttyS0");
  for (int fd = 0; console >= 0 && fd < 3; ++fd) dup2(console, fd);
  mount_all();
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  setenv("HOME", "/root", 1);
  setenv("TERM", "dumb", 1);

  int setup = run("/vm/setup");
  if (setup != 0) {
    fprintf(stderr, "init: /vm/setup failed with status %d\n", setup);
    stop();  // without a status: the VM has failed, not the command
  }
  hand_over();
  int status = run("/vm/command");
  tcdrain(STDOUT_FILENO);
  int report = open_raw("/dev/ttyS1");
  dprintf(report, "%d\n", status);
  tcdrain(report);
  stop();
}
