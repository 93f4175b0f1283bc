/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose socket is it: rules that are about one cgroup's traffic. A packet that leaves carries its socket, whose cgroup
 * a helper tells. One that arrives does not yet: its socket is looked up, and the cgroup is read from the kernel's own
 * structures, since no helper of tc programs tells it. Both are asked only for packets that such a rule would meet. */
#ifndef FAULTLINE_BPF_CGROUP_H
#define FAULTLINE_BPF_CGROUP_H

#include <bpf/bpf_core_read.h>

#include "faults/bpf/kernel_cgroup.bpf.h"
#include "faults/bpf/place.bpf.h"

/* Rules by the id of a cgroup. User space changes it while the run goes on, when a target is replaced. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_ENTRIES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_cgroup_key);
  __type(value, __u64);
} cgroups SEC(".maps");

/* The levels of the hierarchy at which such cgroups are, a bit each, by site; see FL_MAX_CGROUP_LEVEL. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} cgroup_levels SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock {
  struct sock_cgroup_data sk_cgrp_data;
};
#pragma clang attribute pop

static __always_inline __u64 levels_in_use(__u32 site) {
  __u64* levels = bpf_map_lookup_elem(&cgroup_levels, &site);
  return levels ? *levels : 0;
}

static __always_inline __u64 rules_of(__u32 site, __u64 id) {
  struct fl_cgroup_key key = {.id = id, .site = site};
  __u64* rules = id ? bpf_map_lookup_elem(&cgroups, &key) : 0;
  return rules ? *rules : 0;
}

/* Rules of the socket that sends. What the kernel sends of itself (a reset, an echo reply) belongs to the root. Global
 * functions, as these three are, are verified once and by themselves, and have a stack frame of their own. */
__attribute__((noinline)) __u64 sender_rules(struct __sk_buff* skb) {
  __u32 site = site_here(skb);
  __u64 levels = levels_in_use(site), rules = 0;
  for (__u32 level = 0; level <= FL_MAX_CGROUP_LEVEL; level++) {
    if (!(levels >> level)) break;
    if (levels >> level & 1) rules |= rules_of(site, bpf_skb_ancestor_cgroup_id(skb, level));
  }
  return rules;
}

/* The site's rules of a socket that is at `address` in the kernel's memory. */
__attribute__((noinline)) __u64 rules_of_socket(__u32 site, __u64 address) {
  struct sock* sk = (void*)address;
  struct cgroup* cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
  if (!cgroup) return 0;
  __u64 levels = levels_in_use(site), rules = 0;
  int deepest = BPF_CORE_READ(cgroup, level);
  for (int level = 0; level <= FL_MAX_CGROUP_LEVEL; level++) {
    if (level > deepest || !(levels >> level)) break;
    if (!(levels >> level & 1)) continue;
    struct cgroup* ancestor = 0;
    if (bpf_core_read(&ancestor, sizeof ancestor, &cgroup->ancestors[level])) break;
    rules |= rules_of(site, BPF_CORE_READ(ancestor, kn, id));
  }
  return rules;
}

/* Rules of the socket that a packet of TCP or UDP, its IP header at `l3` and its ports at `l4`, would be given to. */
__attribute__((noinline)) __u64 receiver_rules(struct __sk_buff* skb, __u32 l3, __u32 l4, __u8 proto) {
  struct bpf_sock_tuple tuple;
  struct bpf_sock* sk;
  __u32 size, site = site_here(skb);
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    size = sizeof tuple.ipv4;
    if (bpf_skb_load_bytes(skb, l3 + offsetof(struct iphdr, saddr), &tuple.ipv4.saddr, 8) ||
        bpf_skb_load_bytes(skb, l4, &tuple.ipv4.sport, 4))
      return 0;
  } else {
    size = sizeof tuple.ipv6;
    if (bpf_skb_load_bytes(skb, l3 + offsetof(struct ipv6hdr, saddr), &tuple.ipv6.saddr, 32) ||
        bpf_skb_load_bytes(skb, l4, &tuple.ipv6.sport, 4))
      return 0;
  }
  if (proto == IPPROTO_TCP)
    sk = bpf_sk_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
  else
    sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
  if (!sk) return 0;
  /* The verifier knows this pointer as a bpf_sock, of which it shows little. Read back from where it lies, it is a
   * number, and what is there may be read as any kernel memory. (bpf_rdonly_cast() would do it by type, from 6.2 on.)
   */
  struct bpf_sock* volatile kept = sk;
  __u64 address = 0, rules = 0;
  if (!bpf_probe_read_kernel(&address, sizeof address, (void*)&kept)) rules = rules_of_socket(site, address);
  bpf_sk_release(sk);
  return rules;
}

#endif
