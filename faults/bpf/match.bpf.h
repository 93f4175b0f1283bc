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

/* Peers that came to be known while the run goes on; IPv4 addresses as ::ffff:a.b.c.d. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_LEARNED);
  __type(key, struct fl_address);
  __type(value, struct fl_masks);
} learned SEC(".maps");

/* Of rules that are about one device: which, by its index. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_DEVICES);
  __type(key, __u32);
  __type(value, __u64);
} devices SEC(".maps");

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
    if (e->t <= t)
      low = middle;
    else
      high = middle;
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
    if (start->high > high || (wide && start->high == high && start->low > low))
      beyond = middle;
    else
      from = middle;
  }
  return from;
}

/* Global functions, for the verifier's sake. */
__attribute__((noinline)) __u32 find_interval4(__u64 high) {
  return find_interval(&cfg.peers4, &index4, &starts4, 0, high, 0);
}
__attribute__((noinline)) __u32 find_interval6(__u64 high, __u64 low) {
  return find_interval(&cfg.peers6, &index6, &starts6, 1, high, low);
}

/* Rules for what goes to (`from` 0) or comes from (1) an address, as far as it was learned. */
__attribute__((noinline)) __u64 learned_rules(__u64 high, __u64 low, int from) {
  struct fl_address key = {high, low};
  struct fl_masks* m = bpf_map_lookup_elem(&learned, &key);
  return !m ? 0 : from ? m->in : m->out;
}

/* Rules by the peer's address; `from` as above. */
static __always_inline __u64 rules4(__be32 address, int from) {
  __u64 number = bpf_ntohl(address), rules = from ? cfg.any4.in : cfg.any4.out;
  if (cfg.peers4.count) {
    __u32 i = find_interval4(number << 32);
    struct fl_masks* m = bpf_map_lookup_elem(&spans4, &i);
    if (m) rules = from ? m->in : m->out;
  }
  return cfg.learned_rules ? rules | learned_rules(0, 0xffffULL << 32 | number, from) : rules;
}

static __always_inline __u64 rules6(struct in6_addr* address, int from) {
  __u64 half[2], rules = from ? cfg.any6.in : cfg.any6.out;
  if (!cfg.peers6.count && !cfg.learned_rules) return rules;
  __builtin_memcpy(half, address, sizeof half);
  __u64 high = bpf_be64_to_cpu(half[0]), low = bpf_be64_to_cpu(half[1]);
  if (cfg.peers6.count) {
    __u32 i = find_interval6(high, low);
    struct fl_masks* m = bpf_map_lookup_elem(&spans6, &i);
    if (m) rules = from ? m->in : m->out;
  }
  return cfg.learned_rules ? rules | learned_rules(high, low, from) : rules;
}

/* Without the rules that are about another device. */
static __always_inline __u64 device_mask(struct __sk_buff* skb, __u64 mask) {
  if (!(mask & cfg.device_rules)) return mask;
  volatile __u32 index = skb->ifindex;
  __u32 key = index;
  __u64* own = bpf_map_lookup_elem(&devices, &key);
  return mask & (~cfg.device_rules | (own ? *own : 0));
}

/* Which of `mask` this packet meets here. On lo both ways count. One that is forwarded has met, at the device it came
 * in by, the rules that look at where it is from; it does not meet those again on its way out. *leaving: those for
 * which it leaves. */
static __always_inline __u64 match(struct __sk_buff* skb, __u64 mask, int at, __u64* leaving) {
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
    if (out) to = rules4(destination, 0);
    if (in) from = rules4(source, 1);
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
    if (out) to = rules6(&destination, 0);
    if (in) from = rules6(&source, 1);
  } else {
    return 0; /* ARP and whatever else makes the link a link */
  }
  if (cfg.exempt_count && proto == IPPROTO_TCP && !later_fragment &&
      is_exempt(skb, l4, out && !forwarded, in && !forwarded))
    return 0;
  mask &= proto == IPPROTO_TCP                                 ? cfg.tcp
          : proto == IPPROTO_UDP                               ? cfg.udp
          : (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) ? cfg.icmp
                                                               : cfg.other;
  if ((mask & cfg.inside_rules) && carries_tunnel(skb, l4, proto, later_fragment)) mask &= ~cfg.inside_rules;
  __u64 going = mask & to, coming = mask & from;
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
#if FL_CGROUPS
  if ((going | coming) & cfg.cgroup_rules) {
    int found = !later_fragment && (proto == IPPROTO_TCP || proto == IPPROTO_UDP);
    if (going & cfg.cgroup_rules) going &= ~cfg.cgroup_rules | sender_rules(skb);
    if (forwarded) coming &= ~cfg.cgroup_rules; /* no socket of ours receives it */
    if (coming & cfg.cgroup_rules) coming &= ~cfg.cgroup_rules | (found ? receiver_rules(skb, l3, l4, proto) : 0);
  }
#endif
  *leaving = going;
  return forwarded ? going & ~coming : going | coming;
}

#endif
