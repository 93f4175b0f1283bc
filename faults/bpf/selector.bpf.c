/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The selector and the return: what runs in a target's namespace. Loaded once for each shape of site (see
 * fl_selector_shape), so that the verifier cuts away what no site of the shape needs; which site it is, and so which
 * settings hold, the entrance of the site has written into the packet. The selector answers one question, which rules
 * does this packet meet now. What is to be held, or to be split into wire packets first, it sends into the pen; the
 * rest it lets meet its rules here and now. The return puts a packet back where it was taken. FL_MODERN: TCX and kfuncs
 * (6.6+). Otherwise clsact and, in place of the owner's task, the gate below. */
#include "faults/bpf/answer.bpf.h"
#include "faults/bpf/channel.bpf.h"
#include "faults/bpf/home.bpf.h"
#include "faults/bpf/leave.bpf.h"
#include "faults/bpf/losses.bpf.h"
#include "faults/bpf/match.bpf.h"
#include "faults/bpf/mates.bpf.h"
#if FL_MODERN
#include "faults/bpf/owner.bpf.h"
#endif

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_SLOTS);
  __type(key, struct fl_slot);
  __type(value, __u32);
} slot_index SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} slot_next SEC(".maps");

/* The gate: where the entrances of the sites lead to, by hook. A program array is emptied when its last descriptor
 * closes, which is when our process ends. A tail call into an empty slot goes nowhere, and the packet passes. */
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, FL_HOOKS);
  __type(key, __u32);
  __type(value, __u32);
} gate SEC(".maps");

static __always_inline __u32 slot_of(struct fl_slot* slot) {
  __u32 zero = 0, n;
  __u32* known = bpf_map_lookup_elem(&slot_index, slot);
  if (known) return *known;
  __u32* next = bpf_map_lookup_elem(&slot_next, &zero);
  if (!next || *next >= FL_MAX_SLOTS - 1) return 0;
  n = __sync_fetch_and_add(next, 1) + 1;
  if (n >= FL_MAX_SLOTS || bpf_map_update_elem(&slots, &n, slot, BPF_ANY)) return 0;
  if (bpf_map_update_elem(&slot_index, slot, &n, BPF_NOEXIST)) {
    known = bpf_map_lookup_elem(&slot_index, slot); /* another CPU was first */
    return known ? *known : 0;
  }
  return n;
}

/* One rule a call, lowest first. */
struct counting {
  __u64 mask, t;
  __u32 packets, first_rule;
};

static long count_passed(__u32 i, struct counting* c) {
  if (!c->mask) return 1;
  __u32 rule;
  struct fl_rule* r = rule_at(c->first_rule + lowest_bit(c->mask), &rule);
  c->mask &= c->mask - 1;
  if (!r || c->t < r->start || c->t >= r->end) return 0; /* it is over, and live for the sake of order alone */
  struct fl_tally* t = bpf_map_lookup_elem(&tallies, &rule);
  if (t) t->passed_by_safety += c->packets;
  return 0;
}

#define NOWHERE \
  0x7fffffff /* no device has this index: a redirect there drops, and the sender's kernel takes it for sent */

enum { TO_PEN, PASSES, DROPPED };

/* Lets a packet meet its rules without the pen, if nothing of it has to be held or split, and nothing that went before
 * it can be overtaken. Global, and so verified by itself, once. */
