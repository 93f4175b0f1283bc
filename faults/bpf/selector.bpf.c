/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The selector and the return: what runs in a target's namespace. One instance is loaded per site, its settings are
 * constants, so that the verifier cuts away what the site does not need. The selector answers one question, which rules
 * does this packet meet now. What is to be held, or to be split into wire packets first, it sends into the pen; the rest it
 * lets meet its rules here and now. The return puts a packet back where it was taken.
 * FL_MODERN: TCX and kfuncs (6.6+). Otherwise clsact and, in place of the owner's task, the gate below. */
#include "faults/bpf/channel.bpf.h"
#if FL_MODERN
#include "faults/bpf/owner.bpf.h"
#endif

const volatile struct fl_selector_config cfg SEC(".rodata");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_live);
} live SEC(".maps");

struct live_span {
  __u64 from, until, mask;
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct live_span);
} live_now SEC(".maps");

/* Peers: see struct fl_peers. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} index4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} starts4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_masks);
} spans4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} index6 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_address);
} starts6 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_masks);
} spans6 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_ports);
} ports SEC(".maps");

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

#if !FL_MODERN
/* The gate: a program array is emptied when its last descriptor closes, which is when our process ends. A tail call into
 * an empty slot goes nowhere, and the packet passes. */
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, FL_GATE_ENTRIES);
  __type(key, __u32);
  __type(value, __u32);
} gate SEC(".maps");
#endif

/* Slow path of rules_now(): a global function, verified once and by itself. */
__attribute__((noinline)) __u64 seek_live(__u64 t) {
  __u32 zero = 0, low = 0, high = cfg.live_count;
  struct live_span* now = bpf_map_lookup_elem(&live_now, &zero);
  if (!now) return 0;
  for (int i = 0; i < 21; i++) { /* greatest index whose t is not later */
    if (high - low <= 1) break;
    __u32 middle = (low + high) / 2;
    struct fl_live* e = bpf_map_lookup_elem(&live, &middle);
    if (!e) return 0;
    if (e->t <= t) low = middle;
    else high = middle;
  }
  struct fl_live* e = bpf_map_lookup_elem(&live, &low);
  __u32 after = low + 1;
  struct fl_live* f = after < cfg.live_count ? bpf_map_lookup_elem(&live, &after) : 0;
  if (!e || e->t > t) return 0;
  now->from = e->t;
  now->until = f ? f->t : FL_FOREVER;
  now->mask = e->mask;
  return e->mask;
}

static __always_inline __u64 rules_now(__u64 t) {
  __u32 zero = 0;
  struct live_span* now = bpf_map_lookup_elem(&live_now, &zero);
  if (!now) return 0;
  if (t >= now->from && t < now->until) return now->mask;
  return seek_live(t);
}

/* The interval that an address lies in. `wide`: starts have a lower half. */
static __always_inline __u32 find_interval(const volatile struct fl_peers* peers, void* index, void* starts, int wide,
                                           __u64 high, __u64 low) {
  __u64 rest = high, differs;
  __u32 common = peers->common;
  if (common >= 64) {
    differs = (high ^ peers->prefix.high) | (common > 64 ? (low ^ peers->prefix.low) >> (128 - common) : 0);
    rest = low << (common - 64);
  } else {
    differs = common ? (high ^ peers->prefix.high) >> (64 - common) : 0;
    if (common) rest = high << common | low >> (64 - common);
  }
  if (differs) return 0;
  __u32 cell = rest >> (64 - peers->bits), next = cell + 1;
  __u32 *first = bpf_map_lookup_elem(index, &cell), *last = bpf_map_lookup_elem(index, &next);
  if (!first || !last) return 0;
  __u32 from = *first, beyond = *last + 1;
  for (int i = 0; i < 24; i++) { /* greatest interval whose start is not beyond the address */
    if (beyond - from <= 1) break;
    __u32 middle = (from + beyond) / 2;
    struct fl_address* start = bpf_map_lookup_elem(starts, &middle);
    if (!start) return 0;
    if (start->high > high || (wide && start->high == high && start->low > low)) beyond = middle;
    else from = middle;
  }
  return from;
}

