/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet meets its rules: the channel maths, in the order of the rules, with every count. The player does this for what
 * is held or split; the selector does it itself for what is neither, which then never crosses the pen. */
#ifndef FAULTLINE_BPF_CHANNEL_H
#define FAULTLINE_BPF_CHANNEL_H

#include "faults/bpf/flow.bpf.h"
#include "faults/bpf/track.bpf.h"
#include "faults/chance.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct fl_flight);
} flights SEC(".maps");

#define SETTLED_NS 100000000ULL /* after this long nothing of a flow is still under way, whatever the counts say */

struct packet {
  __u64 rules; /* still to be met */
  __u64 now, t;
  __u64 key;
  __u64 delay;   /* sum so far */
  __u64 ends;    /* latest end of the rules that delay, since T0 */
  __u64 bytes;
  __u32 number;  /* of the packet in its flow and direction */
  __u32 stream;  /* keeps the directions' draws apart */
  __u32 first_rule, packets;
  __u32 fault; /* the last one met, + 1: two rules of a fault (one for each kind of peer) act once */
  __u8 dropped, cut, free_order, chance, holds, composed;
};

/* What do the rules ask for now, without drawing: something per wire packet, a delay? One rule a call, lowest first. */
static long look_ahead(__u32 i, struct packet* p) {
  if (!p->rules) return 1;
  __u32 rule = p->first_rule + lowest_bit(p->rules);
  p->rules &= p->rules - 1;
  __u64 loss = track_value(rule * FL_TRACKS + FL_LOSS, p->t);
  __u64 jitter = track_value(rule * FL_TRACKS + FL_JITTER, p->t);
  if ((loss && loss < FL_ONE) || jitter) p->chance = 1;
  if (jitter || track_value(rule * FL_TRACKS + FL_DELAY, p->t)) p->holds = 1;
  return 0;
}

/* Whether something of this site may still be in the splitter. */
static __always_inline int splitting(struct fl_flight* flight, __u64 now) {
  return READ_ONCE(flight->split_in) != READ_ONCE(flight->split_out) && now - READ_ONCE(flight->split_last) < SETTLED_NS;
}

/* Whether what was given back a moment ago may still be on its way out of its device, on another CPU: it has been counted
 * before it is sent, since nothing of ours runs after. */
#define RETURNING_NS 1000000ULL
static __always_inline int returning(struct fl_flight* flight, __u64 now) {
  return now < READ_ONCE(flight->returned_last) + RETURNING_NS;
}

/* Whether something of this site may still be on its way to the player's decision. */
static __always_inline int crossing(struct fl_flight* flight, __u64 now) {
  return READ_ONCE(flight->entered) != READ_ONCE(flight->left) && now - READ_ONCE(flight->entered_last) < SETTLED_NS;
}

/* Whether something of this flow may still be in the line. */
static __always_inline int waiting(struct fl_flight* flight, __u64 held_until, __u64 now) {
  return now < held_until + SETTLED_NS && (READ_ONCE(flight->line_in) != READ_ONCE(flight->line_out) || returning(flight, now));
}

static __always_inline void count_in_flow(struct packet* p, struct fl_flow* flow, __u32 direction) {
  p->key = flow->key;
  p->number = __sync_fetch_and_add(&flow->count[direction & 1], p->packets);
  p->stream = (direction & 1) * FL_STREAM_FROM_CLIENT;
}

static long meet_rule(__u32 i, struct packet* p) {
  if (!p->rules) return 1;
  __u32 index = p->first_rule + lowest_bit(p->rules);
  p->rules &= p->rules - 1;
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!rule || !tally || p->t < rule->start || p->t >= rule->end) return 0;
  __u64 loss = track_value(index * FL_TRACKS + FL_LOSS, p->t);
  __u64 delay = track_value(index * FL_TRACKS + FL_DELAY, p->t);
  __u64 jitter = track_value(index * FL_TRACKS + FL_JITTER, p->t);
  if (!loss && !delay && !jitter) return 0; /* between episodes */
  if (p->fault == rule->fault + 1) return 0;
  p->fault = rule->fault + 1;
  tally->matched += p->packets;
  tally->bytes += p->bytes;
  if (p->composed) tally->composed += p->packets;
  if (loss && fl_lost(fl_random(rule->seed, FL_STREAM_LOSS + p->stream, p->key, p->number), loss)) {
    tally->dropped += p->packets;
    if (!tally->first_affected) tally->first_affected = p->t;
    tally->last_affected = p->t;
    p->dropped = 1;
    return 1;
  }
  if (delay || jitter) {
    __s64 drawn = delay;
    if (jitter) drawn += fl_jitter(fl_random(rule->seed, FL_STREAM_JITTER + p->stream, p->key, p->number), jitter);
    if (drawn > 0) {
      if (p->t + drawn > rule->end) {
        drawn = rule->end - p->t;
        tally->released_at_end += p->packets;
        p->cut = 1;
      }
      p->delay += drawn;
      if (rule->end > p->ends) p->ends = rule->end;
      tally->delayed += p->packets;
      if (!tally->first_affected) tally->first_affected = p->t;
      tally->last_affected = p->t;
    }
    if (rule->flags & FL_RULE_FREE_ORDER) p->free_order = 1;
  }
  return 0;
}

#endif