__attribute__((noinline)) int meet_here(struct __sk_buff* skb, __u64 mask, __u64 now, __u64 t, int at) {
  __u32 site = site_here(skb), facts = 0, l3 = l3_at(at);
  const struct fl_selector_config* cfg = config_of(site);
  struct fl_flight* flight = bpf_map_lookup_elem(&flights, &site);
  if (!cfg || !flight) return TO_PEN;
  struct packet p = {.rules = mask, .first_rule = first_rule_here(cfg, skb)};
  p.t = t;
  p.way = is_loopback(at) ? BOTH_WAYS : is_ingress(at);
  if (shape.sizes && (mask & cfg->size_rules)) p.length = wire_length(skb, l3);
  if (skb->gso_size || (mask & cfg->holding_rules)) bpf_loop(FL_MAX_RULES_PER_SITE, look_ahead, &p, 0);
  if (p.holds || (skb->gso_size && p.chance) || crossing(flight, now) || returning(flight, now)) return TO_PEN;
  struct fl_flow* flow = find_flow(skb, l3, site, now, &facts);
  p.packets = wire_packets(skb, l3);
  if (flow) {
    __u64 held_until = READ_ONCE(flow->last_due[facts & FROM_CLIENT]);
    if (held_until > now || waiting(flight, held_until, now)) return TO_PEN;
    count_in_flow(&p, flow, facts);
  }
  p.rules = mask;
  p.bytes = frame_bytes(skb, l3);
  p.composed = !!(mask & (mask - 1));
  bpf_loop(FL_MAX_RULES_PER_SITE, meet_rule, &p, 0);
  if (p.drew) count_draws(mask, p.first_rule, p.key, p.client);
  return p.dropped ? DROPPED : PASSES;
}

/* Lets a packet meet its rules, here or in the pen. */
static __always_inline int send_on_its_way(const struct fl_selector_config* cfg, struct __sk_buff* skb, __u64 mask,
                                           __u64 now, __u64 t, int at) {
  __u32 site = cfg->site;
  int met = meet_here(skb, mask, now, t, at);
  if (met == PASSES) return NEXT;
  if (met == DROPPED) {
    if (shape.losses) note_loss(skb, l3_at(at));
    return is_ingress(at) ? DROP : bpf_redirect(NOWHERE, 0);
  }
  if (leave_out(skb, mask, t, at)) return NEXT;

  struct fl_site_tally* tally = bpf_map_lookup_elem(&site_tallies, &site);
  if (!tally) return NEXT;
  volatile __u32 ifindex = skb->ifindex;
  union { /* one after the other: the stack is short, see struct packet */
    struct fl_slot slot;
    struct {
      struct fl_stamp stamp;
      __be16 type; /* where an Ethernet header has it */
    } head;
  } u;
  __builtin_memset(&u.slot, 0, sizeof u.slot);
  u.slot.rules = mask;
  u.slot.ifindex = ifindex;
  u.slot.mark = skb->mark;
  u.slot.priority = skb->priority;
  u.slot.site = (__u16)site;
  u.slot.tc_index = (__u16)skb->tc_index;
  u.slot.ingress = is_ingress(at);
  u.slot.loopback = is_loopback(at);
  u.slot.bank = (__u16)bank_here(skb);
  if (!is_bare(at) && bpf_skb_load_bytes(skb, 0, u.slot.mac, sizeof u.slot.mac)) return NEXT;
  __u32 n = slot_of(&u.slot), packets = wire_packets(skb, l3_at(at));
  if (!n) {
    tally->no_slot += packets;
    return NEXT;
  }
  struct fl_ledger* ledger = bpf_map_lookup_elem(&ledgers, &n);
  struct fl_flight* flight = bpf_map_lookup_elem(&flights, &site);
  if (!ledger || !flight) return NEXT;
  u.head.stamp = (struct fl_stamp){.magic = FL_STAMP_MAGIC, .slot = (__u16)n};
  u.head.type = (__be16)skb->protocol;
  /* A bare device's packet is given its header last of all: there is no way to take it away again. */
  if (is_bare(at) ? bpf_skb_change_head(skb, ETH_HLEN, 0)
                  : bpf_skb_store_bytes(skb, 0, &u.head, sizeof u.head.stamp, 0)) {
    tally->stamp_failed += packets;
    return NEXT;
  }
  if (is_bare(at))
    bpf_skb_store_bytes(skb, 0, &u.head, ETH_HLEN, 0); /* cannot fail: what change_head made is writable */
  ledger->selected += packets;
  __sync_fetch_and_add(&flight->entered, packets);
  WRITE_ONCE(flight->entered_last, now);
  return bpf_redirect(cfg->near, 0);
}

/* Back from the pen. Here and not before it has arrived: what fails on its way to the device, or is redirected by
 * somebody else, never came back; and the way in scrubs the packet once more. */
