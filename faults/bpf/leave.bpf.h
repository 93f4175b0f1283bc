/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which packets must not go through the pen. What the kernel hung on a packet is lost there (docs/what-a-packet-
 * carries.md); mostly nothing misses it, or the return puts it back. Here are those that would be lost for it, or break
 * their connection. They pass untouched, and are counted by why. No helper tells most of it: it is read from the
 * kernel's own structures, which takes the kernel's BTF (FL_CGROUPS). */
#ifndef FAULTLINE_BPF_LEAVE_H
#define FAULTLINE_BPF_LEAVE_H

#include <linux/if_packet.h>

#include "faults/bpf/match.bpf.h"
#include "faults/bpf/track.bpf.h"

#define LONGEST_FRAME (65535 + 18)       /* the pen's veths forward no longer one: kVethMtu in injector/pen/wires.h */
#define LONGEST_SEGMENT (65535 + 1 - 40) /* what lo's own MTU makes of TCP at most, which fits */
#define BY_FRAGMENTS 0xffff              /* as a segment's size: each has its own (SCTP) */
#define TAI 2                            /* BPF_SKB_CLOCK_TAI: 6.11 */
#define NO_TUNNEL (-22)                  /* -EINVAL */

#if FL_CGROUPS
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct skb_ext {
  __u8 offset[1];
};
struct sec_path {
  int olen;
};
struct sk_buff {
  unsigned long _skb_refdst, _nfct;
  __u8 active_extensions;
  __u8 ipvs_property : 1;
  struct skb_ext* extensions;
};
struct rtable {
  __u16 rt_type;
  int rt_iif;
};
struct nf_conntrack_zone {
  __u16 id;
};
struct nf_conn {
  struct nf_conntrack_zone zone;
  unsigned long status;
};
#pragma clang attribute pop
enum skb_ext_id { SKB_EXT_SEC_PATH = 1 };

#define CTINFO 7UL                /* the lower bits of _nfct; */
#define UNTRACKED 7               /* IP_CT_UNTRACKED, include/uapi/linux/netfilter/nf_conntrack_common.h */
#define ANY_NAT (1 << 4 | 1 << 5) /* IPS_NAT_MASK, the same */
#define UNICAST 1                 /* RTN_UNICAST, RTN_LOCAL: include/uapi/linux/rtnetlink.h */
#define LOCAL 2

/* The address of the structure behind a packet's context. */
static __always_inline struct sk_buff* kernels_own(struct __sk_buff* skb) {
  struct __sk_buff* volatile kept = skb; /* read back from where it lies, it is a number: see cgroup.bpf.h */
  __u64 address = 0;
  if (bpf_probe_read_kernel(&address, sizeof address, (void*)&kept)) return 0;
  return (void*)address;
}

/* Whether connection tracking, which looks at it again on its way back, would not find the entry that it has: entries
 * are found by the addresses before translation. Or is not to look at it. */
static __always_inline int loses_its_entry(struct sk_buff* skb) {
  unsigned long nfct = BPF_CORE_READ(skb, _nfct);
  if (bpf_core_field_exists(skb->ipvs_property) && BPF_CORE_READ_BITFIELD_PROBED(skb, ipvs_property)) return 1;
  if ((nfct & CTINFO) == UNTRACKED) return 1;
  struct nf_conn* entry = (void*)(nfct & ~CTINFO);
  if (!entry) return 0;
  if (!bpf_core_field_exists(entry->status)) return 1; /* the module came after us */
  if (BPF_CORE_READ(entry, status) & ANY_NAT) return 1;
  return bpf_core_field_exists(entry->zone) && BPF_CORE_READ(entry, zone.id);
}

/* Whether it came by a route that the return's own question, by mark and addresses, would not find again. */
static __always_inline int has_other_route(struct sk_buff* skb) {
  struct rtable* route = (void*)(BPF_CORE_READ(skb, _skb_refdst) & ~1UL);
  if (!route) return 0;
  __u16 type = BPF_CORE_READ(route, rt_type);
  return type != UNICAST && type != LOCAL;
}

/* Whether its receiver will take it for one that came by another device than lo: that of the address. (IPv6's routes do
 * not say it as simply.) */
