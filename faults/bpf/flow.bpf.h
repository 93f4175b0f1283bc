/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows: which connection does a packet belong to, and how many of its packets came before. The state lives in a fixed table
 * under a hash of the endpoints; the identity that chance draws on leaves the client's port out and takes the connection's
 * ordinal under (client, server, server's port) in its place, so that a run can be repeated although ports differ. */
#ifndef FAULTLINE_BPF_FLOW_H
#define FAULTLINE_BPF_FLOW_H

#include "faults/bpf/common.bpf.h"

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

struct endpoint {
  __u64 high, low; /* address; IPv4 in low alone */
  __u64 port;
};

static __always_inline __u64 mix(__u64 h, __u64 v) {
  h ^= v;
  h *= 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
  return h ^ (h >> 29);
}
static __always_inline __u64 mix_end(__u64 h, struct endpoint* e, __u64 port) {
  return mix(mix(mix(h, e->high), e->low), port);
}

/* Finds the packet's flow; *direction is 1 when it comes from the client. Null: not IP. */
static __always_inline struct fl_flow* find_flow(struct __sk_buff* skb, __u32 site, __u32* direction) {
  struct endpoint a = {}, b = {}; /* source, destination */
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

  __u64 ha = mix_end(site + 1, &a, a.port), hb = mix_end(site + 1, &b, b.port);
  int a_first = ha < hb;
  __u64 both = mix(mix(proto + 1, a_first ? ha : hb), a_first ? hb : ha);
  __u32 bucket = (both >> 40) & (FL_FLOW_BUCKETS - 1);
  struct fl_flow* flow = bpf_map_lookup_elem(&flows, &bucket);
  if (!flow) return 0;

  __u8 bits = ((__u8*)&tcp)[13];
  int opens = proto == IPPROTO_TCP && (bits & 0x12) == 0x02; /* SYN without ACK */
  if (opens ? flow->syn != tcp.seq || !flow->key : !flow->key) {
    int a_client = opens || a.port > b.port || (a.port == b.port && a_first);
    struct endpoint *client = a_client ? &a : &b, *server = a_client ? &b : &a;
    __u64 service = mix_end(mix_end(proto + 3, client, 0), server, server->port);
    __u32 n = 0, o = (service >> 40) & (FL_FLOW_BUCKETS - 1);
    __u32* ordinal = bpf_map_lookup_elem(&ordinals, &o);
    if (ordinal) n = __sync_fetch_and_add(ordinal, 1);
    flow->client_first = a_client == a_first;
    flow->count[0] = flow->count[1] = 0;
    flow->syn = tcp.seq;
    flow->key = mix(service, n) | 1;
  }
  *direction = a_first == !!flow->client_first;
  return flow;
}

#endif