static __always_inline int see_again(struct __sk_buff* skb, int at) {
  __u32 n = (__u16)skb->cb[1];
  skb->tc_index = (__u16)skb->cb[0];
  if (skb->cb[1] >> 16 != shape.reinjection_mark) return NEXT; /* an answer, which has no slot */
  struct fl_slot* slot = bpf_map_lookup_elem(&slots, &n);
  struct fl_ledger* ledger = bpf_map_lookup_elem(&ledgers, &n);
  if (!slot || !ledger) return NEXT;
  skb->mark = slot->mark;
  skb->priority = slot->priority;
  ledger->returned += wire_packets(skb, l3_at(at));
  return NEXT;
}

static __always_inline int select_packet(struct __sk_buff* skb, int at) {
  __u64 mask, going = 0;
  if (skb->tc_index == shape.reinjection_mark) return see_again(skb, at);
  if (is_ingress(at) && skb->pkt_type == PACKET_LOOPBACK)
    return NEXT; /* the kernel's own copy of a multicast it sent */
  struct fl_control* c = get_control();
  if (!c) return NEXT;
  __u64 epoch = READ_ONCE(c->epoch);
  if (!epoch || READ_ONCE(c->stop)) return NEXT;
  __u64 now = bpf_ktime_get_ns();
  if (now < epoch) return NEXT;
  __u64 t = run_time(c, now);
  __u32 site = skb->cb[FL_CB_SITE];
  mask = rules_now(skb, site, t);
  if (!mask || skb->vlan_present) return NEXT; /* tagged: its VLAN device is where it has its address */
  const struct fl_selector_config* cfg = config_of(site);
  if (!cfg) return NEXT;
  if (is_loopback(at)) mask &= cfg->loopback_rules;
  mask = device_mask(cfg, skb, mask);
  if (!mask) return NEXT;
  mask = match(cfg, skb, mask, at, &going);
  if (!mask || !at_home(cfg, skb)) return NEXT;

#if FL_MODERN
  int safe = owner_runs();
#else
  int safe = 1; /* the gate let us in */
#endif
  if (!safe || (__s64)(now - READ_ONCE(c->beat)) > (__s64)c->lease) {
    struct counting passed = {
        .mask = mask, .t = t, .packets = wire_packets(skb, l3_at(at)), .first_rule = first_rule_here(cfg, skb)};
    bpf_loop(FL_MAX_RULES_PER_SITE, count_passed, &passed, 0);
    return NEXT;
  }

  /* On lo the receiver's own rules have met it as well. */
  if (!is_loopback(at) && (mask & going & cfg->mate_rules))
    note_mates(skb, mask & going & cfg->mate_rules, first_rule_here(cfg, skb), l3_at(at));

  if (shape.answers && (mask & cfg->filtered_rules)) {
    skb->cb[0] = (__u32)mask;
    skb->cb[1] = (__u32)(mask >> 32);
    skb->cb[2] = (__u32)going;
    skb->cb[3] = (__u32)(going >> 32);
    bpf_tail_call(skb, &stages, at);
    return NEXT;
  }
  return send_on_its_way(cfg, skb, mask, now, t, at);
}

/* The second stage: see answer.bpf.h. */
static __always_inline int answer_packet(struct __sk_buff* skb, int at) {
  if (!shape.answers) return NEXT;
  struct fl_control* c = get_control();
  const struct fl_selector_config* cfg = config_here(skb);
  if (!c || !cfg) return NEXT;
  __u64 now = bpf_ktime_get_ns(), t = run_time(c, now);
  int way = answer(cfg, skb, t, at);
  if (way == UNANSWERED) {
    __u64 mask = skb->cb[0] | (__u64)skb->cb[1] << 32;
    return mask ? send_on_its_way(cfg, skb, mask, now, t, at) : NEXT;
  }
  volatile __u32 device = skb->ifindex;
  if (way == SILENT) return is_ingress(at) ? DROP : bpf_redirect(NOWHERE, 0);
  if (is_loopback(at)) return bpf_redirect_neigh(device, 0, 0, 0);
  return bpf_redirect(device, (way == SEND_BACK) == is_ingress(at) ? 0 : BPF_F_INGRESS);
}

