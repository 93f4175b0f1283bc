/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections as a middlebox has them, one by one: rules that are about how long one was silent. Part of the selector's
 * second stage, for TCP alone. The table is exact: its keys are the connections themselves, so that none is taken for
 * another, as in the fixed buckets of flow.bpf.h. It is bounded; what there is no room for passes and is counted. */
#ifndef FAULTLINE_BPF_CONNECTION_H
#define FAULTLINE_BPF_CONNECTION_H

#include "faults/bpf/bank.bpf.h"
#include "faults/bpf/headers.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_connection_key);
  __type(value, struct fl_connection);
} connections SEC(".maps");

/* The packet at hand, as all of its rules ask about it. A map, since stacks have no room for it. */
struct following {
  struct fl_connection_key key; /* but for the rule */
  struct fl_connection fresh;
  __u32 packets, bytes;
  __u8 from; /* which of the key's ends sent it */
  __u8 flags;
  __u8 pad[6];
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct following);
} following SEC(".maps");

/* Puts down which connection a packet of TCP belongs to. */
__attribute__((noinline)) int note_connection(struct __sk_buff* skb, const struct headers* h) {
  __u32 zero = 0;
  struct following* f = bpf_map_lookup_elem(&following, &zero);
  if (!f || !h) return 1;
  __u64 a[2], b[2];
  __builtin_memcpy(a, h->address, sizeof a);
  __builtin_memcpy(b, h->address + 4, sizeof b);
  int second = a[0] != b[0] ? a[0] > b[0] : a[1] != b[1] ? a[1] > b[1] : h->ports[0] > h->ports[1];
  f->key.address[0] = second ? b[0] : a[0];
  f->key.address[1] = second ? b[1] : a[1];
  f->key.address[2] = second ? a[0] : b[0];
  f->key.address[3] = second ? a[1] : b[1];
  f->key.ports[0] = second ? h->ports[1] : h->ports[0];
  f->key.ports[1] = second ? h->ports[0] : h->ports[1];
  f->key.v6 = h->v6;
  f->from = second;
  f->flags = h->flags;
  f->packets = wire_packets(skb, h->l3);
  f->bytes = frame_bytes(skb, h->l3);
  return 0;
}

/* The connection's entry for the rule in the key, made if there was none: with what has passed since `since` of it
 * unseen. Null: no room. */
static __always_inline struct fl_connection* entry_of(struct following* f, struct fl_tally* tally, __u64 since) {
  struct fl_connection* known = bpf_map_lookup_elem(&connections, &f->key);
  if (known) return known;
  __builtin_memset(&f->fresh, 0, sizeof f->fresh);
  f->fresh.last = since;
  int first = !bpf_map_update_elem(&connections, &f->key, &f->fresh, BPF_NOEXIST);
  known = bpf_map_lookup_elem(&connections, &f->key);
  if (known && first) tally->flows_met++;
  if (!known) tally->untracked += f->packets;
  return known;
}

/* Whether the packet put down is one that a rule with FL_FILTER_SILENT takes: of a connection that is forgotten. */
__attribute__((noinline)) int is_forgotten(__u32 index, __u64 t) {
  __u32 zero = 0;
  struct following* f = bpf_map_lookup_elem(&following, &zero);
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!f || !rule || !tally) return 0;
  f->key.rule = index;
  int opens = f->flags & TCP_SYN; /* with ACK as well: a rule of one direction may see no other */
  struct fl_connection* c = entry_of(f, tally, opens ? t : rule->start);
  if (!c) return 0;
  if (opens) { /* anew, by the same ports */
    if (c->broken) tally->flows_met++;
    c->broken = 0;
    c->finished = 0;
  } else if (!c->broken && (__s64)(t - c->last) >= (__s64)rule->limit) {
    c->broken = 1;
    tally->flows_dead++;
  }
  if (c->broken) return 1;
  c->last = t;
  count_match(tally, f->packets, f->bytes, 0);
  /* It is over, and makes room: after an RST, and after what follows both FINs. */
  if (f->flags & TCP_FIN) {
    c->finished |= 1 << f->from;
  } else if ((f->flags & TCP_RST) || c->finished == 3) {
    bpf_map_delete_elem(&connections, &f->key);
  }
  return 0;
}

#endif
