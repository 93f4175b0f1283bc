// What a run may not leave in a network namespace: devices, qdiscs, filters, programs.
#pragma once

#include <bpf/bpf.h>

#include <set>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "injector/pen/tc.h"

namespace faultline::test {

/// What is in `ns` beside `devices`, which were there before and had nothing on them.
inline std::vector<std::string> left_in(const NetNs& ns, const std::set<std::string>& devices) {
  std::vector<std::string> found;
  const Inside in(ns);
  for (const auto& device : list_devices()) {
    if (!devices.contains(device.name)) found.push_back("device " + device.name);
    if (!pen::tc::ingress_qdisc(device.index).empty()) found.push_back("qdisc on " + device.name);
    for (const auto hook : {pen::Hook::ingress, pen::Hook::egress})
      if (!pen::tc::list_filters(device.index, hook).empty()) found.push_back("filter on " + device.name);
    for (const int type : {46, 47}) {  // BPF_TCX_INGRESS, BPF_TCX_EGRESS
      std::uint32_t ids[8], flags = 0, count = 8;
      if (bpf_prog_query(device.index, static_cast<bpf_attach_type>(type), 0, &flags, ids, &count) == 0 && count != 0)
        found.push_back("tcx program on " + device.name);
    }
  }
  return found;
}

}  // namespace faultline::test