#define EACH_HOOK(do) \
  do (out, FL_AT_OUT) do(in, FL_AT_IN) do(lo, FL_AT_LO) do(bare_out, FL_AT_BARE_OUT) do(bare_in, FL_AT_BARE_IN)
#define SELECT(hook, at) \
  SEC("tc") int select_##hook(struct __sk_buff* skb) { return select_packet(skb, at); }
#define ANSWER(hook, at) \
  SEC("tc") int answer_##hook(struct __sk_buff* skb) { return answer_packet(skb, at); }

EACH_HOOK(SELECT)
EACH_HOOK(ANSWER)

/* How long a packet was held, and by how much that is late: the same for each of its rules. What each of them asked for
 * by itself the player has counted. */
struct returned {
  __u64 mask; /* rules still to be told */
  __u32 held, late;
  __u64 held_bucket, late_bucket;
  __u32 cut, first_rule, packets;
};

static long count_delay(__u32 i, struct returned* c) {
  if (!c->mask) return 1;
  __u32 index;
  struct fl_rule* rule = rule_at(c->first_rule + lowest_bit(c->mask), &index);
  c->mask &= c->mask - 1;
  if (!rule || !(rule->flags & FL_RULE_DELAYS)) return 0; /* it has its bit with one that delays */
  struct fl_tally* t = bpf_map_lookup_elem(&tallies, &index);
  if (!t) return 0;
  index = FL_HISTOGRAMS * rule->fault;
  count_in(index + FL_LATE, c->late_bucket, c->packets);
  if (c->late > t->late_max) t->late_max = c->late;
  if (c->cut) return 0;
  count_in(index + FL_HELD, c->held_bucket, c->packets);
  if (c->held > t->held_max) t->held_max = c->held;
  return 0;
}

SEC("tc") int give_back(struct __sk_buff* skb) { /* near veth, ingress */
  struct fl_stamp stamp;
  if (bpf_skb_load_bytes(skb, 0, &stamp, sizeof stamp) || stamp.magic != FL_STAMP_MAGIC) return DROP;
  __u32 n = stamp.slot;
  struct fl_slot* slot = bpf_map_lookup_elem(&slots, &n);
  if (!slot || !slot->rules) return DROP;
  __u32 site = slot->site;
  const struct fl_selector_config* cfg = config_of(site);
  if (!cfg || cfg->near != skb->ifindex) return DROP;
  if (bpf_skb_store_bytes(skb, 0, slot->mac, sizeof slot->mac, 0)) return DROP;
  struct fl_flight* flight = bpf_map_lookup_elem(&flights, &site);
  __u64 now = bpf_ktime_get_ns();
  if (flight) WRITE_ONCE(flight->returned_last, now);
  if (stamp.hold) {
    struct returned c = {.mask = slot->rules & cfg->delaying_rules, .cut = stamp.flags & FL_STAMP_CUT};
    c.first_rule = fl_first_rule(cfg->first_rule, cfg->first_bank, slot->bank);
    c.late = ticks(now) - stamp.due;
    if ((__s32)c.late < 0) c.late = 0;
    c.held = stamp.hold + c.late;
    c.late_bucket = bucket_of(c.late);
    c.held_bucket = bucket_of(c.held);
    c.packets = wire_packets(skb, ETH_HLEN);
    bpf_loop(FL_MAX_RULES_PER_SITE, count_delay, &c, 0);
  }
  skb->mark = slot->mark;
  skb->priority = slot->priority;
  skb->cb[0] = slot->tc_index;
  skb->cb[1] = (__u32)shape.reinjection_mark << 16 | n; /* it is counted when it is seen again */
  skb->tc_index = shape.reinjection_mark;
  skb->queue_mapping = 0; /* the TAP's, as if it had come in by that queue of the device; it is chosen afresh */
  if (skb->pkt_type != 0)
    bpf_skb_change_type(skb, 0); /* the stamp made it PACKET_OTHERHOST; on lo that is silent loss */
  if (slot->ingress) return bpf_redirect(slot->ifindex, BPF_F_INGRESS);
  if (slot->loopback) return bpf_redirect_neigh(slot->ifindex, 0, 0, 0); /* gives it a route: no martians, no sysctl */
  return bpf_redirect(slot->ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
