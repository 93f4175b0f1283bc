/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet meets its rules: the channel maths, in the order of the rules, with every count. The player does this for
 * what is held or split; the selector does it itself for what is neither, which then never crosses the pen. Only the
 * player's build (FL_HOLDS) has what holds or changes packets: see hold.bpf.h. */
#ifndef FAULTLINE_BPF_CHANNEL_H
#define FAULTLINE_BPF_CHANNEL_H

#include "faults/bpf/bank.bpf.h"
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

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2); /* two a rule, one each way */
  __type(key, __u32);
  __type(value, struct fl_state);
} states SEC(".maps");

#define SETTLED_NS FL_DRAIN /* after this long nothing of a flow is still under way, whatever the counts say */

#define BOTH_WAYS 2

/* Short, since kernel 6.1 rounds each frame of the selector's chain up to 32 bytes, and 512 are all there are. No holes
 * in it: global functions take it as a whole, and every byte of it has to be written. */
struct packet {
  __u64 rules; /* still to be met */
  __u64 t;
  __u64 key, client;
  __u32 bytes;
  __u32 number;     /* of the packet in its flow and direction */
  __u16 stream;     /* keeps the directions' draws apart */
  __u16 length;     /* of the IP packet, of a bundle that of its longest on the wire; only where rules ask */
  __u32 first_rule; /* where the rule of bit 0 stands */
  __u32 packets;
  __u32 fault; /* the last one met, + 1: two rules of a fault (one for each kind of peer) act once */
  __u8 dropped, chance, holds, composed; /* look_ahead() stops by one of them; a verifier that takes it for 0
                                            (docs/kernels.md) makes its loop longer, no more */
  __u8 way;                              /* 0: leaves the site, 1: arrives, BOTH_WAYS: on lo */
  __u8 turns;                            /* the conversation's direction */
  __u8 drew;                             /* a share of the connections or clients was drawn: see count_draws() */
#ifdef FL_HOLDS
  __u8 cut, free_order;
  __u8 copies, flip; /* copies: beside the packet itself; flip: stamp flags */
  __u8 delayed_too;  /* by the rule whose rate it is, which counts it once */
  __u32 rate_rule;
  __u64 now;
  __u64 rate;  /* the lowest so far, of rule rate_rule */
  __u64 delay; /* sum so far */
  __u64 ends;  /* latest end of the rules that delay, since T0 */
#else
  __u8 pad;
#endif
};

/* Whether a rule is about longer packets alone. A bundle that meets it nevertheless is split before it does. */
static __always_inline int too_short(struct packet* p, struct fl_rule* rule) {
  return SIZES && rule->above && p->length <= rule->above;
}

/* What do the rules ask for now, without drawing: something per wire packet, a delay? One rule a call, lowest first,
 * until what the caller is to decide is certain: the selector, whether the packet needs the pen; the player, whether it
 * is to be split. */
#ifdef FL_HOLDS
#define ENOUGH chance
#else
#define ENOUGH holds
#endif
static long look_ahead(__u32 i, struct packet* p) {
  if (!p->rules || p->ENOUGH) return 1;
  __u32 index;
  struct fl_rule* rule = rule_at(p->first_rule + lowest_bit(p->rules), &index);
  p->rules &= p->rules - 1;
  if (!rule || too_short(p, rule)) return 0;
  struct fl_present* now = presently(index, rule, p->t);
  if (!now) return 0;
  __u64 loss = now->value[FL_LOSS];
  if (SIZES && rule->above && now->asks) p->chance = 1;       /* some of a bundle may be short enough */
  if (FOLLOWS && (rule->flags & FL_RULE_SENT)) p->chance = 1; /* or not beyond */
  if (loss && (loss < FL_ONE || (rule->flags & FL_RULE_BURSTS))) p->chance = 1;
  if (now->asks & FL_HOLDING) p->holds = 1;
  if (now->asks & FL_HOLDING & ~FL_USES(FL_DELAY))
    p->chance = 1; /* all but a plain delay is decided for each wire packet */
  return 0;
}

