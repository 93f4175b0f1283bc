/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which rules does a packet meet now: those that are live, cut down by device, protocol, peer, port and cgroup.
 * Evaluated as sets of bits, so that the cost does not grow with the number of rules. */
#ifndef FAULTLINE_BPF_MATCH_H
#define FAULTLINE_BPF_MATCH_H

#include "faults/bpf/ports.bpf.h"

/* Without, nothing in the object needs the kernel's BTF. */
#ifndef FL_CGROUPS
#define FL_CGROUPS 1
#endif
#if FL_CGROUPS
#include "faults/bpf/cgroup.bpf.h"
#endif

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_live);
} live SEC(".maps");

struct live_span {
  __u64 from, until, mask;
  __u64 bank;
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct live_span);
} live_now SEC(".maps");

/* Peers: see struct fl_peers. Of all sites, one behind the other. */
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

/* Peers that came to be known while the run goes on; IPv4 addresses as ::ffff:a.b.c.d. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_ENTRIES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_learned_key);
  __type(value, struct fl_masks);
} learned SEC(".maps");

/* Of rules that are about one device: which. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_ENTRIES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_device_key);
  __type(value, __u64);
} devices SEC(".maps");

/* Slow path of rules_now(): a global function, verified once and by itself. */
__attribute__((noinline)) __u64 seek_live(__u32 site, __u64 t) {
  const struct fl_selector_config* cfg = config_of(site);
  struct live_span* now = bpf_map_lookup_elem(&live_now, &site);
  if (!cfg || !now) return 0;
  __u32 low = cfg->first_live, end = low + cfg->live_count, high = end;
  for (int i = 0; i < 21; i++) { /* greatest index whose t is not later */
    if (high - low <= 1) break;
    __u32 middle = (low + high) / 2;
    struct fl_live* e = bpf_map_lookup_elem(&live, &middle);
    if (!e) return 0;
    if (e->t <= t)
      low = middle;
    else
      high = middle;
  }
  struct fl_live* e = bpf_map_lookup_elem(&live, &low);
  __u32 after = low + 1;
  struct fl_live* f = after < end ? bpf_map_lookup_elem(&live, &after) : 0;
  if (!e || e->t > t) return 0;
  now->from = e->t;
  now->until = f ? f->t : FL_FOREVER;
  now->mask = e->mask;
  now->bank = e->bank;
  return e->mask;
}

/* The rules that are live at `t`. Which bank they are of is written into the packet, since both are of one time. */
static __always_inline __u64 rules_now(struct __sk_buff* skb, __u32 site, __u64 t) {
  struct live_span* now = bpf_map_lookup_elem(&live_now, &site);
  if (!now) return 0;
  __u64 mask = t >= now->from && t < now->until ? now->mask : seek_live(site, t);
  if (mask && now->bank) skb->cb[FL_CB_SITE] = site | (__u32)now->bank << FL_CB_BANK_SHIFT;
  return mask;
}

/* The interval that an address lies in. `wide`: starts have a lower half. */
static __always_inline __u32 find_interval(const struct fl_peers* peers, void* index, void* starts, int wide,
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
  if (differs) return peers->first;
  __u32 cell = peers->first_cell + (__u32)(rest >> (64 - peers->bits)), next = cell + 1;
  __u32 *first = bpf_map_lookup_elem(index, &cell), *last = bpf_map_lookup_elem(index, &next);
  if (!first || !last) return peers->first;
  __u32 from = *first, beyond = *last + 1;
  for (int i = 0; i < 24; i++) { /* greatest interval whose start is not beyond the address */
    if (beyond - from <= 1) break;
    __u32 middle = (from + beyond) / 2;
    struct fl_address* start = bpf_map_lookup_elem(starts, &middle);
    if (!start) return peers->first;
    if (start->high > high || (wide && start->high == high && start->low > low))
      beyond = middle;
    else
      from = middle;
  }
  return from;
}

/* Global functions, for the verifier's sake. */
__attribute__((noinline)) __u32 find_interval4(const struct fl_peers* peers, __u64 high) {
  return peers ? find_interval(peers, &index4, &starts4, 0, high, 0) : 0;
}
__attribute__((noinline)) __u32 find_interval6(const struct fl_peers* peers, __u64 high, __u64 low) {
  return peers ? find_interval(peers, &index6, &starts6, 1, high, low) : 0;
}

/* Rules for what goes to (`from` 0) or comes from (1) an address, as far as it was learned. */
__attribute__((noinline)) __u64 learned_rules(__u32 rule, __u64 high, __u64 low, int from) {
  struct fl_learned_key key = {.address = {high, low}, .rule = rule};
  struct fl_masks* m = bpf_map_lookup_elem(&learned, &key);
  return !m ? 0 : from ? m->in : m->out;
}

/* Rules by the peer's address; `from` as above. */
static __always_inline __u64 rules4(const struct fl_selector_config* cfg, __be32 address, int from) {
  __u64 number = bpf_ntohl(address), rules = from ? cfg->any4.in : cfg->any4.out;
  if (shape.peers4 && cfg->peers4.count) {
    __u32 i = find_interval4(&cfg->peers4, number << 32);
    struct fl_masks* m = bpf_map_lookup_elem(&spans4, &i);
    if (m) rules = from ? m->in : m->out;
  }
  if (!shape.learned || !cfg->learned_rules) return rules;
  return rules | learned_rules(cfg->first_rule, 0, 0xffffULL << 32 | number, from);
}

