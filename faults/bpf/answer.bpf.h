/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The selector's second stage, for packets that match a rule with a filter or a reply (see answer_abi.h). It leaves
 * out the rules whose filter the packet does not fit. If one of those that remain answers what it drops, the packet is
 * turned into the answer here, before it meets any other rule: an answer is stronger than a loss or a delay, and the
 * pen has no way to give it. Reached by a tail call, since it needs a stack of its own. */
#ifndef FAULTLINE_BPF_ANSWER_H
#define FAULTLINE_BPF_ANSWER_H

#include "faults/bpf/bank.bpf.h"
#include "faults/bpf/connection.bpf.h"
#include "faults/bpf/dns.bpf.h"
#include "faults/bpf/flow.bpf.h"
#include "faults/bpf/losses.bpf.h"
#include "faults/bpf/match.bpf.h"
#include "faults/bpf/refusal.bpf.h"
#include "faults/bpf/track.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, FL_HOOKS);
  __type(key, __u32);
  __type(value, __u32);
} stages SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_answer); /* by rule */
} answers SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
  __uint(max_entries, 1);
  __uint(map_extra, FL_OPENED_HASHES);
  __type(value, struct fl_opened);
} opened SEC(".maps");

struct considering {
  __u64 todo, keep; /* rules still to be looked at; those without a reply that the packet fits */
  __u64 t;
  __u64 connection;
  __u64 named;     /* rules about the name it asks for */
  __u32 bit, rule; /* of the rule with the strongest reply: its bit, and its number */
  __u32 first_rule;
  __u8 reply; /* that reply */
  __u8 proto, flags;
};

