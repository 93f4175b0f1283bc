/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What passes between two targets of one fault meets it at the sender: here it is noted whom it was for. */
#ifndef FAULTLINE_BPF_MATES_H
#define FAULTLINE_BPF_MATES_H

#include "faults/bpf/bank.bpf.h"

#define MOST_MATES 8 /* faults at once of which this is told */

/* `leaving`: rules that the packet meets as one that leaves. A global function, with a stack frame of its own. */
__attribute__((noinline)) int note_mates(struct __sk_buff* skb, __u64 leaving, __u32 first_rule, int l3) {
  struct fl_mate mate;
  __builtin_memset(&mate, 0, sizeof mate);
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    __be32 address = 0;
    if (bpf_skb_load_bytes(skb, l3 + 16, &address, 4)) return 0;
    mate.address.low = 0xffffULL << 32 | bpf_ntohl(address);
  } else {
    __be64 half[2];
    if (bpf_skb_load_bytes(skb, l3 + 24, half, sizeof half)) return 0;
    mate.address.high = bpf_be64_to_cpu(half[0]);
    mate.address.low = bpf_be64_to_cpu(half[1]);
  }
  for (int i = 0; i < MOST_MATES; i++) {
    if (!leaving) break;
    __u32 number;
    struct fl_rule* rule = rule_at(first_rule + lowest_bit(leaving), &number);
    leaving &= leaving - 1;
    if (!rule) break;
    if (!(rule->flags & FL_RULE_MATES)) continue; /* it has its bit with one that has mates */
    mate.fault = rule->fault;
    __u64* packets = bpf_map_lookup_elem(&mates, &mate);
    if (packets) __sync_fetch_and_add(packets, 1);
  }
  return 0;
}

#endif
