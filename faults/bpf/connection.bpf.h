/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections as a middlebox has them, one by one: rules that are about how long one was silent, or how much it
 * carried. Asked by the selector's second stage, for TCP alone, and by the player, for bundles that are split. The
 * table is exact: its keys are the connections themselves, so that none is taken for another, as in the fixed buckets
 * of flow.bpf.h. It is bounded; what there is no room for passes and is counted. */
#ifndef FAULTLINE_BPF_CONNECTION_H
#define FAULTLINE_BPF_CONNECTION_H

#include "faults/answer_abi.h"
#include "faults/bpf/bank.bpf.h"
#include "faults/bpf/headers.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_connection_key);
  __type(value, struct fl_connection);
} connections SEC(".maps");

/* Connections that were closed and made room. What still comes of one, a FIN sent again, segments behind an RST, or all
 * of it where its receiver did not believe the RST, is nobody's silence: it passes. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1);
  __type(key, struct fl_connection_key);
  __type(value, __u8);
} ended SEC(".maps");

/* The packet at hand, as all of its rules ask about it. A map, since stacks have no room for it. */
struct following {
  struct fl_connection_key key; /* but for the rule */
  struct fl_connection fresh;
  __u32 packets, bytes;
  __u32 seq, payload; /* number of its first byte; of payload, in bytes */
  __u32 size;         /* of a bundle: payload of each wire packet but the last; else 0 */
  __u8 from;          /* which of the key's ends sent it */
  __u8 flags;
  __u8 pad[2];
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
  f->seq = bpf_ntohl(h->seq);
  f->payload = h->length > h->header ? h->length - h->header : 0;
  f->size = skb->gso_size;
  f->packets = wire_packets(skb, h->l3);
  f->bytes = frame_bytes(skb, h->l3);
  return 0;
}

/* The connection's entry for the rule in the key, made if there was none: with what has passed since `since` of it
 * unseen. Null: it passes, as there is no room, or it has ended. */
static __always_inline struct fl_connection* entry_of(struct following* f, struct fl_tally* tally, __u64 since) {
  struct fl_connection* known = bpf_map_lookup_elem(&connections, &f->key);
  if (known) return known;
  if (!(f->flags & TCP_SYN) && bpf_map_lookup_elem(&ended, &f->key)) {
    count_match(tally, f->packets, f->bytes, 0);
    return 0;
  }
  __builtin_memset(&f->fresh, 0, sizeof f->fresh);
  f->fresh.last = since;
  int first = !bpf_map_update_elem(&connections, &f->key, &f->fresh, BPF_NOEXIST);
  known = bpf_map_lookup_elem(&connections, &f->key);
  if (known && first) tally->flows_met++;
  if (!known) tally->untracked += f->packets;
  return known;
}

/* A SYN begins it anew, by the same ports. With ACK as well: of a connection opened from beyond, a rule of one
 * direction sees no other. */
static __always_inline void open_anew(struct following* f, struct fl_connection* c, struct fl_tally* tally) {
  __u32 who = f->from & 1;
  if (c->dead) tally->flows_met++;
  c->broken = 0;
  c->dead = 0;
  c->finished = 0;
  c->beyond = 0;
  c->crossed = 0;
  c->based = f->flags & TCP_ACK ? c->based | 1 << who : 1 << who;
  c->base[who] = f->seq + 1;
}

static __always_inline void count_dead(struct fl_connection* c, struct fl_tally* tally) {
  if (!c->dead) tally->flows_dead++;
  c->dead = 1;
}

/* A packet of the connection that passes. It is over, and makes room, after an RST, and after what follows the FINs of
 * all ends that are seen. */
static __always_inline void let_pass(struct following* f, struct fl_connection* c, struct fl_tally* tally) {
  count_match(tally, f->packets, f->bytes, 0);
  c->seen |= 1 << (f->from & 1);
  if (f->flags & TCP_FIN) {
    c->finished |= 1 << (f->from & 1);
  } else if ((f->flags & TCP_RST) || (c->finished && c->finished == c->seen)) {
    __u8 yes = 1;
    bpf_map_update_elem(&ended, &f->key, &yes, BPF_ANY);
    bpf_map_delete_elem(&connections, &f->key);
  }
}

