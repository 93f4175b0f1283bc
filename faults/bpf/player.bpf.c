/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The player: what runs inside the pen, far from the sender, where a drop is silent. It reads each rule's channel by
 * the clock and decides, per wire packet: drop, straight back, or hold until due. GSO packets that meet a chance per
 * packet go once through the splitter first. Runs on every far veth, on the splitter's far end, and on the TAP for what
 * returns. */
#include "faults/bpf/common.bpf.h"
#include "faults/bpf/hold.bpf.h"
#include "faults/bpf/losses.bpf.h"
#if FL_MODERN
#include "faults/bpf/owner.bpf.h"
#endif

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_site);
} sites SEC(".maps");

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
SEC("syscall") int read_clock(struct { __u64 now; } * out) {
  out->now = bpf_ktime_get_ns();
  return 0;
}

static __always_inline struct fl_slot* read_stamp(struct __sk_buff* skb, struct fl_stamp* stamp) {
  if (bpf_skb_load_bytes(skb, 0, stamp, sizeof *stamp) || stamp->magic != FL_STAMP_MAGIC) return 0;
  __u32 n = stamp->slot;
  struct fl_slot* slot = bpf_map_lookup_elem(&slots, &n);
  return slot && slot->rules ? slot : 0;
}

static __always_inline void count_error(__u32 site, __u32 packets) {
  struct fl_site_tally* t = bpf_map_lookup_elem(&site_tallies, &site);
  if (t) t->errors += packets;
}

static __always_inline int play(struct __sk_buff* skb, int split) {
  struct fl_stamp stamp;
  __u32 zero = 0, facts = 0;
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

  const __u32 first_rule = fl_first_rule(site->first_rule, site->first_bank, slot->bank);
  struct packet p = {.rules = slot->rules, .first_rule = first_rule};
  p.now = bpf_ktime_get_ns();
  p.t = run_time(c, p.now);
  p.way = slot->loopback ? BOTH_WAYS : slot->ingress;
  p.packets = wire_packets(skb, ETH_HLEN);
  p.bytes = skb->len;
  if (pen.sizes && (slot->rules & site->size_rules)) p.length = wire_length(skb, ETH_HLEN);
  p.composed = !!(slot->rules & (slot->rules - 1));
  if (split) {
    ledger->split_out += p.packets;
    __sync_fetch_and_add(&flight->split_out, p.packets);
  } else {
    ledger->arrived += p.packets;
    int follows = splitting(flight, p.now);
    if (skb->gso_size && !follows) {
      bpf_loop(FL_MAX_RULES_PER_SITE, look_ahead, &p, 0);
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

  struct fl_flow* flow = find_flow(skb, ETH_HLEN, site_index, p.now, &facts);
  __u32 direction = facts & FROM_CLIENT;
  __u64 held_until = 0;
  if (flow) {
    count_in_flow(&p, flow, facts);
    held_until = READ_ONCE(flow->last_due[direction]);
  }
  if (pen.follows && (slot->rules & site->sent_rules)) note_packet(skb);
  bpf_loop(FL_MAX_RULES_PER_SITE, meet_rule, &p, 0);
  if (p.drew) count_draws(slot->rules, first_rule, p.key, p.client);
  if (p.rate && !p.dropped && serialise(&p)) p.dropped = 1;
  /* What is damaged its receiver drops. */
  if (pen.losses && (p.dropped || (p.flip && !(p.flip & FL_STAMP_VALID)))) note_loss(skb, ETH_HLEN);
  /* `left` is counted last: by then what comes after can see where this packet is. */
  if (p.dropped) {
    if (p.delay) count_shares(slot->rules, first_rule, 0);
    __sync_fetch_and_add(&flight->left, p.packets);
    ledger->dropped += p.packets;
    return DROP;
  }
  __u64 due = p.now + p.delay;
  if (p.delay) {
    if (p.t + p.delay > p.ends) {
      due = p.now + (p.ends - p.t);
      p.cut = 1;
    }
    if (due > p.now + FL_MAX_HOLD_NS) due = p.now + FL_MAX_HOLD_NS;
    count_shares(slot->rules, first_rule, p.cut ? 0 : p.packets * (1 + p.copies));
  }
  if (!p.free_order && held_until > due) due = held_until;
  int behind = waiting(flight, held_until, p.now);
  if (due == p.now && (!behind || p.free_order) && !p.copies && !p.flip) {
    ledger->straight += p.packets;
    WRITE_ONCE(flight->returned_last, p.now);
    __sync_fetch_and_add(&flight->left, p.packets);
    return bpf_redirect_peer(site->far, 0);
  }
  if (flow && !p.free_order) WRITE_ONCE(flow->last_due[direction], due);
  stamp.flags = (p.cut ? FL_STAMP_CUT : 0) | p.flip;
  stamp.hold = ticks(due - p.now);
  stamp.due = ticks(due);
  if (bpf_skb_store_bytes(skb, 0, &stamp, sizeof stamp, 0)) {
    count_error(site_index, p.packets);
    ledger->held += p.packets; /* never comes out: the books show it as undelivered */
    return DROP;
  }
  for (int copy = 0; copy < FL_MAX_COPIES && copy < p.copies; copy++) {
    ledger->held += p.packets;
    __sync_fetch_and_add(&flight->line_in, p.packets);
    if (bpf_clone_redirect(skb, pen.tap, 0)) count_error(site_index, p.packets); /* never comes out, as above */
  }
  ledger->held += p.packets;
  __sync_fetch_and_add(&flight->line_in, p.packets);
  __sync_fetch_and_add(&flight->left, p.packets);
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
  WRITE_ONCE(flight->returned_last, bpf_ktime_get_ns()); /* before it is counted as out: see channel.bpf.h */
  __sync_fetch_and_add(&flight->line_out, wire_packets(skb, ETH_HLEN));
  return bpf_redirect_peer(site->far, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