/* Global functions, for the verifier's sake. */
__attribute__((noinline)) __u32 find_interval4(__u64 high) { return find_interval(&cfg.peers4, &index4, &starts4, 0, high, 0); }
__attribute__((noinline)) __u32 find_interval6(__u64 high, __u64 low) {
  return find_interval(&cfg.peers6, &index6, &starts6, 1, high, low);
}

static __always_inline struct fl_masks masks4(__be32 address) {
  struct fl_masks any = {cfg.any4.out, cfg.any4.in};
  if (!cfg.peers4.count) return any;
  __u32 i = find_interval4((__u64)bpf_ntohl(address) << 32);
  struct fl_masks* m = bpf_map_lookup_elem(&spans4, &i);
  return m ? *m : any;
}

static __always_inline struct fl_masks masks6(struct in6_addr* address) {
  struct fl_masks any = {cfg.any6.out, cfg.any6.in};
  if (!cfg.peers6.count) return any;
  __u64 half[2];
  __builtin_memcpy(half, address, sizeof half);
  __u32 i = find_interval6(bpf_be64_to_cpu(half[0]), bpf_be64_to_cpu(half[1]));
  struct fl_masks* m = bpf_map_lookup_elem(&spans6, &i);
  return m ? *m : any;
}

/* Rules whose ports fit, `p` at the peer's end and `o` at the site's own. */
static __always_inline __u64 port_mask(__u16 p, __u16 o) {
  __u32 kp = p, ko = o;
  __u64 fit = ~0ULL;
  if (cfg.peer_port_rules) {
    struct fl_ports* a = bpf_map_lookup_elem(&ports, &kp);
    if (a) fit &= a->peer | ~cfg.peer_port_rules;
  }
  if (cfg.own_port_rules) {
    struct fl_ports* b = bpf_map_lookup_elem(&ports, &ko);
    if (b) fit &= b->own | ~cfg.own_port_rules;
  }
  return fit;
}

struct two_ports {
  __be16 source, destination;
};

/* Straight from the packet where possible: a helper costs a call. */
static __always_inline int read_ports(struct __sk_buff* skb, __u32 l4, struct two_ports* p) {
  void *data = (void*)(long)skb->data, *end = (void*)(long)skb->data_end;
  __u64 offset = l4;
  asm volatile("" : "+r"(offset)); /* one register for check and use */
  if (offset < 256) {
    struct two_ports* at = data + offset;
    if ((void*)(at + 1) <= end) {
      *p = *at;
      return 0;
    }
  }
  return bpf_skb_load_bytes(skb, l4, p, sizeof *p);
}