static __always_inline int came_by_another(struct sk_buff* skb, __u32 ifindex, int v4) {
  struct rtable* route = (void*)(BPF_CORE_READ(skb, _skb_refdst) & ~1UL);
  if (!route || !v4) return !!route;
  __u32 device = BPF_CORE_READ(route, rt_iif);
  return device && device != ifindex;
}

/* 1: IPsec has decrypted it. 2: or a device is still to encrypt it. */
static __always_inline int in_ipsec(struct sk_buff* skb) {
  if (!bpf_core_enum_value_exists(enum skb_ext_id, SKB_EXT_SEC_PATH)) return 0;
  __u32 path = bpf_core_enum_value(enum skb_ext_id, SKB_EXT_SEC_PATH);
  if (!(BPF_CORE_READ(skb, active_extensions) >> path & 1)) return 0;
  struct skb_ext* extensions = BPF_CORE_READ(skb, extensions);
  __u8 at = 0;
  if (bpf_core_read(&at, 1, &extensions->offset[0]) || /* for its place */
      bpf_probe_read_kernel(&at, 1, (__u8*)__builtin_preserve_access_index(&extensions->offset[0]) + path))
    return 1;
  struct sec_path* steps = (void*)extensions + at * 8;
  return BPF_CORE_READ(steps, olen) ? 2 : 1;
}
#endif

/* On lo a packet returns with a route that is asked for anew (bpf_redirect_neigh), for its addresses, from lo. There is
 * none to what has its address at another device (IPv6's link-local ones), nor to more than one receiver. */
static __always_inline int has_no_way_back(struct __sk_buff* skb) {
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    __be32 to = 0;
    if (bpf_skb_load_bytes(skb, ETH_HLEN + 16, &to, sizeof to)) return 0;
    return (to & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) || to == 0xffffffff || to == bpf_htonl(0x7fffffff);
  }
  __be16 to = 0;
  if (bpf_skb_load_bytes(skb, ETH_HLEN + 24, &to, sizeof to)) return 0;
  return (to & bpf_htons(0xff00)) == bpf_htons(0xff00) || (to & bpf_htons(0xffc0)) == bpf_htons(0xfe80);
}

/* On lo, to an address of another device: whether its receiver would be found when it returns. The kernel then takes it
 * for one that came by lo, and not by that device as before, so that a socket which is bound to the device hears it no
 * more. Those that are found by lo are no such sockets. A global function, with a stack frame of its own. */
__attribute__((noinline)) int is_heard_by_lo(struct __sk_buff* skb) {
  struct bpf_sock_tuple tuple;
  __u32 l4 = ETH_HLEN, size;
  __u8 proto = 0, word = 0;
  int part = WHOLE;
  __builtin_memset(&tuple, 0, sizeof tuple);
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    __be16 fragment = 0;
    size = sizeof tuple.ipv4;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &word, 1) || bpf_skb_load_bytes(skb, ETH_HLEN + 6, &fragment, 2) ||
        bpf_skb_load_bytes(skb, ETH_HLEN + 9, &proto, 1) || bpf_skb_load_bytes(skb, ETH_HLEN + 12, &tuple, 8))
      return 1;
    if (fragment & bpf_htons(0x3fff) || (tuple.ipv4.daddr & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000)) return 1;
    l4 += (word & 15) * 4;
    if (bpf_skb_load_bytes(skb, l4, &tuple.ipv4.sport, 4)) return 1;
  } else {
    size = sizeof tuple.ipv6;
    if (bpf_skb_load_bytes(skb, ETH_HLEN + 6, &proto, 1) || bpf_skb_load_bytes(skb, ETH_HLEN + 8, &tuple, 32)) return 1;
    __be32* to = tuple.ipv6.daddr;
    l4 += 40;
    if (!to[0] && !to[1] && !to[2] && to[3] == bpf_htonl(1)) return 1; /* ::1, which is lo's */
    if (walk_extensions(skb, &proto, &l4, &part) || part != WHOLE) return 1;
    if (bpf_skb_load_bytes(skb, l4, &tuple.ipv6.sport, 4)) return 1;
  }
  struct bpf_sock* receiver;
  if (proto == IPPROTO_TCP)
    receiver = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0); /* one in TIME_WAIT, too */
  else if (proto == IPPROTO_UDP)
    receiver = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
  else
    return 1;
  if (!receiver) return 0;
  bpf_sk_release(receiver);
  return 1;
}

