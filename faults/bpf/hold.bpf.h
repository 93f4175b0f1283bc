/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the player alone does to a packet: wait, by delay, jitter and rate; arrive twice, damaged, or ahead of its turn.
 * In the order corrupt, duplicate, queue, serialise, propagate, reorder; loss came before. Of several rates on one
 * packet the lowest owns it. */
#ifndef FAULTLINE_BPF_HOLD_H
#define FAULTLINE_BPF_HOLD_H

#define FL_HOLDS 1
#include "faults/bpf/channel.bpf.h"
#include "faults/bpf/connection.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_curve);
} curves SEC(".maps");

/* A value of a curve. A global function: the verifier checks it once. */
__attribute__((noinline)) int curve_value(__u32 which, __u32 u) {
  struct fl_curve* curve = bpf_map_lookup_elem(&curves, &which);
  return curve ? fl_curve_at(curve, u) : 0;
}

/* The 32-bit fraction that correlated jitter draws next: an AR(1) process of Gaussians, put back to even shares, so
 * that any distribution keeps its shape whatever the correlation. */
__attribute__((noinline)) __u32 next_share(__u32 at, __u32 random, __s32 rho, __s32 innovation) {
  __u32 phi = FL_CURVE_PHI;
  struct fl_state* state = bpf_map_lookup_elem(&states, &at);
  struct fl_curve* curve = bpf_map_lookup_elem(&curves, &phi);
  if (!state || !curve) return random;
  __s32 fresh = curve_value(FL_CURVE_NORMAL, random);
  /* The first one is drawn from the stationary distribution. */
  __s32 level = state->begun ? fl_next_level(state->level, fresh, rho, innovation) : fresh;
  state->begun = 1;
  state->level = level;
  return fl_normal_share(curve, level);
}

static __always_inline __s64 draw_jitter(struct packet* p, struct fl_rule* rule, __u32 index, __u64 jitter) {
  __u64 random = fl_random(rule->seed, FL_STREAM_JITTER + p->stream, p->key, p->number);
  if (rule->rho) {
    __u32 at = 2 * index + (p->way & 1);
    random = (__u64)next_share(at, random >> 32, rule->rho, rule->innovation) << 32;
  }
  return rule->curve ? fl_spread(jitter, curve_value(rule->curve, random >> 32)) : fl_jitter(random, jitter);
}

static __always_inline int drawn(struct packet* p, struct fl_rule* rule, __u32 stream, __u64 chance) {
  return chance && fl_lost(fl_random(rule->seed, stream + p->stream, p->key, p->number), chance);
}

/* What a rule did to a packet: counted by whoever has its tally at hand. */
enum { CORRUPTED = 1, DUPLICATED = 2, REORDERED = 4, DELAYED = 8, CUT_SHORT = 16 };

static __always_inline void count_effects(struct fl_tally* tally, struct packet* p, int effects) {
  if (effects & DELAYED) tally->delayed += p->packets;
  if (effects & CORRUPTED) tally->corrupted += p->packets;
  if (effects & DUPLICATED) tally->duplicated += p->packets;
  if (effects & REORDERED) tally->reordered += p->packets;
  if (effects & CUT_SHORT) tally->released_at_end += p->packets;
  mark_affected(tally, p->t);
}

/* Global functions from here on, which the verifier checks once each: in one piece the rules' loop has too many paths.
 */
__attribute__((noinline)) int change_by_rule(struct packet* p, struct fl_rule* rule, struct fl_present* now,
                                             __u32 index) {
  int effects = 0;
  if (!p || !rule || !now) return 0;
  __u64 rate = now->value[FL_RATE];
  if (drawn(p, rule, FL_STREAM_CORRUPT, now->value[FL_CORRUPT])) {
    p->flip |= FL_STAMP_FLIP | (rule->flags & FL_RULE_VALID ? FL_STAMP_VALID : 0);
    effects |= CORRUPTED;
  }
  if (p->copies < FL_MAX_COPIES && drawn(p, rule, FL_STREAM_DUPLICATE, now->value[FL_DUPLICATE])) {
    p->copies++; /* each fault adds one */
    effects |= DUPLICATED;
  }
  if (rate && (!p->rate || rate < p->rate)) {
    p->rate = rate;
    p->rate_rule = index;
    p->delayed_too = 0;
  }
  return effects;
}