/* Whether something of this site may still be in the splitter. */
static __always_inline int splitting(struct fl_flight* flight, __u64 now) {
  return READ_ONCE(flight->split_in) != READ_ONCE(flight->split_out) &&
         now - READ_ONCE(flight->split_last) < SETTLED_NS;
}

/* Whether what was given back a moment ago may still be on its way out of its device, on another CPU: it has been
 * counted before it is sent, since nothing of ours runs after. */
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
  return now < held_until + SETTLED_NS &&
         (READ_ONCE(flight->line_in) != READ_ONCE(flight->line_out) || returning(flight, now));
}

static __always_inline void count_in_flow(struct packet* p, struct fl_flow* flow, __u32 facts) {
  p->key = flow->key;
  p->client = flow->client;
  p->number = __sync_fetch_and_add(&flow->count[facts & FROM_CLIENT], p->packets);
  p->stream = (facts & FROM_CLIENT) * FL_STREAM_FROM_CLIENT;
  if (facts & CARRIES) {
    __u16 who = 1 + (facts & FROM_CLIENT);
    p->turns = flow->spoke != who;
    if (p->turns) flow->spoke = who;
  }
}

/* The loss in the chain's present state; the chain takes a step. Two CPUs may step at once: a step is then drawn by
 * another number than it would have been, never twice by one. */
static __always_inline __u64 burst_loss(struct packet* p, struct fl_rule* rule, __u32 index, __u64 factor) {
  __u32 at = 2 * index + (p->way & 1);
  struct fl_state* state = bpf_map_lookup_elem(&states, &at);
  if (!state) return 0;
  __u32 n = __sync_fetch_and_add(&state->steps, 1);
  __u64 random = fl_random(rule->seed, FL_STREAM_CHAIN + (p->way & 1) * FL_STREAM_FROM_CLIENT, 0, n);
  __u32 bad = state->bad;
  if (fl_lost(random, bad ? rule->bursts.leave : rule->bursts.enter)) state->bad = bad = !bad;
  return fl_scaled(bad ? rule->bursts.bad : rule->bursts.good, factor);
}

/* Connections and clients by fault, so that each is counted once. When there is no more room, those that come are not.
 */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_DRAWN);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_drawn);
  __type(value, __u32);
} subjects SEC(".maps");

/* How a rule's shares took a packet: kept with what the rule asks for until all rules are met. */
enum { MET_FLOW = 1, DEAD_FLOW = 2, MET_CLIENT = 4, DEAD_CLIENT = 8 };

static __always_inline int first_seen(struct fl_drawn* drawn) {
  __u32 seen = 1;
  if (bpf_map_lookup_elem(&subjects, drawn)) return 0;
  return !bpf_map_update_elem(&subjects, drawn, &seen, BPF_NOEXIST);
}

/* Counts what the shares of `mask`, rules that have been met, took. A global function that nothing calls from within
 * the rules' loop, where the stack has no room for it. */
__attribute__((noinline)) int count_draws(__u64 mask, __u32 first_rule, __u64 key, __u64 client) {
  for (int i = 0; i < FL_MAX_RULES_PER_SITE; i++) {
    if (!mask) break;
    __u32 index = number_at(first_rule + lowest_bit(mask));
    mask &= mask - 1;
    struct fl_present* now = bpf_map_lookup_elem(&presents, &index);
    if (!now || !now->drew) continue;
    __u32 drew = now->drew;
    now->drew = 0;
    struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
    struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
    if (!rule || !tally) continue;
    struct fl_drawn drawn = {.fault = rule->fault, .how = FL_STREAM_FLOWS, .key = key};
    if ((drew & MET_FLOW) && first_seen(&drawn)) tally->flows_met++;
    drawn.how = FL_STREAM_FLOWS | FL_DREW_DEAD;
    if ((drew & DEAD_FLOW) && first_seen(&drawn)) tally->flows_dead++;
    drawn.key = client;
    drawn.how = FL_STREAM_CLIENTS;
    if ((drew & MET_CLIENT) && first_seen(&drawn)) tally->clients_met++;
    drawn.how = FL_STREAM_CLIENTS | FL_DREW_DEAD;
    if ((drew & DEAD_CLIENT) && first_seen(&drawn)) tally->clients_dead++;
  }
  return 0;
}