/* Which of `mask` this packet meets. `out`, `in`: the ways in which it passes the site; both on loopback. */
static __always_inline __u64 match(struct __sk_buff* skb, __u64 mask, int out, int in) {
  void *data = (void*)(long)skb->data, *end = (void*)(long)skb->data_end;
  struct ethhdr* eth = data;
  __u32 l4;
  __u8 proto;
  int later_fragment = 0;
  struct fl_masks to = {0, 0}, from = {0, 0};
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    struct iphdr* ip = (void*)(eth + 1);
    if ((void*)(ip + 1) > end) {
      if (bpf_skb_pull_data(skb, ETH_HLEN + sizeof *ip)) return 0;
      data = (void*)(long)skb->data;
      end = (void*)(long)skb->data_end;
      ip = data + ETH_HLEN;
      if ((void*)(ip + 1) > end) return 0;
    }
    proto = ip->protocol;
    /* the cloud's metadata address, 169.254.169.254, is part of the control path */
    if (ip->daddr == bpf_htonl(0xa9fea9fe) || ip->saddr == bpf_htonl(0xa9fea9fe)) return 0;
    later_fragment = !!(ip->frag_off & bpf_htons(0x1fff));
    l4 = ETH_HLEN + ip->ihl * 4;
    __be32 source = ip->saddr, destination = ip->daddr;
    if (out) to = masks4(destination);
    if (in) from = masks4(source);
  } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr* ip = (void*)(eth + 1);
    if ((void*)(ip + 1) > end) {
      if (bpf_skb_pull_data(skb, ETH_HLEN + sizeof *ip)) return 0;
      data = (void*)(long)skb->data;
      end = (void*)(long)skb->data_end;
      ip = data + ETH_HLEN;
      if ((void*)(ip + 1) > end) return 0;
    }
    proto = ip->nexthdr;
    l4 = ETH_HLEN + sizeof *ip;
    struct in6_addr source = ip->saddr, destination = ip->daddr;
    for (int i = 0; i < 4; i++) { /* extension headers: RFC 8200, section 4 */
      struct {
        __u8 next, length;
        __be16 offset;
      } h;
      if (proto != 0 && proto != 43 && proto != 60 && proto != 44) break;
      if (bpf_skb_load_bytes(skb, l4, &h, 4)) return 0;
      if (proto == 44) {
        later_fragment = !!(h.offset & bpf_htons(0xfff8));
        l4 += 8;
      } else {
        l4 += (h.length + 1) * 8;
      }
      proto = h.next;
      if (later_fragment) break;
    }
    if (proto == IPPROTO_ICMPV6 && !later_fragment) { /* neighbour discovery (RFC 4861): what makes the link a link */
      __u8 type = 0;
      bpf_skb_load_bytes(skb, l4, &type, 1);
      if (type >= 133 && type <= 137) return 0;
    }
    if (out) to = masks6(&destination);
    if (in) from = masks6(&source);
  } else {
    return 0; /* ARP and whatever else makes the link a link */
  }
  mask &= proto == IPPROTO_TCP    ? cfg.tcp
          : proto == IPPROTO_UDP  ? cfg.udp
          : (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) ? cfg.icmp
                                  : cfg.other;
  __u64 going = mask & to.out, coming = mask & from.in;
  if (cfg.ports && ((going | coming) & cfg.port_rules)) {
    struct two_ports p;
    if (later_fragment || (proto != IPPROTO_TCP && proto != IPPROTO_UDP) || read_ports(skb, l4, &p)) {
      going &= ~cfg.port_rules;
      coming &= ~cfg.port_rules;
    } else {
      __u16 s = bpf_ntohs(p.source), d = bpf_ntohs(p.destination);
      if (going) going &= port_mask(d, s);
      if (coming) coming &= port_mask(s, d);
    }
  }
  return going | coming;
}

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

/* For the loops over a mask: one rule a call, lowest first. */
struct counting {
  __u64 mask;
  __u32 packets, hold, late, cut;
};

static long count_passed(__u32 i, struct counting* c) {
  if (!c->mask) return 1;
  __u32 rule = cfg.first_rule + lowest_bit(c->mask);
  c->mask &= c->mask - 1;
  struct fl_tally* t = bpf_map_lookup_elem(&tallies, &rule);
  if (t) t->passed_by_safety += c->packets;
  return 0;
}

#define NOWHERE 0x7fffffff /* no device has this index: a redirect there drops, and the sender's kernel takes it for sent */

enum { TO_PEN, PASSES, DROPPED };

/* Lets a packet meet its rules without the pen, if nothing of it has to be held or split, and nothing that went before it
 * can be overtaken. Global, and so verified by itself, once. */