/* Whether the packet put down is one that a rule with FL_FILTER_SILENT takes: of a connection that is forgotten. */
__attribute__((noinline)) int is_forgotten(__u32 index, __u64 t) {
  __u32 zero = 0;
  struct following* f = bpf_map_lookup_elem(&following, &zero);
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!f || !rule || !tally) return 0;
  f->key.rule = index;
  int opens = f->flags & TCP_SYN;
  struct fl_connection* c = entry_of(f, tally, opens ? t : rule->start);
  if (!c) return 0;
  if (opens) {
    open_anew(f, c, tally);
  } else if (!c->broken && (__s64)(t - c->last) >= (__s64)rule->limit) {
    c->broken = 1;
    count_dead(c, tally);
  }
  if (c->broken) return 1;
  c->last = t;
  let_pass(f, c, tally);
  return 0;
}

enum {
  WITHIN,
  IN_PART,  /* a bundle whose first wire packet is within, and its last is not */
  CROSSING, /* it holds the first byte that is too many */
  BEYOND,   /* it begins behind that */
};

/* Where the packet put down lies: the connection's entry has the number that its first byte counts from. */
static __always_inline int place_of(struct following* f, struct fl_connection* c, __u64 limit) {
  __u32 who = f->from & 1;
  if (!(c->based & (1 << who))) { /* older than the rule: counts from the first packet that is seen */
    c->base[who] = f->seq;
    c->based |= 1 << who;
  }
  __s64 begins = (__s32)(f->seq - c->base[who]), most = (__s64)limit;
  /* A FIN alone as well: let by, it would end the connection while what crosses is still to be sent again. */
  if (begins > most && (f->payload || (f->flags & TCP_FIN))) return BEYOND;
  if (!f->payload || begins + f->payload <= most) return WITHIN;
  return f->size && begins + f->size <= most ? IN_PART : CROSSING;
}

/* Whether what is beyond has been lost before, and nothing in front of it. Then the byte that crosses went past the
 * rule: in a bundle that was left out of the pen, or while faults were lifted. It has arrived, so that nobody sends it
 * again, and its receiver waits for this packet. */
static __always_inline int comes_again(struct following* f, struct fl_connection* c) {
  __u32 who = f->from & 1, bit = 1 << who;
  if (c->crossed & bit) return 0;
  if ((c->beyond & bit) && (__s32)(f->seq - c->ahead[who]) >= 0) return f->seq == c->ahead[who];
  c->ahead[who] = f->seq;
  c->beyond |= bit;
  return 0;
}

/* What a rule with FL_FILTER_SENT makes of the packet put down. One that crosses cuts its connection for good, and only
 * that one: by then all before it has arrived, and an RST has the number that the receiver waits for. What is beyond is
 * lost, and comes again behind one that crosses, or in its place. */
__attribute__((noinline)) int is_cut(__u32 index) {
  __u32 zero = 0;
  struct following* f = bpf_map_lookup_elem(&following, &zero);
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!f || !rule || !tally) return WITHIN;
  f->key.rule = index;
  struct fl_connection* c = entry_of(f, tally, 0);
  if (!c) return WITHIN;
  if (f->flags & TCP_SYN) {
    open_anew(f, c, tally);
  } else if (c->broken) {
    return CROSSING;
  } else {
    int place = place_of(f, c, rule->limit);
    if (place == BEYOND && comes_again(f, c)) place = CROSSING;
    if (place == CROSSING) c->broken = 1;
    if (place == CROSSING || place == BEYOND) count_dead(c, tally);
    if (place != WITHIN) return place;
  }
  let_pass(f, c, tally);
  return WITHIN;
}

#ifdef FL_HOLDS
/* Whether a wire packet of a bundle that was IN_PART is one of those that are not within. It breaks nothing: those in
 * front of it are still on their way. */
__attribute__((noinline)) int is_beyond(__u32 index) {
  __u32 zero = 0;
  struct following* f = bpf_map_lookup_elem(&following, &zero);
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!f || !rule || !tally) return 0;
  f->key.rule = index;
  struct fl_connection* c = bpf_map_lookup_elem(&connections, &f->key);
  if (!c) return 0;
  int place = place_of(f, c, rule->limit);
  if (place != CROSSING && place != BEYOND) return 0;
  if (place == CROSSING) c->crossed |= 1 << (f->from & 1);
  count_dead(c, tally);
  return 1;
}

/* Puts down the packet in the player. Not inlined: its frame is to be gone when the packet meets its rules. */
static __attribute__((noinline)) int note_packet(struct __sk_buff* skb) {
  struct headers h;
  __u32 zero = 0;
  struct following* f = bpf_map_lookup_elem(&following, &zero);
  if (!f) return 1;
  f->key.rule = ~0u;
  f->payload = 0;
  if (read_headers(skb, ETH_HLEN, &h) || h.proto != IPPROTO_TCP) return 1;
  return note_connection(skb, &h);
}
#endif

#endif
