#include "injector/base/flow_steering.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "injector/base/error.h"
#include "injector/base/fd.h"

namespace faultline {
namespace {

// A sysfs of the calling thread's network namespace that is mounted nowhere: it shows that namespace's devices, and
// goes with its descriptor. By syscall(), since the C library has names for these calls from 2.36 on.
Fd open_sysfs() {
  const Fd context(static_cast<int>(check("open a sysfs", syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC))));
  check("create a sysfs", syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  return Fd(static_cast<int>(check("mount a sysfs", syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0))));
}

}  // namespace

std::string cpu_mask(unsigned cpus) {
  std::string mask;
  for (; cpus >= 32; cpus -= 32) mask += mask.empty() ? "ffffffff" : ",ffffffff";
  if (cpus == 0) return mask;
  const std::string top = fmt::format("{:x}", (1u << cpus) - 1);
  return mask.empty() ? top : top + "," + mask;
}

void keep_flows_together(const std::string& device) {
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  if (cpus <= 1) return;
  const Fd sysfs = open_sysfs();
  const std::string path = "class/net/" + device + "/queues/rx-0/rps_cpus",
                    mask = cpu_mask(static_cast<unsigned>(cpus));
  const Fd file(openat(sysfs.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  check("steer the flows of " + device + " (open rps_cpus)", file.get());
  check("steer the flows of " + device, write(file.get(), mask.data(), mask.size()));
}

}  // namespace faultline
