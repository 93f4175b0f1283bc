/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose a socket is: targets, told by network namespace and cgroup, and their peer, told by address. */
#ifndef FAULTLINE_TELEMETRY_WHOSE_H
#define FAULTLINE_TELEMETRY_WHOSE_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/tcp.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "injector/observe/telemetry/abi.h"
#include "injector/observe/telemetry/kernel.bpf.h"

const volatile struct fl_telemetry_config config;

extern void* bpf_rdonly_cast(const void* of, __u32 type) __ksym __weak;

/* A socket that is known to be one of TCP, to be read with plain loads, which take less than the helpers; null before
 * Linux 6.2. Whether the kernel has the function user space tells: to ask for its address is refused before 6.4. */
static __always_inline struct tcp_sock* as_tcp(struct sock* sk) {
  return config.cast ? bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock)) : 0;
}

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_telemetry_control);
} telemetry_control SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_MAX_ENTRIES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_telemetry_place);
  __type(value, __u32);
} telemetry_places SEC(".maps");

/* Peers that the plan names, by their prefixes, and those that turned up. */
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, FL_MAX_ENTRIES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_telemetry_address);
  __type(value, __u32);
} telemetry_named SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_TELEMETRY_PEERS);
  __type(key, struct fl_telemetry_address);
  __type(value, __u32);
} telemetry_peers SEC(".maps");

/* The number of the next one that turns up. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} telemetry_next_peer SEC(".maps");

static __always_inline struct fl_telemetry_control* control_of(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&telemetry_control, &zero);
}

/* The number of the bucket; 0: nothing is counted now. To see whether a guess is right takes less than to divide. */
static __always_inline __u64 bucket_at(struct fl_telemetry_control* control, __u64 now) {
  __u64 epoch = *(volatile __u64*)&control->epoch;
  if (now < epoch || now >= *(volatile __u64*)&control->until) return 0;
  __u64 since = now - epoch, bucket = *(volatile __u64*)&control->latest;
  if (since - bucket * FL_TELEMETRY_BUCKET >= FL_TELEMETRY_BUCKET) {
    bucket = since / FL_TELEMETRY_BUCKET;
    *(volatile __u64*)&control->latest = bucket;
  }
  return bucket + 1;
}
static __always_inline __u64 bucket_now(struct fl_telemetry_control* control) {
  return bucket_at(control, bpf_ktime_get_ns());
}

/* Most sockets of a machine are of no target, and what they cost counts, too. */
static __always_inline int is_elsewhere(const struct fl_telemetry_control* control, struct sock* sk) {
  __u32 netns = sk->__sk_common.skc_net.net->ns.inum;
  if (!control->netns[0]) return 0;
  for (int i = 0; i < FL_TELEMETRY_NETNS; i++)
    if (control->netns[i] == netns) return 0;
  return 1;
}

__attribute__((noinline)) __u32 targets_at(__u64 netns, __u64 cgroup) {
  struct fl_telemetry_place place = {.cgroup = cgroup, .netns = netns};
  __u32* targets = bpf_map_lookup_elem(&telemetry_places, &place);
  return targets ? *targets : 0;
}

/* Also of what is left of a socket (BPF_TCP_TIME_WAIT) or is about to become one, which know their namespace alone. */
static __always_inline __u32 targets_of(const struct fl_telemetry_control* control, struct sock* sk) {
  __u64 netns = sk->__sk_common.skc_net.net->ns.inum;
  __u32 targets = targets_at(netns, 0), levels = control->cgroup_levels;
  if (!levels) return targets;
  __u8 state = sk->__sk_common.skc_state;
  if (state == BPF_TCP_TIME_WAIT || state == BPF_TCP_NEW_SYN_RECV) return targets;
  struct cgroup* cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
  if (!cgroup) return targets;
  int deepest = BPF_CORE_READ(cgroup, level);
  for (int level = 1; level <= FL_MAX_CGROUP_LEVEL; level++) {
    if (level > deepest) break;
    if (!(levels >> level & 1)) continue;
    struct cgroup* ancestor = 0;
    if (bpf_core_read(&ancestor, sizeof ancestor, &cgroup->ancestors[level])) break;
    targets |= targets_at(netns, BPF_CORE_READ(ancestor, kn, id));
  }
  return targets;
}

__attribute__((noinline)) __u32 number_of_peer(const struct fl_telemetry_address* of) {
  if (!of) return 0;
  struct fl_telemetry_address on_stack = *of, *address = &on_stack; /* 6.1 takes no other memory for a key */
  __u32* known = bpf_map_lookup_elem(&telemetry_named, address);
  if (!known) known = bpf_map_lookup_elem(&telemetry_peers, address);
  if (known) return *known;
  __u32 zero = 0, *next = bpf_map_lookup_elem(&telemetry_next_peer, &zero);
  if (!next || *(volatile __u32*)next >= config.peers) return 0;
  __u32 number = __sync_fetch_and_add(next, 1);
  if (number >= config.peers) return 0;
  if (!bpf_map_update_elem(&telemetry_peers, address, &number, BPF_NOEXIST)) return number;
  known = bpf_map_lookup_elem(&telemetry_peers, address); /* on another CPU at the same time: a number is lost */
  return known ? *known : 0;
}

static __always_inline __u32 peer_of(struct sock* sk) {
  if (config.peers <= 1) return 0;
  struct fl_telemetry_address address; /* set like this, since clang would add a constant of its own to the settings */
  __builtin_memset(&address, 0, sizeof address);
  address.length = 128;
  if (sk->__sk_common.skc_family == 10 /* AF_INET6 */) {
    if (bpf_core_read(address.words, sizeof address.words, &sk->__sk_common.skc_v6_daddr)) return 0;
  } else {
    address.words[2] = bpf_htonl(0xffff);
    address.words[3] = sk->__sk_common.skc_daddr;
  }
  return number_of_peer(&address);
}

/* Whose something is: targets as bits, and their peer. */
static __always_inline __u64 whose(__u32 targets, __u32 peer) { return (__u64)peer << 32 | targets; }
/* Of a socket of which nothing is remembered. */
static __always_inline __u64 whose_socket(const struct fl_telemetry_control* control, struct sock* sk) {
  __u32 targets = targets_of(control, sk);
  return targets ? whose(targets, peer_of(sk)) : 0;
}

#endif
