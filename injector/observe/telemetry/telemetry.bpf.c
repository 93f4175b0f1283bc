// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Telemetry of a target: what becomes of its TCP connections, counted at the kernel's tracepoints. The programs see
 * every socket of the machine and count those of a target, told by network namespace and cgroup. They change nothing.
 *
 * A tracepoint in an interrupt may come while the same program runs on this CPU: the kernel then leaves it out, and
 * counts that. Counters are added to atomically, since another of these programs may come in between. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/tcp.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "injector/observe/telemetry/abi.h"
#include "injector/observe/telemetry/kernel.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct fl_telemetry_config config;

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

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1); /* by user space: FL_TELEMETRY_RING for each target */
  __type(key, __u32);
  __type(value, struct fl_telemetry_slot);
} telemetry_slots SEC(".maps");

/* Nothing counted yet: what a slot is overwritten with when its turn comes again. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_telemetry_slot);
} telemetry_empty SEC(".maps");

/* What was seen of a connection of a target. */
struct connection {
  __u64 acked, received; /* that is counted already */
  __u64 rtt_in;          /* number of the bucket that has its round-trip time */
  __u32 targets;
};
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct connection);
} telemetry_connections SEC(".maps");

/* The number of the bucket; 0: nothing is counted now. */
static __always_inline __u64 bucket_now(void) {
  __u32 zero = 0;
  struct fl_telemetry_control* control = bpf_map_lookup_elem(&telemetry_control, &zero);
  if (!control) return 0;
  __u64 now = bpf_ktime_get_ns(), epoch = *(volatile __u64*)&control->epoch;
  if (now < epoch || now >= *(volatile __u64*)&control->until) return 0;
  return (now - epoch) / FL_TELEMETRY_BUCKET + 1;
}

/* Most sockets of a machine are of no target, and what they cost counts, too. */
static __always_inline int is_elsewhere(struct sock* sk) {
  __u32 netns = sk->__sk_common.skc_net.net->ns.inum;
  if (!config.netns[0]) return 0;
  for (int i = 0; i < FL_TELEMETRY_NETNS; i++)
    if (config.netns[i] == netns) return 0;
  return 1;
}

__attribute__((noinline)) __u32 targets_at(__u64 netns, __u64 cgroup) {
  struct fl_telemetry_place place = {.cgroup = cgroup, .netns = netns};
  __u32* targets = bpf_map_lookup_elem(&telemetry_places, &place);
  return targets ? *targets : 0;
}

/* Also of what is left of a socket (BPF_TCP_TIME_WAIT) or is about to become one, which know their namespace alone. */
static __always_inline __u32 targets_of(struct sock* sk) {
  __u64 netns = sk->__sk_common.skc_net.net->ns.inum;
  __u32 targets = targets_at(netns, 0);
  if (!config.cgroup_levels) return targets;
  __u8 state = sk->__sk_common.skc_state;
  if (state == BPF_TCP_TIME_WAIT || state == BPF_TCP_NEW_SYN_RECV) return targets;
  struct cgroup* cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
  if (!cgroup) return targets;
  int deepest = BPF_CORE_READ(cgroup, level);
  for (int level = 1; level <= FL_MAX_CGROUP_LEVEL; level++) {
    if (level > deepest) break;
    if (!(config.cgroup_levels >> level & 1)) continue;
    struct cgroup* ancestor = 0;
    if (bpf_core_read(&ancestor, sizeof ancestor, &cgroup->ancestors[level])) break;
    targets |= targets_at(netns, BPF_CORE_READ(ancestor, kn, id));
  }
  return targets;
}

static __always_inline struct fl_telemetry_slot* slot_of(__u32 target, __u64 number) {
  __u32 zero = 0, index = target * FL_TELEMETRY_RING + number % FL_TELEMETRY_RING;
  struct fl_telemetry_slot* slot = bpf_map_lookup_elem(&telemetry_slots, &index);
  if (!slot || slot->number == number) return slot;
  struct fl_telemetry_slot* empty = bpf_map_lookup_elem(&telemetry_empty, &zero);
  if (!empty || bpf_map_update_elem(&telemetry_slots, &index, empty, BPF_ANY)) return 0;
  slot->number = number;
  return slot;
}

/* What the verifier has to see checked where it is used, not in another copy, nor left out because clang knows it. */
#define SEEN(value) __asm__ volatile("" : "+r"(value))

/* Global functions, as these are, are verified once and by themselves. */
__attribute__((noinline)) int count_for(__u32 targets, __u64 number, __u64 which, __u64 amount) {
  for (__u32 target = 0; target < FL_TELEMETRY_TARGETS; target++) {
    if (!(targets >> target)) break;
    if (!(targets >> target & 1)) continue;
    struct fl_telemetry_slot* slot = slot_of(target, number);
    __u64 at = which;
    SEEN(at);
    if (slot && at < FL_TELEMETRY_COUNTS) __sync_fetch_and_add(&slot->counts[at], amount);
  }
  return 0;
}

/* What came about on a connection since the last look: bytes, and a round-trip time unless it is 0. */
__attribute__((noinline)) int count_transfer_for(__u32 targets, __u64 number, __u64 sent, __u64 received,
                                                 __u32 srtt_us) {
  __u64 bucket = fl_bucket((__u64)srtt_us << 4) >> FL_TELEMETRY_RTT_SHIFT;
  for (__u32 target = 0; target < FL_TELEMETRY_TARGETS; target++) {
    if (!(targets >> target)) break;
    if (!(targets >> target & 1)) continue;
    struct fl_telemetry_slot* slot = slot_of(target, number);
    __u64 at = bucket;
    SEEN(at);
    if (!slot || at >= FL_TELEMETRY_RTT_BUCKETS) continue;
    if (sent) __sync_fetch_and_add(&slot->counts[FL_BYTES_SENT], sent);
    if (received) __sync_fetch_and_add(&slot->counts[FL_BYTES_RECEIVED], received);
    if (srtt_us) __sync_fetch_and_add(&slot->rtt[at], 1);
  }
  return 0;
}