__attribute__((noinline)) int meet_here(struct __sk_buff* skb, __u64 mask, __u64 now, __u64 t) {
  __u32 site = cfg.site, direction = 0;
  struct fl_flight* flight = bpf_map_lookup_elem(&flights, &site);
  if (!flight) return TO_PEN;
  struct packet p = {.rules = mask, .first_rule = cfg.first_rule};
  p.now = now;
  p.t = t;
  bpf_loop(FL_MAX_RULES_PER_SITE, look_ahead, &p, 0);
  if (p.holds || (skb->gso_size && p.chance) || crossing(flight, now)) return TO_PEN;
  struct fl_flow* flow = find_flow(skb, site, &direction);
  p.packets = wire_packets(skb);
  if (flow) {
    __u64 held_until = READ_ONCE(flow->last_due[direction & 1]);
    if (held_until > now || waiting(flight, held_until, now)) return TO_PEN;
    count_in_flow(&p, flow, direction);
  }
  p.rules = mask;
  p.bytes = skb->len;
  p.composed = !!(mask & (mask - 1));
  bpf_loop(FL_MAX_RULES_PER_SITE, meet_rule, &p, 0);
  return p.dropped ? DROPPED : PASSES;
}

static __always_inline int select_packet(struct __sk_buff* skb, int ingress, int loopback) {
  __u64 mask;
  __u32 site = cfg.site;
  if (skb->tc_index == cfg.guard) { /* back from the pen */
    skb->tc_index = (__u16)skb->cb[0];
    return NEXT;
  }
  struct fl_control* c = get_control();
  if (!c) return NEXT;
  __u64 epoch = READ_ONCE(c->epoch);
  if (!epoch || READ_ONCE(c->stop)) return NEXT;
  __u64 now = bpf_ktime_get_ns();
  if (now < epoch) return NEXT;
  mask = rules_now(now - epoch);
  if (!mask || skb->vlan_present) return NEXT; /* tagged: its VLAN device is where it has its address */
  if (loopback) mask &= cfg.loopback_rules;
  if (!mask) return NEXT;
  mask = match(skb, mask, !ingress || loopback, ingress || loopback);
  if (!mask) return NEXT;

#if FL_MODERN
  int safe = owner_runs();
#else
  int safe = 1; /* the gate let us in */
#endif
  if (!safe || (__s64)(now - READ_ONCE(c->beat)) > (__s64)c->lease) {
    struct counting passed = {.mask = mask, .packets = wire_packets(skb)};
    bpf_loop(FL_MAX_RULES_PER_SITE, count_passed, &passed, 0);
    return NEXT;
  }

  int met = meet_here(skb, mask, now, now - epoch);
  if (met == PASSES) return NEXT;
  if (met == DROPPED) return ingress ? DROP : bpf_redirect(NOWHERE, 0);

  struct fl_site_tally* tally = bpf_map_lookup_elem(&site_tallies, &site);
  if (!tally) return NEXT;
  volatile __u32 ifindex = skb->ifindex;
  struct fl_slot slot;
  __builtin_memset(&slot, 0, sizeof slot);
  slot.rules = mask;
  slot.ifindex = ifindex;
  slot.mark = skb->mark;
  slot.priority = skb->priority;
  slot.site = (__u16)site;
  slot.tc_index = (__u16)skb->tc_index;
  slot.ingress = ingress;
  slot.loopback = loopback;
  if (bpf_skb_load_bytes(skb, 0, slot.mac, sizeof slot.mac)) return NEXT;
  __u32 n = slot_of(&slot);
  if (!n) {
    tally->no_slot += wire_packets(skb);
    return NEXT;
  }
  struct fl_ledger* ledger = bpf_map_lookup_elem(&ledgers, &n);
  struct fl_flight* flight = bpf_map_lookup_elem(&flights, &site);
  if (!ledger || !flight) return NEXT;
  struct fl_stamp stamp = {.magic = FL_STAMP_MAGIC, .slot = (__u16)n};
  if (bpf_skb_store_bytes(skb, 0, &stamp, sizeof stamp, 0)) {
    tally->stamp_failed += wire_packets(skb);
    return NEXT;
  }
  __u32 packets = wire_packets(skb);
  ledger->selected += packets;
  __sync_fetch_and_add(&flight->entered, packets);
  WRITE_ONCE(flight->entered_last, now);
  return bpf_redirect(cfg.near, 0);
}

