// The eBPF objects in both builds, under one name each. The embedded bytes live in objects.cpp alone.
#pragma once

#include "injector/pen/attach.h"
#include "injector/pen/bpf_object.h"

namespace faultline::pen {

BpfObject open_player(Engine engine);
BpfObject open_selector(Engine engine, std::uint32_t site);

}  // namespace faultline::pen
