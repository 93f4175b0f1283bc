/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The player: what runs inside the pen, far from the sender, where a drop is silent. It reads each rule's channel by the
 * clock and decides, per wire packet: drop, straight back, or hold until due. GSO packets that meet a chance per packet go
 * once through the splitter first. Runs on every far veth, on the splitter's far end, and on the TAP for what returns. */
#include "faults/bpf/common.bpf.h"
#include "faults/bpf/flow.bpf.h"
#include "faults/bpf/track.bpf.h"
#include "faults/chance.h"
#if FL_MODERN
#include "faults/bpf/owner.bpf.h"
#endif

const volatile struct fl_player_config pen SEC(".rodata");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_site);
} sites SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct fl_flight);
} flights SEC(".maps");

#define SETTLED_NS 100000000ULL /* after this long nothing of a flow is still under way, whatever the counts say */

#if FL_MODERN
SEC("syscall") int set_owner(void* ctx) { /* run once, by the owner itself */
  __u32 zero = 0;
  struct owner* o = bpf_map_lookup_elem(&owners, &zero);
  if (!o) return 1;
  struct task_struct* t = bpf_task_acquire(bpf_get_current_task_btf());
  if (!t) return 2;
  t = bpf_kptr_xchg(&o->task, t);
  if (t) bpf_task_release(t);
  return 0;
}
#endif

/* The score's clock, which is not user space's in a time namespace. */
SEC("syscall") int read_clock(struct { __u64 now; } *out) {
  out->now = bpf_ktime_get_ns();
  return 0;
}

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
  __u8 dropped, cut, free_order, chance, composed;
};

/* Does any rule draw per packet now? One rule a call, lowest first. */
static long look_for_chance(__u32 i, struct packet* p) {
  if (!p->rules) return 1;
  __u32 rule = p->first_rule + lowest_bit(p->rules);
  p->rules &= p->rules - 1;
  __u64 loss = track_value(rule * FL_TRACKS + FL_LOSS, p->t);
  if ((loss && loss < FL_ONE) || track_value(rule * FL_TRACKS + FL_JITTER, p->t)) p->chance = 1;
  return p->chance ? 1 : 0;
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

static __always_inline struct fl_slot* read_stamp(struct __sk_buff* skb, struct fl_stamp* stamp) {
  if (bpf_skb_load_bytes(skb, 0, stamp, sizeof *stamp) || stamp->magic != FL_STAMP_MAGIC) return 0;
  __u32 n = stamp->slot;
  struct fl_slot* slot = bpf_map_lookup_elem(&slots, &n);
  return slot && slot->rules ? slot : 0;
}

static __always_inline int play(struct __sk_buff* skb, int split) {
  struct fl_stamp stamp;
  __u32 zero = 0, direction = 0;
  struct fl_control* c = get_control();
  struct fl_slot* slot = read_stamp(skb, &stamp);
  if (!slot || !c) { /* nobody but the selector may send into the pen */
    struct fl_site_tally* t = bpf_map_lookup_elem(&site_tallies, &zero);
    if (t) t->alien++;
    return DROP;
  }
  __u32 site_index = slot->site, slot_index = stamp.slot;
  struct fl_site* site = bpf_map_lookup_elem(&sites, &site_index);
  struct fl_flight* flight = bpf_map_lookup_elem(&flights, &site_index);
  struct fl_ledger* ledger = bpf_map_lookup_elem(&ledgers, &slot_index);
  if (!site || !flight || !ledger) return DROP;

  struct packet p = {.rules = slot->rules, .first_rule = site->first_rule};
  p.now = bpf_ktime_get_ns();
  p.t = p.now - c->epoch;
  p.packets = wire_packets(skb);
  p.bytes = skb->len;
  p.composed = !!(slot->rules & (slot->rules - 1));
  if (split) {
    ledger->split_out += p.packets;
    __sync_fetch_and_add(&flight->split_out, p.packets);
  } else {
    ledger->arrived += p.packets;
    int follows = READ_ONCE(flight->split_in) != READ_ONCE(flight->split_out) && p.now - flight->split_last < SETTLED_NS;
    if (skb->gso_size && !follows) {
      bpf_loop(FL_MAX_RULES_PER_SITE, look_for_chance, &p, 0);
      p.rules = slot->rules;
      follows = p.chance;
    }
    if (follows) { /* a packet behind split ones takes their way, or it would overtake them */
      ledger->split_in += p.packets;
      __sync_fetch_and_add(&flight->split_in, p.packets);
      WRITE_ONCE(flight->split_last, p.now);
      return bpf_redirect(pen.splitter, 0);
    }
  }

  struct fl_flow* flow = find_flow(skb, site_index, &direction);
  __u64 held_until = 0;
  if (flow) {
    p.key = flow->key;
    p.number = __sync_fetch_and_add(&flow->count[direction & 1], p.packets);
    p.stream = (direction & 1) * FL_STREAM_FROM_CLIENT;
    held_until = READ_ONCE(flow->last_due[direction & 1]);
  }
  bpf_loop(FL_MAX_RULES_PER_SITE, meet_rule, &p, 0);
  if (p.dropped) {
    ledger->dropped += p.packets;
    return DROP;
  }
  __u64 due = p.now + p.delay;
  if (p.delay) {
    if (p.t + p.delay > p.ends) {
      due = c->epoch + p.ends;
      p.cut = 1;
    }
    if (due > p.now + FL_MAX_HOLD_NS) due = p.now + FL_MAX_HOLD_NS;
  }
  if (!p.free_order && held_until > due) due = held_until;
  int behind = READ_ONCE(flight->line_in) != READ_ONCE(flight->line_out) && p.now < held_until + SETTLED_NS;
  if (due == p.now && (!behind || p.free_order)) {
    ledger->straight += p.packets;
    return bpf_redirect_peer(site->far, 0);
  }
  if (flow) WRITE_ONCE(flow->last_due[direction & 1], due);
  stamp.flags = p.cut ? FL_STAMP_CUT : 0;
  stamp.hold = ticks(due - p.now);
  stamp.due = ticks(due);
  if (bpf_skb_store_bytes(skb, 0, &stamp, sizeof stamp, 0)) {
    struct fl_site_tally* t = bpf_map_lookup_elem(&site_tallies, &site_index);
    if (t) t->errors += p.packets;
    ledger->held += p.packets; /* never comes out: the books show it as undelivered */
    return DROP;
  }
  ledger->held += p.packets;
  __sync_fetch_and_add(&flight->line_in, p.packets);
  return bpf_redirect(pen.tap, 0);
}

SEC("tc") int play_arrival(struct __sk_buff* skb) { return play(skb, 0); } /* far veth, ingress */
SEC("tc") int play_split(struct __sk_buff* skb) { return play(skb, 1); }   /* splitter's far end, ingress */

SEC("tc") int from_line(struct __sk_buff* skb) { /* TAP, ingress */
  struct fl_stamp stamp;
  struct fl_slot* slot = read_stamp(skb, &stamp);
  if (!slot) return DROP;
  __u32 site_index = slot->site;
  struct fl_site* site = bpf_map_lookup_elem(&sites, &site_index);
  struct fl_flight* flight = bpf_map_lookup_elem(&flights, &site_index);
  if (!site || !flight) return DROP;
  __sync_fetch_and_add(&flight->line_out, wire_packets(skb));
  return bpf_redirect_peer(site->far, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