#if FL_MODERN
SEC("tc") int select_out(struct __sk_buff* skb) { return select_packet(skb, 0, 0); }
SEC("tc") int select_in(struct __sk_buff* skb) { return select_packet(skb, 1, 0); }
SEC("tc") int select_lo(struct __sk_buff* skb) { return select_packet(skb, 0, 1); }
#else
SEC("tc") int behind_out(struct __sk_buff* skb) { return select_packet(skb, 0, 0); }
SEC("tc") int behind_in(struct __sk_buff* skb) { return select_packet(skb, 1, 0); }
SEC("tc") int behind_lo(struct __sk_buff* skb) { return select_packet(skb, 0, 1); }
/* A tail call that goes nowhere falls through. */
#define THROUGH_GATE(name, entry)      \
  SEC("tc") int name(struct __sk_buff* skb) { \
    bpf_tail_call(skb, &gate, entry);   \
    return NEXT;                        \
  }
THROUGH_GATE(select_out, FL_GATE_OUT)
THROUGH_GATE(select_in, FL_GATE_IN)
THROUGH_GATE(select_lo, FL_GATE_LO)
#endif

static __always_inline void count_in(__u32 which, __u32 value) {
  struct fl_histogram* h = bpf_map_lookup_elem(&histograms, &which);
  if (!h) return;
  __u64 b = fl_bucket(value);
  /* One 64-bit register for check and use: the verifier of 6.1 does not see a bound on the 32-bit original in its copy. */
  asm volatile("" : "+r"(b));
  if (b < FL_HIST_BUCKETS) h->bucket[b]++;
}

static long count_delay(__u32 i, struct counting* c) {
  if (!c->mask) return 1;
  __u32 index = cfg.first_rule + lowest_bit(c->mask);
  c->mask &= c->mask - 1;
  struct fl_rule* rule = bpf_map_lookup_elem(&rules, &index);
  if (!rule || !(rule->flags & FL_RULE_DELAYS)) return 0;
  struct fl_tally* t = bpf_map_lookup_elem(&tallies, &index);
  if (!t) return 0;
  index *= 2; /* the rule's two histograms */
  count_in(index + 1, c->late);
  if (c->late > t->late_max) t->late_max = c->late;
  if (c->cut) return 0;
  __u32 applied = c->hold + c->late;
  count_in(index, applied);
  if (applied > t->applied_max) t->applied_max = applied;
  return 0;
}

SEC("tc") int give_back(struct __sk_buff* skb) { /* near veth, ingress */
  struct fl_stamp stamp;
  if (bpf_skb_load_bytes(skb, 0, &stamp, sizeof stamp) || stamp.magic != FL_STAMP_MAGIC) return DROP;
  __u32 n = stamp.slot;
  struct fl_slot* slot = bpf_map_lookup_elem(&slots, &n);
  if (!slot || !slot->rules || slot->site != cfg.site) return DROP;
  if (bpf_skb_store_bytes(skb, 0, slot->mac, sizeof slot->mac, 0)) return DROP;
  struct fl_ledger* ledger = bpf_map_lookup_elem(&ledgers, &n);
  if (ledger) ledger->returned += wire_packets(skb);
  if (stamp.hold) {
    struct counting c = {.mask = slot->rules, .hold = stamp.hold, .cut = stamp.flags & FL_STAMP_CUT};
    c.late = ticks(bpf_ktime_get_ns()) - stamp.due;
    if ((__s32)c.late < 0) c.late = 0;
    bpf_loop(FL_MAX_RULES_PER_SITE, count_delay, &c, 0);
  }
  skb->mark = slot->mark;
  skb->priority = slot->priority;
  skb->cb[0] = slot->tc_index;
  skb->tc_index = cfg.guard;
  if (skb->pkt_type != 0) bpf_skb_change_type(skb, 0); /* the stamp made it PACKET_OTHERHOST; on lo that is silent loss */
  if (slot->ingress) return bpf_redirect(slot->ifindex, BPF_F_INGRESS);
  if (slot->loopback) return bpf_redirect_neigh(slot->ifindex, 0, 0, 0); /* gives it a route: no martians, no sysctl */
  return bpf_redirect(slot->ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