static __always_inline __u64 rules6(const struct fl_selector_config* cfg, struct in6_addr* address, int from) {
  __u64 half[2], rules = from ? cfg->any6.in : cfg->any6.out;
  if (!shape.peers6 && !shape.learned) return rules;
  __builtin_memcpy(half, address, sizeof half);
  __u64 high = bpf_be64_to_cpu(half[0]), low = bpf_be64_to_cpu(half[1]);
  if (shape.peers6 && cfg->peers6.count) {
    __u32 i = find_interval6(&cfg->peers6, high, low);
    struct fl_masks* m = bpf_map_lookup_elem(&spans6, &i);
    if (m) rules = from ? m->in : m->out;
  }
  if (!shape.learned || !cfg->learned_rules) return rules;
  return rules | learned_rules(cfg->first_rule, high, low, from);
}

/* Without the rules that are about another device. */
static __always_inline __u64 device_mask(const struct fl_selector_config* cfg, struct __sk_buff* skb, __u64 mask) {
  if (!shape.devices || !(mask & cfg->device_rules)) return mask;
  volatile __u32 index = skb->ifindex;
  struct fl_device_key key = {cfg->site, index};
  __u64* own = bpf_map_lookup_elem(&devices, &key);
  return mask & (~cfg->device_rules | (own ? *own : 0));
}

/* Which of `mask` this packet meets here. On lo both ways count. One that is forwarded has met, at the device it came
 * in by, the rules that look at where it is from; it does not meet those again on its way out. *leaving: those for
 * which it leaves. */
static __always_inline __u64 match(const struct fl_selector_config* cfg, struct __sk_buff* skb, __u64 mask, int at,
                                   __u64* leaving) {
  int ingress = is_ingress(at), loopback = is_loopback(at);
  int forwarded = !ingress && !loopback && skb->ingress_ifindex;
  int out = !ingress || loopback, in = ingress || loopback || forwarded;
  __u32 l3 = l3_at(at), l4;
  __u8 proto;
  int later_fragment = 0;
  __u64 to = 0, from = 0; /* rules by where it goes to, by where it comes from */
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    struct iphdr* ip = network_header(skb, l3, sizeof *ip);
    if (!ip) return 0;
    proto = ip->protocol;
    /* the cloud's metadata address, 169.254.169.254, is part of the control path */
    if (ip->daddr == bpf_htonl(0xa9fea9fe) || ip->saddr == bpf_htonl(0xa9fea9fe)) return 0;
    later_fragment = !!(ip->frag_off & bpf_htons(0x1fff));
    l4 = l3 + ip->ihl * 4;
    __be32 source = ip->saddr, destination = ip->daddr;
    if (out) to = rules4(cfg, destination, 0);
    if (in) from = rules4(cfg, source, 1);
  } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr* ip = network_header(skb, l3, sizeof *ip);
    if (!ip) return 0;
    proto = ip->nexthdr;
    l4 = l3 + sizeof *ip;
    struct in6_addr source = ip->saddr, destination = ip->daddr;
    if (skip_extensions(skb, &proto, &l4, &later_fragment)) return 0;
    if (proto == IPPROTO_ICMPV6 && !later_fragment) { /* neighbour discovery (RFC 4861): what makes the link a link */
      __u8 type = 0;
      bpf_skb_load_bytes(skb, l4, &type, 1);
      if (type >= 133 && type <= 137) return 0;
    }
    if (out) to = rules6(cfg, &destination, 0);
    if (in) from = rules6(cfg, &source, 1);
  } else {
    return 0; /* ARP and whatever else makes the link a link */
  }
  if (shape.exempts && proto == IPPROTO_TCP && !later_fragment &&
      is_exempt(cfg, skb, l4, out && !forwarded, in && !forwarded))
    return 0;
  mask &= proto == IPPROTO_TCP                                 ? cfg->tcp
          : proto == IPPROTO_UDP                               ? cfg->udp
          : (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) ? cfg->icmp
                                                               : cfg->other;
  if (shape.tunnels && (mask & cfg->inside_rules) && carries_tunnel(cfg, skb, l4, proto, later_fragment))
    mask &= ~cfg->inside_rules;
  __u64 going = mask & to, coming = mask & from;
  if (shape.ports && ((going | coming) & cfg->port_rules)) {
    struct two_ports p;
    if (later_fragment || (proto != IPPROTO_TCP && proto != IPPROTO_UDP) || read_ports(skb, l4, &p)) {
      going &= ~cfg->port_rules;
      coming &= ~cfg->port_rules;
    } else {
      __u16 s = bpf_ntohs(p.source), d = bpf_ntohs(p.destination);
      if (going) going &= port_mask(cfg, d, s);
      if (coming) coming &= port_mask(cfg, s, d);
    }
  }
#if FL_CGROUPS
  if (shape.cgroups && ((going | coming) & cfg->cgroup_rules)) {
    int found = !later_fragment && (proto == IPPROTO_TCP || proto == IPPROTO_UDP);
    if (going & cfg->cgroup_rules) going &= ~cfg->cgroup_rules | sender_rules(skb);
    if (forwarded) coming &= ~cfg->cgroup_rules; /* no socket of ours receives it */
    if (coming & cfg->cgroup_rules) coming &= ~cfg->cgroup_rules | (found ? receiver_rules(skb, l3, l4, proto) : 0);
  }
#endif
  *leaving = going;
  return forwarded ? going & ~coming : going | coming;
}

#endif