/* `srtt_us` 0: only bytes. */
static __always_inline void count_transfer(struct connection* seen, struct tcp_sock* tp, __u64 number, __u32 srtt_us) {
  __u64 acked = tp->bytes_acked, received = tp->bytes_received;
  __u64 more = acked - seen->acked, arrived = received - seen->received;
  if (!more && !arrived && !srtt_us) return;
  seen->acked = acked;
  seen->received = received;
  count_transfer_for(seen->targets, number, more, arrived, srtt_us);
}

/* Of a connection of a target; its bytes count from the first call on. */
static __always_inline struct connection* connection_of(struct sock* sk, struct tcp_sock* tp) {
  struct connection* seen = bpf_sk_storage_get(&telemetry_connections, sk, 0, 0);
  if (seen) return seen->targets ? seen : 0;
  __u32 targets = targets_of(sk);
  if (!targets && !config.cgroup_levels) return 0; /* one look-up is not worth the memory; a walk through levels is */
  struct connection first = {.acked = tp->bytes_acked, .received = tp->bytes_received, .targets = targets};
  seen = bpf_sk_storage_get(&telemetry_connections, sk, &first, BPF_SK_STORAGE_GET_F_CREATE);
  return targets ? seen : 0;
}

static __always_inline __u32 failed_by(int error) {
  switch (error) {
    case 0:
      return FL_FAILED_ABANDONED;
    case ECONNREFUSED:
      return FL_FAILED_REFUSED;
    case ETIMEDOUT:
      return FL_FAILED_TIMED_OUT;
    case ECONNRESET:
      return FL_FAILED_RESET;
    case EHOSTUNREACH:
      return FL_FAILED_HOST;
    case ENETUNREACH:
      return FL_FAILED_NET;
    default:
      return FL_FAILED_OTHER;
  }
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(telemetry_state, struct sock* sk, int before, int after) {
  if (sk->sk_protocol != IPPROTO_TCP) return 0;
  if (after != BPF_TCP_ESTABLISHED && (after != BPF_TCP_CLOSE || before == BPF_TCP_LISTEN || before == BPF_TCP_CLOSE))
    return 0;
  if (is_elsewhere(sk)) return 0;
  __u64 number = bucket_now();
  if (!number) return 0;
  if (after == BPF_TCP_CLOSE && (before == BPF_TCP_SYN_SENT || before == BPF_TCP_SYN_RECV)) {
    if (before == BPF_TCP_SYN_SENT) count_for(targets_of(sk), number, FL_FAILED + failed_by(sk->sk_err), 1);
    return 0;
  }
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  if (!tp) return 0;
  struct connection* seen = connection_of(sk, tp);
  __u32 targets = seen ? seen->targets : targets_of(sk); /* where there was no memory for it */
  if (!targets) return 0;
  if (after == BPF_TCP_ESTABLISHED) {
    if (before == BPF_TCP_SYN_SENT)
      count_for(targets, number, FL_OPENED, 1);
    else if (before == BPF_TCP_SYN_RECV)
      count_for(targets, number, FL_ACCEPTED, 1);
    return 0;
  }
  count_for(targets, number, FL_CLOSED, 1);
  if (seen) count_transfer(seen, tp, number, 0);
  return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(telemetry_retransmit, struct sock* sk, struct sk_buff* skb) {
  __u64 number = bucket_now();
  if (!number) return 0;
  if (config.retransmit_error && (int)ctx[2] != 0) return 0; /* it was not sent */
  __u32 targets = targets_of(sk);
  if (!targets) return 0;
  count_for(targets, number, FL_RETRANSMITS, 1);
  /* Of what is sent again in this state, the acknowledgements of later packets have called for some; each that moves on
   * sets the number of retransmissions back. */
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  if (tp && BPF_CORE_READ_BITFIELD(tp, inet_conn.icsk_ca_state) == TCP_CA_Loss && tp->inet_conn.icsk_retransmits)
    count_for(targets, number, FL_TIMEOUTS, 1);
  return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(telemetry_send_reset, struct sock* sk, struct sk_buff* skb) {
  __u64 number = bucket_now();
  if (!number) return 0;
  __u32 targets = 0;
  if (sk) {
    targets = targets_of(sk);
  } else if (skb) { /* nobody listens there */
    struct net_device* dev = BPF_CORE_READ(skb, dev);
    if (dev) targets = targets_at(BPF_CORE_READ(dev, nd_net.net, ns.inum), 0);
  }
  count_for(targets, number, FL_RESETS_SENT, 1);
  return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(telemetry_receive_reset, struct sock* sk) {
  __u64 number = bucket_now();
  if (number) count_for(targets_of(sk), number, FL_RESETS_RECEIVED, 1);
  return 0;
}

/* For each packet that arrives on an open connection, before it is looked at. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(telemetry_arrival, struct sock* sk, struct sk_buff* skb) {
  if (is_elsewhere(sk)) return 0;
  __u64 number = bucket_now();
  if (!number) return 0;
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  if (!tp) return 0;
  struct connection* seen = connection_of(sk, tp);
  if (!seen) return 0;
  __u32 srtt = seen->rtt_in == number ? 0 : tp->srtt_us >> 3; /* kept in eighths */
  if (srtt) seen->rtt_in = number;
  count_transfer(seen, tp, number, srtt);
  return 0;
}
