#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <memory>

#include "injector/pen/attach.h"

namespace faultline::pen {

Features probe_features() {
  Features features;
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  struct Free {
    void operator()(btf* b) const { btf__free(b); }
  };
  std::unique_ptr<btf, Free> kernel(btf__load_vmlinux_btf());
  if (libbpf_get_error(kernel.get()) != 0) {
    (void)kernel.release();
    return features;
  }
  features.btf = true;
  const auto has = [&](const char* function) {
    return btf__find_by_name_kind(kernel.get(), function, BTF_KIND_FUNC) > 0;
  };
  features.tcx = has("tcx_link_attach") || has("tcx_prog_attach");
  features.owner_check = has("bpf_task_acquire") && has("bpf_task_release") && has("bpf_rcu_read_lock");
  return features;
}

}  // namespace faultline::pen
