// The eBPF objects in all their builds, under one name each. The embedded bytes live in objects.cpp alone.
#pragma once

#include "injector/pen/attach.h"
#include "injector/pen/bpf_object.h"

namespace faultline::pen {

BpfObject open_player(Engine engine);
/// `btf`: the kernel has it, which rules by cgroup need, and telling which packets are to be left out. Without, it
/// loads under clsact.
BpfObject open_selector(Engine engine, std::uint32_t seat, bool btf);

}  // namespace faultline::pen
