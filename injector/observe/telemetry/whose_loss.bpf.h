/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose loss a segment that is sent again makes good: a fault's, if the fault dropped a part of it, or dropped an
 * acknowledgement of a part of it. A loss makes one retransmission a fault's and is then settled: what is lost once
 * more, elsewhere, is not the fault's a second time. */
#ifndef FAULTLINE_TELEMETRY_WHOSE_LOSS_H
#define FAULTLINE_TELEMETRY_WHOSE_LOSS_H

#include "faults/losses_abi.h"
#include "injector/observe/telemetry/whose.bpf.h"

/* The pen's table, which is there once the pen is. By size: of a map within a map clang 14 leaves types half told. */
struct losses {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(struct fl_loss_key));
  __uint(value_size, sizeof(struct fl_losses));
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1);
  __type(key, __u32);
  __array(values, struct losses);
} telemetry_losses SEC(".maps");

/* A segment that was sent again. */
struct resent {
  struct fl_loss_key key;
  __u32 begin, end;    /* its sequence numbers */
  __u32 unacked, next; /* the connection's: snd_una, snd_nxt */
  __u64 clock;         /* ns: before it was sent. What is lost later may be itself, before this program is called */
  __u32 at, ours;      /* where what is still to be looked at begins; 1: it is a fault's */
  __u32 unsure;        /* 1: a loss that may be of it was forgotten */
  __u32 pad;
};

static __always_inline struct fl_losses* losses_at(struct resent* r, __u32 block) {
  __u32 zero = 0;
  void* table = bpf_map_lookup_elem(&telemetry_losses, &zero);
  if (!table) return 0;
  r->key.block = block;
  return bpf_map_lookup_elem(table, &r->key);
}

/* What is left of a loss when [r->begin, r->end) is made good; what lies behind that, if anything lies in front of it
 * as well, is *behind. */
static __always_inline void settle(struct fl_loss* lost, const struct resent* r, struct fl_loss* behind) {
  __u32 begin = lost->begin, end = lost->end;
  int front = fl_before(begin, r->begin), rest = fl_before(r->end, end);
  if (front && rest) *behind = (struct fl_loss){.begin = r->end, .end = end, .at = lost->at};
  if (front)
    lost->end = r->begin;
  else if (rest)
    lost->begin = r->end;
  else
    lost->at = 0;
}

static long look_in_block(__u32 i, struct resent* r) {
  if (!fl_before(r->at, r->end)) return 1;
  __u32 block = fl_loss_block(r->at);
  r->at = (block + 1) << FL_LOSS_BLOCK_SHIFT;
  struct fl_losses* seen = losses_at(r, block);
  if (!seen) return 0;
  struct fl_loss behind = {};
  for (__u32 j = 0; j < FL_LOSSES_OF_BLOCK; j++) {
    struct fl_loss* lost = &seen->lost[j];
    __u64 at = *(volatile __u64*)&lost->at;
    if (!at) continue;
    if (!fl_before(r->unacked, lost->end)) { /* it has arrived by now */
      lost->at = 0;
      continue;
    }
    if (at >= r->clock || !fl_before(lost->begin, r->end) || !fl_before(r->begin, lost->end)) continue;
    r->ours = 1;
    settle(lost, r, &behind);
  }
  for (__u32 j = 0; j < FL_LOSSES_OF_BLOCK; j++) {
    if (!behind.at) break;
    if (seen->lost[j].at) continue;
    seen->lost[j] = behind;
    behind.at = 0;
  }
  struct fl_loss* gone = &seen->forgotten;
  if (!gone->at) return 0;
  if (!fl_before(r->unacked, gone->end))
    gone->at = 0;
  else if (fl_before(gone->begin, r->end) && fl_before(r->begin, gone->end))
    r->unsure = 1;
  return 0;
}

/* Whether an acknowledgement was dropped that would have kept it from being sent. */
static __always_inline int was_acknowledged(struct resent* r) {
  struct fl_losses* seen = losses_at(r, FL_LOSS_ACKNOWLEDGED);
  if (!seen) return 0;
  int any = 0;
  for (__u32 j = 0; j < FL_LOSSES_OF_BLOCK; j++) {
    __u64 at = *(volatile __u64*)&seen->lost[j].at;
    __u32 number = seen->lost[j].end;
    if (!at || at >= r->clock) continue;
    /* Another number is of a connection that had these ports before. */
    if (!fl_before(r->unacked, number) || fl_before(r->next, number)) continue;
    if (fl_before(r->begin, number)) any = 1;
  }
  return any;
}

enum { OTHERS, OURS, UNSURE };

__attribute__((noinline)) int whose_loss(const struct resent* of) {
  if (!of) return OTHERS;
  struct resent r = *of; /* on the stack, as bpf_loop() and keys of maps are to be */
  r.at = r.begin;
  bpf_loop(FL_LOSS_MOST_BLOCKS, look_in_block, &r, 0);
  if (r.ours || was_acknowledged(&r)) return OURS;
  return r.unsure ? UNSURE : OTHERS;
}

static __always_inline int whose_loss_is(struct sock* sk, struct tcp_sock* tp, struct sk_buff* skb) {
  struct resent r;
  __builtin_memset(&r, 0, sizeof r);
  struct tcp_skb_cb* cb = (void*)__builtin_preserve_access_index(&skb->cb);
  if (bpf_core_read(&r.begin, sizeof r.begin, &cb->seq) || bpf_core_read(&r.end, sizeof r.end, &cb->end_seq))
    return OTHERS;
  r.unacked = tp->snd_una;
  r.next = tp->snd_nxt;
  r.clock = tp->tcp_clock_cache;
  if (sk->__sk_common.skc_family == 10 /* AF_INET6 */) {
    if (bpf_core_read(r.key.from, sizeof r.key.from, &sk->__sk_common.skc_v6_rcv_saddr) ||
        bpf_core_read(r.key.to, sizeof r.key.to, &sk->__sk_common.skc_v6_daddr))
      return OTHERS;
  } else {
    r.key.from[2] = r.key.to[2] = bpf_htonl(0xffff);
    r.key.from[3] = sk->__sk_common.skc_rcv_saddr;
    r.key.to[3] = sk->__sk_common.skc_daddr;
  }
  r.key.ports[0] = bpf_htons(sk->__sk_common.skc_num);
  r.key.ports[1] = sk->__sk_common.skc_dport;
  return whose_loss(&r);
}

#endif
