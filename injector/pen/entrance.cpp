#include "injector/pen/entrance.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <array>
#include <cstddef>

#include "faults/abi.h"
#include "injector/base/error.h"
#include "injector/pen/load.h"

namespace faultline::pen {
namespace {

constexpr int kNext = -1;  // TCX_NEXT, TC_ACT_UNSPEC: whoever is behind us runs

bpf_insn set(std::uint8_t to, int value) { return {BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value}; }

}  // namespace

Fd make_entrance(const BpfObject& programs, std::uint32_t seat, std::uint32_t hook) {
  constexpr auto kSite = static_cast<std::int16_t>(offsetof(__sk_buff, cb) + FL_CB_SITE * sizeof(__u32));
  const std::array<bpf_insn, 8> code{{
      set(BPF_REG_2, static_cast<int>(seat)),
      {BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_2, kSite, 0},  // skb->cb[FL_CB_SITE] = seat
      {BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, programs.map("gate")},
      {},
      set(BPF_REG_3, static_cast<int>(hook)),
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call},
      set(BPF_REG_0, kNext),  // the gate is closed
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  }};
  const std::string name = fmt::format("enter_{}", kHooks[hook]);
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  const int fd =
      bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name.c_str(), "Dual BSD/GPL", code.data(), code.size(), &options);
  check_neg("load the entrance of a site", fd);
  return Fd(fd);
}

}  // namespace faultline::pen
