/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A stage for the programs under test. BPF_PROG_TEST_RUN cannot give a packet a tc_index or a VLAN tag beside the
 * frame, and it repeats one frame only; these programs do that and tail-call what is under test. */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "faults/abi.h"
#include "faults/segment.h"

#define UNSPEC (-1)

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} next SEC(".maps");

enum { ADDRESSES = 1 << 14 };
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, ADDRESSES);
  __type(key, __u32);
  __type(value, __u32[4]);
} addresses SEC(".maps");

__u32 tc_index;  /* what the packet comes with */
__u32 vlan;      /* not 0: tagged with this VLAN */
__u32 runs;      /* of `prepare`; its second run only looks at the packet */
__u32 seen;      /* tc_index at the second run */
__u32 turn;      /* of `vary4` and `vary6` */
__u64 bucket_of; /* in: a value in ticks */
__u32 bucket;    /* out */
struct fl_point segment;
__u64 segment_t;
__s64 segment_value;

SEC("tc") int empty(struct __sk_buff* skb) { return UNSPEC; }

SEC("tc") int prepare(struct __sk_buff* skb) {
  if (runs++) {
    seen = skb->tc_index;
    return UNSPEC;
  }
  skb->tc_index = tc_index;
  if (vlan) bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), vlan);
  bpf_tail_call(skb, &next, 0);
  return UNSPEC;
}

/* Another destination address at each run. */
SEC("tc") int vary4(struct __sk_buff* skb) {
  void *data = (void*)(long)skb->data, *end = (void*)(long)skb->data_end;
  __u32 i = turn++ & (ADDRESSES - 1), *to = data + ETH_HLEN + 16, *from = bpf_map_lookup_elem(&addresses, &i);
  if ((void*)(to + 1) > end || !from) return UNSPEC;
  *to = *from;
  bpf_tail_call(skb, &next, 0);
  return UNSPEC;
}
SEC("tc") int vary6(struct __sk_buff* skb) {
  void *data = (void*)(long)skb->data, *end = (void*)(long)skb->data_end;
  __u32 i = turn++ & (ADDRESSES - 1), *to = data + ETH_HLEN + 24, *from = bpf_map_lookup_elem(&addresses, &i);
  if ((void*)(to + 4) > end || !from) return UNSPEC;
  __builtin_memcpy(to, from, 16);
  bpf_tail_call(skb, &next, 0);
  return UNSPEC;
}

struct fl_stamp held; /* of `restamp` */

/* A frame that the line gives back, each time another delay and lateness. */
SEC("tc") int restamp(struct __sk_buff* skb) {
  struct fl_stamp s = held;
  __u32 chance = bpf_get_prandom_u32();
  s.hold += chance & 0xfff;
  s.due = (__u32)(bpf_ktime_get_ns() >> FL_TICK_SHIFT) - (chance >> 20 & 0x7ff);
  if (bpf_skb_store_bytes(skb, 0, &s, sizeof s, 0)) return UNSPEC;
  bpf_tail_call(skb, &next, 0);
  return UNSPEC;
}

SEC("tc") int compute(struct __sk_buff* skb) {
  bucket = fl_bucket(bucket_of);
  struct fl_point p = segment;
  segment_value = fl_segment_value(&p, segment_t);
  return UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
