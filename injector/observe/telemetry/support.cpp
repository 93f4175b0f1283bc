#include "injector/observe/telemetry/support.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace faultline::observe {

TelemetrySupport TelemetrySupport::without_turns() const {
  TelemetrySupport common = *this;
  std::erase_if(common.missing, [](const Tracepoint* one) { return one->of_turns; });
  return common;
}

std::string TelemetrySupport::lack() const {
  if (!btf) return "the kernel has no type information (BTF, /sys/kernel/btf/vmlinux)";
  std::string names, counts;
  for (const auto* one : missing) {
    names += (names.empty() ? "no " : ", ") + std::string(one->name);
    counts += (counts.empty() ? "" : ", ") + std::string(one->counts);
  }
  return names.empty() ? "" : fmt::format("{}: {} are not counted", names, counts);
}

bool TelemetrySupport::lacks(const Tracepoint& one) const {
  return std::find(missing.begin(), missing.end(), &one) != missing.end();
}

std::vector<std::string> TelemetrySupport::lacking_series() const {
  std::vector<std::string> series;
  for (const auto& one : kTracepoints)
    if (!btf || lacks(one)) series.insert(series.end(), one.series.begin(), one.series.end());
  return series;
}

TelemetrySupport probe_telemetry() {
  struct Free {
    void operator()(btf* b) const { btf__free(b); }
  };
  TelemetrySupport support;
  const auto before = libbpf_set_print(nullptr);
  std::unique_ptr<btf, Free> kernel(btf__load_vmlinux_btf());
  libbpf_set_print(before);
  if (libbpf_get_error(kernel.get()) != 0) {
    (void)kernel.release();
    return support;
  }
  support.btf = true;
  support.cast = btf__find_by_name_kind(kernel.get(), "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
  for (const auto& one : kTracepoints) {
    // The type of what stands at a tracepoint: a pointer to a function, whose first argument is its own.
    const int id =
        btf__find_by_name_kind(kernel.get(), fmt::format("btf_trace_{}", one.name).c_str(), BTF_KIND_TYPEDEF);
    if (id <= 0) {
      support.missing.push_back(&one);
      continue;
    }
    if (std::string_view(one.name) != "tcp_retransmit_skb") continue;
    const btf_type* pointer = btf__type_by_id(kernel.get(), btf__type_by_id(kernel.get(), id)->type);
    const btf_type* function = pointer ? btf__type_by_id(kernel.get(), pointer->type) : nullptr;
    support.retransmit_error = function != nullptr && btf_is_func_proto(function) && btf_vlen(function) >= 4;
  }
  return support;
}

}  // namespace faultline::observe