static long consider_rule(__u32 i, struct considering* w) {
  if (!w->todo) return 1;
  __u32 local = lowest_bit(w->todo), index;
  struct fl_rule* rule = rule_at(w->first_rule + local, &index);
  __u64 bit = w->todo & -w->todo;
  w->todo &= w->todo - 1;
  if (!rule) return 0;
  struct fl_answer* a = bpf_map_lookup_elem(&answers, &index);
  if (!a || w->t < rule->start || w->t >= rule->end) return 0;
  if (a->filter == FL_FILTER_OPENING && (w->proto != IPPROTO_TCP || (w->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN))
    return 0;
  if (a->filter == FL_FILTER_LOOKUP && !(w->named & bit)) return 0;
  if (a->filter == FL_FILTER_OLD) {
    if (w->proto != IPPROTO_TCP) return 0;
    struct fl_opened o = {.connection = w->connection, .rule = index};
    if (w->flags & TCP_SYN) { /* with ACK as well: of those opened from beyond, a rule of one direction sees no other */
      bpf_map_push_elem(&opened, &o, BPF_ANY);
      return 0;
    }
    if (!bpf_map_peek_elem(&opened, &o)) return 0;
  }
  if (shape.follows && a->filter == FL_FILTER_SILENT && (w->proto != IPPROTO_TCP || !is_forgotten(index, w->t)))
    return 0;
  if (shape.follows && a->filter == FL_FILTER_SENT) {
    int place = w->proto == IPPROTO_TCP ? is_cut(index) : WITHIN;
    if (place == IN_PART) w->keep |= bit;
    if (place == BEYOND && !w->reply) {
      w->reply = FL_REPLY_SILENT;
      w->bit = local;
      w->rule = index;
    }
    if (place != CROSSING) return 0;
  }
  if (!a->reply) {
    w->keep |= bit;
    return 0;
  }
  struct fl_present* now = presently(index, rule, w->t);
  if (!now || now->value[FL_LOSS] < FL_ONE) return 0;
  if (a->reply > w->reply) {
    w->reply = a->reply;
    w->bit = local;
    w->rule = index;
  }
  return 0;
}

/* The same for both directions of a connection. */
static __attribute__((noinline)) __u64 connection_of(const struct headers* h, __u32 site) {
  struct fl_endpoint a, b;
  int a_first;
  __builtin_memcpy(&a.high, h->address, 8);
  __builtin_memcpy(&a.low, h->address + 2, 8);
  __builtin_memcpy(&b.high, h->address + 4, 8);
  __builtin_memcpy(&b.low, h->address + 6, 8);
  a.port = h->ports[0];
  b.port = h->ports[1];
  return fl_flow_hash(site, IPPROTO_TCP, &a, &b, &a_first);
}

enum { UNANSWERED, SILENT, SEND_BACK, SEND_ON };

/* Turns a packet into what is answered to it. `on`: it is the receiver that belongs to the site. */
static __attribute__((noinline)) int respond(struct __sk_buff* skb, const struct headers* h, const struct fl_answer* a,
                                             int on, int ingress) {
  if (h->proto == IPPROTO_UDP) {
    if (a->reply == FL_REPLY_LOOKUP) return write_lookup(skb, h, a) ? SILENT : SEND_BACK;
    if (a->reply != FL_REPLY_REFUSE) return SILENT;
    return write_unreachable(skb, h) ? SILENT : SEND_BACK;
  }
  if (h->proto != IPPROTO_TCP || (h->mac[0] & 1)) return SILENT;
  if (h->flags & TCP_RST) return SILENT; /* never an answer to an answer */
  if (a->reply == FL_REPLY_SENDER) return write_reset(skb, h, 1) ? SILENT : SEND_BACK;
  if (a->reply == FL_REPLY_TELL) return write_reset(skb, h, !on) ? SILENT : on ? SEND_ON : SEND_BACK;
  if ((h->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) { /* the receiver has something to lose */
    volatile __u32 device = skb->ifindex;
    if (write_reset(skb, h, 0)) return SILENT;
    bpf_clone_redirect(skb, device, ingress ? BPF_F_INGRESS : 0);
  }
  return write_reset(skb, h, 1) ? SILENT : SEND_BACK;
}

static __always_inline void count_answer(__u32 rule, __u64 t, __u32 packets, __u32 bytes, int composed, int answered) {
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &rule);
  if (!tally) return;
  count_match(tally, packets, bytes, composed);
  tally->dropped += packets;
  tally->answered += answered;
  mark_affected(tally, t);
}

/* Answers a packet, or leaves in cb[0] and cb[1] the rules that it is still to meet: UNANSWERED. The first stage has
 * put there the rules that it matches, and into cb[2] and cb[3] those for which it leaves the site. Not inlined: its
 * frame is to be gone when the packet meets other rules. */
static __attribute__((noinline)) int answer(const struct fl_selector_config* cfg, struct __sk_buff* skb, __u64 t,
                                            int at) {
  __u64 mask = skb->cb[0] | (__u64)skb->cb[1] << 32, going = skb->cb[2] | (__u64)skb->cb[3] << 32;
  struct considering w;
  __builtin_memset(&w, 0, sizeof w);
  struct headers h;
  w.t = t;
  w.first_rule = first_rule_here(cfg, skb);
  if (!read_headers(skb, l3_at(at), &h)) {
    w.todo = mask & cfg->filtered_rules;
    w.proto = h.proto;
    w.flags = h.flags;
    if (shape.lookups && (mask & cfg->lookup_rules)) {
      if (h.proto == IPPROTO_UDP && h.l4 == FRONT(&h)) w.named = rules_of_lookup(skb, h.l4 + 8);
      if (h.proto == IPPROTO_TCP) w.named = rules_of_lookup(skb, h.l4 + h.header + 2); /* behind its length */
    }
    if (h.proto == IPPROTO_TCP) {
      if (mask & cfg->old_rules) w.connection = connection_of(&h, cfg->site);
      if (shape.follows && (mask & cfg->follow_rules)) note_connection(skb, &h);
    }
    bpf_loop(FL_MAX_RULES_PER_SITE, consider_rule, &w, 0);
  }
  __u64 others = (mask & ~cfg->filtered_rules) | w.keep;
  skb->cb[0] = (__u32)others;
  skb->cb[1] = (__u32)(others >> 32);
  if (!w.reply) return UNANSWERED;
  __u32 rule = w.bit, index = w.rule, packets = wire_packets(skb, l3_at(at)), bytes = frame_bytes(skb, l3_at(at)),
        tc_index = skb->tc_index;
  struct fl_answer* a = bpf_map_lookup_elem(&answers, &index);
  if (!a) return UNANSWERED;
  int on = is_ingress(at) || (is_loopback(at) && !(going >> (rule & 63) & 1));
  if (h.flags & TCP_RST && h.proto == IPPROTO_TCP && w.reply != FL_REPLY_SILENT && w.reply != FL_REPLY_SENDER &&
      (w.reply != FL_REPLY_TELL || on))
    return UNANSWERED; /* it says itself what we would say; but what only its sender is to know ends here */
  skb->cb[0] = tc_index;
  skb->cb[1] = 0;                         /* it has no slot */
  skb->tc_index = shape.reinjection_mark; /* it and its copy pass the selector of this device */
  if (shape.losses) note_dropped(&h);
  int way = w.reply == FL_REPLY_SILENT ? SILENT : respond(skb, &h, a, on, is_ingress(at));
  count_answer(index, t, packets, bytes, !!(mask & (mask - 1)), way != SILENT);
  return way;
}

#endif
