/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows: which connection does a packet belong to, and how many of its packets came before. The state lives in a fixed
 * table under a hash of the endpoints; what identifies a flow is worked out in faults/flow.h. */
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

/* Which ordinal a connection has, from fl_flow_opening. Shared by all sites: the first that sees it says so, and what
 * is drawn for the connection is then the same at each of its ends. Sites see it within its way from one to the other,
 * so that old ones may go. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, FL_MAX_OPENINGS);
  __type(key, __u64);
  __type(value, __u32);
} openings SEC(".maps");

/* Keys and values lie in the flow itself: on find_flow()'s stack there is no room for them. */
static __always_inline __u32 ordinal_of(struct fl_flow* flow) {
  __u32* known = bpf_map_lookup_elem(&openings, &flow->opening);
  if (known) return *known;
  __u32* next = bpf_map_lookup_elem(&ordinals, &flow->service);
  flow->ordinal = next ? __sync_fetch_and_add(next, 1) : 0;
  if (bpf_map_update_elem(&openings, &flow->opening, &flow->ordinal, BPF_NOEXIST)) { /* another CPU was first */
    known = bpf_map_lookup_elem(&openings, &flow->opening);
    if (known) return *known;
  }
  return flow->ordinal;
}

/* What find_flow() tells about a packet. */
enum {
  FROM_CLIENT = 1,
  OPENS = 2, /* a connection: SYN without ACK */
  CARRIES =
      4, /* data, or opens a connection, or answers that: it is somebody's turn; an acknowledgement alone is not */
};

/* Finds the flow of a packet whose IP header is at `l3`, and what it is to it. Null: not IP. Not inlined: its frame is
 * gone when the rules are met, and the stack has 512 bytes in all. */
static __attribute__((noinline)) struct fl_flow* find_flow(struct __sk_buff* skb, __u32 l3, __u32 site, __u64 now,
                                                           __u32* facts) {
  struct fl_endpoint a = {}, b = {}; /* source, destination */
  union {                            /* one after the other: the stack is short */
    struct iphdr v4;
    struct ipv6hdr v6;
    struct tcphdr tcp;
  } at;
  __u8 proto;
  __u32 l4, end;
  *facts = 0;
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    if (bpf_skb_load_bytes(skb, l3, &at.v4, sizeof at.v4)) return 0;
    a.low = at.v4.saddr;
    b.low = at.v4.daddr;
    proto = at.v4.protocol;
    l4 = l3 + at.v4.ihl * 4;
    end = l3 + bpf_ntohs(at.v4.tot_len); /* what lies beyond pads the frame */
    if (at.v4.frag_off & bpf_htons(0x3fff))
      proto = 0; /* fragments have no ports, or not all of them do: one flow an address pair */
  } else {
    if (bpf_skb_load_bytes(skb, l3, &at.v6, sizeof at.v6)) return 0;
    __builtin_memcpy(&a.high, &at.v6.saddr, 8);
    __builtin_memcpy(&a.low, (__u8*)&at.v6.saddr + 8, 8);
    __builtin_memcpy(&b.high, &at.v6.daddr, 8);
    __builtin_memcpy(&b.low, (__u8*)&at.v6.daddr + 8, 8);
    proto = at.v6.nexthdr;
    l4 = l3 + sizeof at.v6;
    end = l4 + bpf_ntohs(at.v6.payload_len);
    int part = WHOLE;
    if (walk_extensions(skb, &proto, &l4, &part)) return 0;
    if (part != WHOLE) proto = 0; /* as above */
  }
  if (skb->gso_size) end = skb->len; /* of a large one the header need not say */
  __builtin_memset(&at, 0, sizeof at.tcp);
  if (proto == IPPROTO_TCP) {
    if (bpf_skb_load_bytes(skb, l4, &at.tcp, 14)) return 0;
  } else if (proto == IPPROTO_UDP) {
    if (bpf_skb_load_bytes(skb, l4, &at.tcp, 4)) return 0; /* ports stand where TCP's do */
  }
  a.port = bpf_ntohs(at.tcp.source);
  b.port = bpf_ntohs(at.tcp.dest);

  int a_first;
  __u64 pair = fl_flow_pair(proto, &a, &b, &a_first);
  __u32 bucket = fl_flow_bucket(fl_flow_at(site, pair));
  struct fl_flow* flow = bpf_map_lookup_elem(&flows, &bucket);
  if (!flow) return 0;

  __u8 bits = ((__u8*)&at.tcp)[13];
  int opens = proto == IPPROTO_TCP && (bits & 0x12) == 0x02;
  /* A site that looks at what leaves the server alone sees of an opening its answer first, which repeats its number. */
  int answers = proto == IPPROTO_TCP && (bits & 0x12) == 0x12;
  __be32 syn = answers ? bpf_htonl(bpf_ntohl(at.tcp.ack_seq) - 1) : at.tcp.seq;
  if (proto != IPPROTO_TCP || (bits & 0x02) || end > l4 + (((__u8*)&at.tcp)[12] >> 4) * 4) *facts |= CARRIES;
  if (opens) *facts |= OPENS;
  if (opens || answers ? flow->syn != syn || !flow->key : !flow->key) {
    int a_client = !answers && fl_flow_client(opens, &a, &b, a_first);
    __u64 service = fl_flow_service(proto, a_client ? &a : &b, a_client ? &b : &a);
    flow->opening = fl_flow_opening(pair, opens || answers, syn);
    flow->service = fl_flow_bucket(service);
    flow->client_first = a_client == a_first;
    flow->client = fl_flow_client_key(a_client ? &a : &b);
    flow->count[0] = flow->count[1] = 0;
    flow->spoke = 0;
    flow->opened = opens ? now : 0;
    flow->syn = syn;
    flow->key = fl_flow_key(service, ordinal_of(flow));
  }
  if (a_first == !!flow->client_first) *facts |= FROM_CLIENT;
  return flow;
}

#endif