/* One of FL_LEFT_*. A global function, verified once, with a stack of its own. */
__attribute__((noinline)) int why_left_out(struct __sk_buff* skb, int at) {
  __u32 size = skb->gso_size;
  if (size ? size > LONGEST_SEGMENT && size != BY_FRAGMENTS : skb->len + ETH_HLEN - l3_at(at) > LONGEST_FRAME)
    return FL_LEFT_LARGE;
  if (is_loopback(at)) {
    if (has_no_way_back(skb)) return FL_LEFT_LOCAL;
  } else {
    struct bpf_tunnel_key key;
    if (bpf_skb_get_tunnel_key(skb, &key, sizeof key, 0) != NO_TUNNEL) return FL_LEFT_TUNNEL;
  }
  int sends = at == FL_AT_OUT || at == FL_AT_BARE_OUT;
  if (sends && skb->tstamp_type == TAI) return FL_LEFT_TIMED; /* etf asks its socket, which it will have no more */
#if FL_CGROUPS
  struct sk_buff* own = kernels_own(skb);
  if (!own) return FL_LEFT_NOT;
  if (is_loopback(at)) {
    volatile __u32 ifindex = skb->ifindex;
    if (skb->protocol == bpf_htons(ETH_P_IP) && has_other_route(own)) return FL_LEFT_LOCAL;
    if (came_by_another(own, ifindex, skb->protocol == bpf_htons(ETH_P_IP)) && !is_heard_by_lo(skb))
      return FL_LEFT_LOCAL;
  }
  if (!sends && loses_its_entry(own)) return FL_LEFT_NAT; /* of what leaves the machine tracking has seen all */
  int ipsec = in_ipsec(own);
  if (ipsec == 2 || (ipsec && is_ingress(at))) return FL_LEFT_IPSEC;
#else
  if (is_loopback(at) && !is_heard_by_lo(skb)) return FL_LEFT_LOCAL;
#endif
  return FL_LEFT_NOT;
}

struct left_out {
  __u64 mask, t; /* rules still to be told */
  __u32 packets, why, first_rule, length;
};

static long count_left_out(__u32 i, struct left_out* c) {
  if (!c->mask) return 1;
  __u32 index;
  struct fl_rule* rule = rule_at(c->first_rule + lowest_bit(c->mask), &index);
  __u64 why = c->why;
  asm volatile("" : "+r"(why)); /* one register for check and use, as in bucket_of() */
  c->mask &= c->mask - 1;
  if (!rule) return 0;
  struct fl_tally* tally = bpf_map_lookup_elem(&tallies, &index);
  if (!tally || c->t < rule->start || c->t >= rule->end) return 0;
  if (shape.sizes && rule->above && c->length <= rule->above) return 0;
  struct fl_present* now = presently(index, rule, c->t);
  if (!now || !now->asks) return 0; /* between episodes */
  __u64* counts = &tally->left_out;
  counts[0] += c->packets;
  if (why < FL_LEFT_REASONS) counts[why] += c->packets; /* it is not 0: FL_LEFT_NOT is not left out */
  return 0;
}

/* Leaves a packet out that must not go through the pen, and counts it for those of its rules that had not met it. Not
 * 0: it is left out. */
__attribute__((noinline)) int leave_out(struct __sk_buff* skb, __u64 mask, __u64 t, int at) {
  int why = why_left_out(skb, at);
  const struct fl_selector_config* cfg = config_here(skb);
  if (why == FL_LEFT_NOT || !cfg) return 0;
  /* What IPsec has decrypted comes in by its device a second time: a rule about everything has met what carried it. */
  if (why == FL_LEFT_IPSEC && at == FL_AT_IN) mask &= ~(cfg->other & ~cfg->port_rules & cfg->any4.in);
  struct left_out c = {.mask = mask, .t = t, .why = why, .first_rule = first_rule_here(cfg, skb)};
  c.packets = wire_packets(skb, l3_at(at));
  if (shape.sizes && (mask & cfg->size_rules)) c.length = wire_length(skb, l3_at(at));
  bpf_loop(FL_MAX_RULES_PER_SITE, count_left_out, &c, 0);
  return 1;
}

#endif
