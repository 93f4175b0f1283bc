#include "injector/run/preflight.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <vector>

#include "injector/base/error.h"
#include "injector/base/privilege.h"

namespace faultline::run {

void check_privileges() {
  if (geteuid() == 0 && in_user_namespace()) throw Failure(Exit::cannot_run, kUserNamespaceRoot);
  const std::uint64_t have = effective_capabilities();
  const auto has = [&](int capability) { return (have >> capability & 1) != 0; };
  std::vector<std::string> missing;
  if (!has(CAP_NET_ADMIN)) missing.push_back("CAP_NET_ADMIN");
  if (!has(CAP_SYS_ADMIN)) missing.push_back("CAP_SYS_ADMIN");
  if (!has(CAP_BPF) && !has(CAP_SYS_ADMIN)) missing.push_back("CAP_BPF");
  if (!missing.empty()) {
    throw Failure(Exit::cannot_run,
                  fmt::format("a run changes the network and needs {}; {}. `faultline check` needs no privilege",
                              fmt::join(missing, ", "),
                              geteuid() == 0 ? "this container or sandbox withholds it from root" : "use sudo"));
  }
  if (access("/dev/net/tun", R_OK | W_OK) != 0)
    throw Failure(
        Exit::cannot_run,
        "/dev/net/tun cannot be opened: load the module with `modprobe tun`, or give the container the device "
        "(docker run --device /dev/net/tun)");
}

pen::Engine choose_engine(std::optional<pen::Engine> wanted, const pen::Features& features) {
  if (wanted == pen::Engine::tcx && features.engine() != pen::Engine::tcx)
    throw Failure(Exit::cannot_run,
                  fmt::format("this kernel cannot attach with tcx: {}; leave --engine out to use clsact",
                              !features.btf   ? "it has no BTF (/sys/kernel/btf/vmlinux)"
                              : !features.tcx ? "it has no TCX (6.6 and later have)"
                                              : "it lacks the kfuncs bpf_task_acquire and bpf_rcu_read_lock"));
  return wanted.value_or(features.engine());
}

}  // namespace faultline::run