__attribute__((noinline)) int hold_by_rule(struct packet* p, struct fl_rule* rule, struct fl_present* now,
                                           __u32 index) {
  int effects = DELAYED;
  if (!p || !rule || !now) return 0;
  __s64 delay = now->value[FL_DELAY];
  __u64 jitter = now->value[FL_JITTER];
  if ((rule->flags & FL_RULE_TURNS) && !p->turns) return 0;
  if (jitter) delay += draw_jitter(p, rule, index, jitter);
  if (delay <= 0) return 0;
  if (drawn(p, rule, FL_STREAM_REORDER, now->value[FL_REORDER])) {
    p->free_order = 1; /* ahead of those that wait */
    return REORDERED;
  }
  if (p->t + delay > rule->end) {
    delay = rule->end - p->t;
    effects |= CUT_SHORT;
    p->cut = 1;
  }
  p->delay += delay;
  now->own = delay;
  if (rule->end > p->ends) p->ends = rule->end;
  if (p->rate && p->rate_rule == index) p->delayed_too = 1;
  if (rule->flags & FL_RULE_FREE_ORDER) p->free_order = 1;
  return effects;
}

/* One rule a call, lowest first. */
struct shares {
  __u64 mask;
  __u32 first_rule, packets;
};

static long count_share(__u32 i, struct shares* s) {
  if (!s->mask) return 1;
  __u32 index = number_at(s->first_rule + lowest_bit(s->mask));
  s->mask &= s->mask - 1;
  struct fl_present* now = bpf_map_lookup_elem(&presents, &index);
  if (!now || !now->own) return 0;
  __u32 own = ticks(now->own);
  now->own = 0;
  if (!s->packets) return 0;
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!rule || !tally) return 0;
  count_in(FL_HISTOGRAMS * rule->fault + FL_APPLIED, bucket_of(own), s->packets);
  if (own > tally->applied_max) tally->applied_max = own;
  return 0;
}

/* Counts what each of the rules of `mask` asked of a packet by itself, and forgets it: neither what other rules asked,
 * nor the wait for the packets in front of it. 0 packets: it was dropped after all, or its hold was cut short. */
__attribute__((noinline)) int count_shares(__u64 mask, __u32 first_rule, __u32 packets) {
  struct shares s = {.mask = mask, .first_rule = first_rule, .packets = packets};
  bpf_loop(FL_MAX_RULES_PER_SITE, count_share, &s, 0);
  return 0;
}

#define NS_A_SECOND 1000000000ULL

/* The packet waits for its turn on the link, then takes its time to be sent: the wait is added to its delay. A virtual
 * clock (Zhang 1990) tells when the link will be free. Returns 1 when its queue is full. */
__attribute__((noinline)) int serialise(struct packet* p) {
  if (!p) return 0;
  __u32 index = p->rate_rule, at = 2 * index + (p->way & 1);
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  struct fl_state* state = bpf_map_lookup_elem(&states, &at);
  struct fl_present* present = bpf_map_lookup_elem(&presents, &index);
  if (!rule || !tally || !state || !present || !p->rate) return 0;
  __u64 now = p->now, takes = (__u64)p->bytes * 8 * NS_A_SECOND / p->rate;
  __u64 room = rule->queue_ns;
  if (rule->queue_bytes) room = rule->queue_bytes * 8 * NS_A_SECOND / p->rate;
  __u64 sent = 0;
  for (int i = 0; i < 16; i++) {
    __u64 free_at = READ_ONCE(state->clock), begins = free_at > now ? free_at : now;
    if (begins - now > room) {
      tally->queue_dropped += p->packets;
      if (p->delayed_too) tally->delayed -= p->packets; /* its own rule had held it already */
      mark_affected(tally, p->t);
      return 1;
    }
    if (__sync_val_compare_and_swap(&state->clock, free_at, begins + takes) == free_at) {
      sent = begins + takes;
      break;
    }
  }
  /* Lost against other CPUs sixteen times: the link was busy all along, so its clock is ahead of now. */
  if (!sent) sent = __sync_fetch_and_add(&state->clock, takes) + takes;
  p->delay += sent - now;
  present->own += sent - now; /* the wait is of the rate's own making */
  if (takes >= FL_PACE_NS || sent - now > takes) tally->paced += p->packets;
  if (rule->end > p->ends) p->ends = rule->end;
  if (!p->delayed_too) tally->delayed += p->packets;
  mark_affected(tally, p->t);
  return 0;
}

#endif
