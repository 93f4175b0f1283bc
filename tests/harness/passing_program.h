// The smallest eBPF program that can be attached: it lets every packet pass to whoever comes next.
#pragma once

#include <bpf/bpf.h>

#include "injector/base/error.h"
#include "injector/base/fd.h"

namespace faultline::test {

inline Fd passing_program() {
  const bpf_insn code[] = {
      {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1},  // r0 = TC_ACT_UNSPEC
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  return Fd(check_neg("load a program", bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "passing", "GPL", code, 2, nullptr)));
}

}  // namespace faultline::test