enum { KEPT, LOST, DEAD };

/* Whether this rule drops the packet, by chance of packet, connection or client. In the player a function of its own,
 * as inlined its paths would multiply with those of the rest; in the selector, whose stack is the shorter supply,
 * inlined. */
#ifdef FL_HOLDS
__attribute__((noinline))
#else
static __always_inline
#endif
int loses(struct packet* p, struct fl_rule* rule, struct fl_present* now, __u32 index) {
  if (!p || !rule || !now) return KEPT;
  __u64 loss = now->value[FL_LOSS], flows = now->value[FL_FLOWS], clients = now->value[FL_CLIENTS];
  __u32 stream = FL_STREAM_LOSS;
  if (loss && (rule->flags & FL_RULE_BURSTS)) {
    loss = burst_loss(p, rule, index, loss);
    stream = FL_STREAM_CHAIN_LOSS;
  }
  /* The fault's seed, and not the rule's: it is the same draw at every site. */
  if (flows || clients) {
    int dead_flow = flows && fl_lost(fl_random(rule->fault_seed, FL_STREAM_FLOWS, p->key, 0), flows);
    int dead_client = clients && fl_lost(fl_random(rule->fault_seed, FL_STREAM_CLIENTS, p->client, 0), clients);
    now->drew = (flows ? MET_FLOW : 0) | (dead_flow ? DEAD_FLOW : 0) | (clients ? MET_CLIENT : 0) |
                (dead_client ? DEAD_CLIENT : 0);
    p->drew = 1;
    if (dead_flow || dead_client) return DEAD;
  }
  return loss && fl_lost(fl_random(rule->seed, stream + p->stream, p->key, p->number), loss);
}

#ifdef FL_HOLDS
int is_beyond(__u32 index);
int hold_by_rule(struct packet* p, struct fl_rule* rule, struct fl_present* now, __u32 index);
int change_by_rule(struct packet* p, struct fl_rule* rule, struct fl_present* now, __u32 index);
static __always_inline void count_effects(struct fl_tally* tally, struct packet* p, int effects);
#endif

static long meet_rule(__u32 i, struct packet* p) {
  if (!p->rules) return 1;
  __u32 index;
  struct fl_rule* rule = rule_at(p->first_rule + lowest_bit(p->rules), &index);
  p->rules &= p->rules - 1;
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!rule || !tally || p->t < rule->start || p->t >= rule->end) return 0;
  if ((rule->flags & (FL_RULE_OUT | FL_RULE_IN)) && p->way != BOTH_WAYS &&
      !(rule->flags & (p->way ? FL_RULE_IN : FL_RULE_OUT)))
    return 0;
  if (too_short(p, rule)) return 0;
  struct fl_present* now = presently(index, rule, p->t);
  if (!now) return 0;
#ifdef FL_HOLDS
  __u32 asks = now->asks & (FL_DROPPING | FL_CHANGING | FL_DELAYING); /* to reorder is of no meaning without a delay */
#else
  __u32 asks = now->asks & FL_DROPPING;
#endif
  if (!asks) return 0; /* between episodes */
#ifdef FL_HOLDS
  if (FOLLOWS && (rule->flags & FL_RULE_SENT) && !is_beyond(index)) {
    count_match(tally, p->packets, p->bytes, p->composed);
    return 0;
  }
#endif
  if (p->fault == rule->fault + 1) {
    tally->shared += p->packets;
    return 0;
  }
  p->fault = rule->fault + 1;
  count_match(tally, p->packets, p->bytes, p->composed);
  int lost = asks & FL_DROPPING ? loses(p, rule, now, index) : KEPT;
  if (lost) {
    tally->dropped += p->packets;
    if (lost == DEAD) tally->dead += p->packets;
    mark_affected(tally, p->t);
    p->dropped = 1;
    return 1;
  }
#ifdef FL_HOLDS
  int effects = 0;
  if (asks & FL_CHANGING) effects = change_by_rule(p, rule, now, index);
  if (asks & FL_DELAYING) effects |= hold_by_rule(p, rule, now, index);
  if (effects) count_effects(tally, p, effects);
#endif
  return 0;
}

#endif
