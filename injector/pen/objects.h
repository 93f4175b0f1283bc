// The eBPF objects in all their builds, under one name each. The embedded bytes live in objects.cpp alone.
#pragma once

#include "injector/pen/attach.h"
#include "injector/pen/bpf_object.h"

namespace faultline::pen {

BpfObject open_player(Engine engine);
/// `cgroups`: for rules by cgroup. Without, it loads on a kernel without BTF under clsact.
BpfObject open_selector(Engine engine, std::uint32_t seat, bool cgroups);

}  // namespace faultline::pen
