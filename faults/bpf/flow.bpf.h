/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows: which connection does a packet belong to, and how many of its packets came before. The state lives in a fixed table
 * under a hash of the endpoints; what identifies a flow is worked out in faults/flow.h. */
#ifndef FAULTLINE_BPF_FLOW_H
#define FAULTLINE_BPF_FLOW_H

#include "faults/bpf/common.bpf.h"
#include "faults/flow.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, FL_FLOW_BUCKETS);
  __type(key, __u32);
  __type(value, struct fl_flow);
} flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, FL_FLOW_BUCKETS);
  __type(key, __u32);
  __type(value, __u32);
} ordinals SEC(".maps");

/* Finds the packet's flow; *direction is 1 when it comes from the client. Null: not IP. Not inlined: its frame is gone when
 * the rules are met, and the stack has 512 bytes in all. */
static __attribute__((noinline)) struct fl_flow* find_flow(struct __sk_buff* skb, __u32 site, __u32* direction) {
  struct fl_endpoint a = {}, b = {}; /* source, destination */
  __u8 proto;
  __u32 l4;
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip)) return 0;
    a.low = ip.saddr;
    b.low = ip.daddr;
    proto = ip.protocol;
    l4 = ETH_HLEN + ip.ihl * 4;
    if (ip.frag_off & bpf_htons(0x3fff)) proto = 0; /* fragments have no ports, or not all of them do: one flow an address pair */
  } else {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip)) return 0;
    __builtin_memcpy(&a.high, &ip.saddr, 8);
    __builtin_memcpy(&a.low, (__u8*)&ip.saddr + 8, 8);
    __builtin_memcpy(&b.high, &ip.daddr, 8);
    __builtin_memcpy(&b.low, (__u8*)&ip.daddr + 8, 8);
    proto = ip.nexthdr;
    l4 = ETH_HLEN + sizeof ip;
  }
  struct tcphdr tcp;
  __builtin_memset(&tcp, 0, sizeof tcp);
  if (proto == IPPROTO_TCP) {
    if (bpf_skb_load_bytes(skb, l4, &tcp, 14)) return 0;
  } else if (proto == IPPROTO_UDP) {
    if (bpf_skb_load_bytes(skb, l4, &tcp, 4)) return 0; /* ports stand where TCP's do */
  }
  a.port = bpf_ntohs(tcp.source);
  b.port = bpf_ntohs(tcp.dest);

  int a_first;
  __u64 both = fl_flow_hash(site, proto, &a, &b, &a_first);
  __u32 bucket = fl_flow_bucket(both);
  struct fl_flow* flow = bpf_map_lookup_elem(&flows, &bucket);
  if (!flow) return 0;

  __u8 bits = ((__u8*)&tcp)[13];
  int opens = proto == IPPROTO_TCP && (bits & 0x12) == 0x02; /* SYN without ACK */
  if (opens ? flow->syn != tcp.seq || !flow->key : !flow->key) {
    int a_client = fl_flow_client(opens, &a, &b, a_first);
    __u64 service = fl_flow_service(proto, a_client ? &a : &b, a_client ? &b : &a);
    __u32 n = 0, o = fl_flow_bucket(service);
    __u32* ordinal = bpf_map_lookup_elem(&ordinals, &o);
    if (ordinal) n = __sync_fetch_and_add(ordinal, 1);
    flow->client_first = a_client == a_first;
    flow->count[0] = flow->count[1] = 0;
    flow->syn = tcp.seq;
    flow->key = fl_flow_key(service, n);
  }
  *direction = a_first == !!flow->client_first;
  return flow;
}

#endif
