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
#include <bpf/bpf_endian.h>
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

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1); /* by user space: FL_TELEMETRY_RING for each target and peer */
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

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1); /* the same, where turns are asked for */
  __type(key, __u32);
  __type(value, struct fl_telemetry_turns);
} telemetry_turns SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_telemetry_turns);
} telemetry_no_turns SEC(".maps");

/* Who speaks first on a connection, seen from the target. */
enum { UNKNOWN, ASKS, ANSWERS };

/* What was seen of a connection of a target. */
struct connection {
  __u64 acked, received;   /* that is counted already */
  __u64 rtt_in;            /* number of the bucket that has its round-trip time */
  __u64 asked;             /* ns: when the last byte of what is not answered yet came or went; 0: nothing waits */
  __u64 sent;              /* bytes, none of them twice */
  __u32 segs_in, segs_out; /* that are counted already */
  __u32 targets, generation;
  __u32 peer, role;
};
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct connection);
} telemetry_connections SEC(".maps");

static __always_inline struct fl_telemetry_control* control_of(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&telemetry_control, &zero);
}

/* The number of the bucket; 0: nothing is counted now. */
static __always_inline __u64 bucket_at(const struct fl_telemetry_control* control, __u64 now) {
  __u64 epoch = *(volatile __u64*)&control->epoch;
  if (now < epoch || now >= *(volatile __u64*)&control->until) return 0;
  return (now - epoch) / FL_TELEMETRY_BUCKET + 1;
}
static __always_inline __u64 bucket_now(const struct fl_telemetry_control* control) {
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
static __always_inline __u64 whose_connection(const struct connection* seen) {
  return whose(seen->targets, seen->peer);
}
/* Of a socket of which nothing is remembered. */
static __always_inline __u64 whose_socket(const struct fl_telemetry_control* control, struct sock* sk) {
  __u32 targets = targets_of(control, sk);
  return targets ? whose(targets, peer_of(sk)) : 0;
}

static __always_inline __u32 index_of(__u32 target, __u64 of, __u64 number) {
  return fl_telemetry_index(target, of >> 32, config.peers, number);
}

static __always_inline struct fl_telemetry_slot* slot_of(__u32 target, __u64 of, __u64 number) {
  __u32 zero = 0, index = index_of(target, of, number);
  struct fl_telemetry_slot* slot = bpf_map_lookup_elem(&telemetry_slots, &index);
  if (!slot || slot->number == number) return slot;
  struct fl_telemetry_slot* empty = bpf_map_lookup_elem(&telemetry_empty, &zero);
  if (!empty || bpf_map_update_elem(&telemetry_slots, &index, empty, BPF_ANY)) return 0;
  slot->number = number;
  return slot;
}

static __always_inline struct fl_telemetry_turns* turns_of(__u32 target, __u64 of, __u64 number) {
  __u32 zero = 0, index = index_of(target, of, number);
  struct fl_telemetry_turns* turns = bpf_map_lookup_elem(&telemetry_turns, &index);
  if (!turns || turns->number == number) return turns;
  struct fl_telemetry_turns* empty = bpf_map_lookup_elem(&telemetry_no_turns, &zero);
  if (!empty || bpf_map_update_elem(&telemetry_turns, &index, empty, BPF_ANY)) return 0;
  turns->number = number;
  return turns;
}

/* What the verifier has to see checked where it is used, not in another copy, nor left out because clang knows it. */
#define SEEN(value) __asm__ volatile("" : "+r"(value))

/* Global functions, as these are, are verified once and by themselves. */
__attribute__((noinline)) int count_for(__u64 of, __u64 number, __u64 which, __u64 amount) {
  __u32 targets = of;
  for (__u32 target = 0; target < FL_TELEMETRY_TARGETS; target++) {
    if (!(targets >> target)) break;
    if (!(targets >> target & 1)) continue;
    struct fl_telemetry_slot* slot = slot_of(target, of, number);
    __u64 at = which;
    SEEN(at);
    if (slot && at < FL_TELEMETRY_COUNTS) __sync_fetch_and_add(&slot->counts[at], amount);
  }
  return 0;
}

/* What came about on a connection since the last look: bytes and packets, and a round-trip time unless it is 0. */
struct transfer {
  __u64 of, number;
  __u64 sent, received;
  __u32 packets_sent, packets_received;
  __u32 srtt_us, pad;
};
__attribute__((noinline)) int count_transfer_for(const struct transfer* more) {
  if (!more) return 0;
  __u64 bucket = fl_bucket((__u64)more->srtt_us << 4) >> FL_TELEMETRY_RTT_SHIFT;
  __u32 targets = more->of;
  for (__u32 target = 0; target < FL_TELEMETRY_TARGETS; target++) {
    if (!(targets >> target)) break;
    if (!(targets >> target & 1)) continue;
    struct fl_telemetry_slot* slot = slot_of(target, more->of, more->number);
    __u64 at = bucket;
    SEEN(at);
    if (!slot || at >= FL_TELEMETRY_RTT_BUCKETS) continue;
    if (more->sent) __sync_fetch_and_add(&slot->counts[FL_BYTES_SENT], more->sent);
    if (more->received) __sync_fetch_and_add(&slot->counts[FL_BYTES_RECEIVED], more->received);
    if (more->packets_sent) __sync_fetch_and_add(&slot->counts[FL_PACKETS_SENT], more->packets_sent);
    if (more->packets_received) __sync_fetch_and_add(&slot->counts[FL_PACKETS_RECEIVED], more->packets_received);
    if (more->srtt_us) __sync_fetch_and_add(&slot->rtt[at], 1);
  }
  return 0;
}

/* `srtt_us` 0: no round-trip time. */
static __always_inline void count_transfer(struct connection* seen, struct tcp_sock* tp, __u64 number, __u32 srtt_us) {
  __u64 acked = tp->bytes_acked, received = tp->bytes_received;
  __u32 in = tp->segs_in, out = tp->segs_out;
  struct transfer more = {.of = whose_connection(seen),
                          .number = number,
                          .sent = acked - seen->acked,
                          .received = received - seen->received,
                          .packets_sent = out - seen->segs_out,
                          .packets_received = in - seen->segs_in,
                          .srtt_us = srtt_us};
  if (!more.sent && !more.received && !more.packets_sent && !more.packets_received && !srtt_us) return;
  seen->acked = acked;
  seen->received = received;
  seen->segs_in = in;
  seen->segs_out = out;
  count_transfer_for(&more);
}

/* An answer has begun. */
__attribute__((noinline)) int count_turn_for(__u64 of, __u64 number, __u64 took_ns) {
  __u64 bucket = fl_bucket(took_ns * 16 / 1000) >> FL_TELEMETRY_RTT_SHIFT;
  __u32 targets = of;
  for (__u32 target = 0; target < FL_TELEMETRY_TARGETS; target++) {
    if (!(targets >> target)) break;
    if (!(targets >> target & 1)) continue;
    struct fl_telemetry_turns* turns = turns_of(target, of, number);
    __u64 at = bucket;
    SEEN(at);
    if (turns && at < FL_TELEMETRY_RTT_BUCKETS) __sync_fetch_and_add(&turns->took[at], 1);
  }
  return 0;
}

static __always_inline __u64 sent_by(struct tcp_sock* tp) { return tp->bytes_sent - tp->bytes_retrans; }

/* Of a connection of a target; its bytes count from the first call on. */
static __always_inline struct connection* connection_of(const struct fl_telemetry_control* control, struct sock* sk,
                                                        struct tcp_sock* tp) {
  struct connection* seen = bpf_sk_storage_get(&telemetry_connections, sk, 0, 0);
  __u32 generation = control->generation;
  if (seen) {
    if (seen->generation != generation) { /* it may be of a target that came after it */
      seen->generation = generation;
      seen->targets = targets_of(control, sk);
    }
    return seen->targets ? seen : 0;
  }
  __u32 targets = targets_of(control, sk);
  /* One look-up is not worth the memory; a walk through levels is. */
  if (!targets && !control->cgroup_levels) return 0;
  struct connection first = {.acked = tp->bytes_acked,
                             .received = tp->bytes_received,
                             .sent = sent_by(tp),
                             .segs_in = tp->segs_in,
                             .segs_out = tp->segs_out,
                             .targets = targets,
                             .generation = generation,
                             .peer = targets ? peer_of(sk) : 0};
  seen = bpf_sk_storage_get(&telemetry_connections, sk, &first, BPF_SK_STORAGE_GET_F_CREATE);
  return targets ? seen : 0;
}

/* Whoever opened a connection asks. Of one that was open before, whoever has the lower port answers. */
static __always_inline __u32 role_of(struct connection* seen, struct sock* sk) {
  if (seen->role == UNKNOWN)
    seen->role = sk->__sk_common.skc_num < bpf_ntohs(sk->__sk_common.skc_dport) ? ANSWERS : ASKS;
  return seen->role;
}

/* Payload has gone out, or come in, that was not there before. */
static __always_inline void take_turn(struct connection* seen, int asks, __u64 number, __u64 now) {
  if (asks) {
    seen->asked = now;
    return;
  }
  if (!seen->asked) return;
  count_turn_for(whose_connection(seen), number, now - seen->asked);
  seen->asked = 0;
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

/* The end of a turn that nobody answered, or a farewell: a close_notify of TLS, say, asks for nothing. */
static __always_inline void end_turn(struct connection* seen, __u64 number, int after) {
  if (!seen->asked) return;
  if (after == BPF_TCP_CLOSE) {
    count_for(whose_connection(seen), number, FL_UNANSWERED, 1);
    seen->asked = 0;
  } else if (bpf_ktime_get_ns() - seen->asked < FL_TELEMETRY_FAREWELL) {
    seen->asked = 0;
  }
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(telemetry_state, struct sock* sk, int before, int after) {
  if (sk->sk_protocol != IPPROTO_TCP) return 0;
  int parting = config.turns && (after == BPF_TCP_FIN_WAIT1 || after == BPF_TCP_CLOSE_WAIT);
  if (!parting && after != BPF_TCP_ESTABLISHED &&
      (after != BPF_TCP_CLOSE || before == BPF_TCP_LISTEN || before == BPF_TCP_CLOSE))
    return 0;
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  __u64 number = bucket_now(control);
  if (!number) return 0;
  if (after == BPF_TCP_CLOSE && (before == BPF_TCP_SYN_SENT || before == BPF_TCP_SYN_RECV)) {
    if (before == BPF_TCP_SYN_SENT) count_for(whose_socket(control, sk), number, FL_FAILED + failed_by(sk->sk_err), 1);
    return 0;
  }
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  if (!tp) return 0;
  struct connection* seen = connection_of(control, sk, tp);
  __u64 of = seen ? whose_connection(seen) : whose_socket(control, sk); /* where there was no memory for it */
  if (!(__u32)of) return 0;
  if (seen && config.turns) end_turn(seen, number, after);
  if (parting) return 0;
  if (after == BPF_TCP_ESTABLISHED) {
    int asks = before == BPF_TCP_SYN_SENT;
    if (seen) seen->role = asks ? ASKS : ANSWERS;
    if (asks || before == BPF_TCP_SYN_RECV) count_for(of, number, asks ? FL_OPENED : FL_ACCEPTED, 1);
    return 0;
  }
  count_for(of, number, FL_CLOSED, 1);
  if (seen) count_transfer(seen, tp, number, 0);
  return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(telemetry_retransmit, struct sock* sk, struct sk_buff* skb) {
  struct fl_telemetry_control* control = control_of();
  __u64 number = control ? bucket_now(control) : 0;
  if (!number) return 0;
  if (config.retransmit_error && (int)ctx[2] != 0) return 0; /* it was not sent */
  __u64 of = whose_socket(control, sk);
  if (!of) return 0;
  count_for(of, number, FL_RETRANSMITS, 1);
  /* Of what is sent again in this state, the acknowledgements of later packets have called for some; each that moves on
   * sets the number of retransmissions back. */
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  if (tp && BPF_CORE_READ_BITFIELD(tp, inet_conn.icsk_ca_state) == TCP_CA_Loss && tp->inet_conn.icsk_retransmits)
    count_for(of, number, FL_TIMEOUTS, 1);
  return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(telemetry_send_reset, struct sock* sk, struct sk_buff* skb) {
  struct fl_telemetry_control* control = control_of();
  __u64 number = control ? bucket_now(control) : 0;
  if (!number) return 0;
  __u64 of = 0;
  if (sk) {
    of = whose_socket(control, sk);
  } else if (skb) { /* nobody listens there; its peer is not told */
    struct net_device* dev = BPF_CORE_READ(skb, dev);
    if (dev) of = targets_at(BPF_CORE_READ(dev, nd_net.net, ns.inum), 0);
  }
  count_for(of, number, FL_RESETS_SENT, 1);
  return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(telemetry_receive_reset, struct sock* sk) {
  struct fl_telemetry_control* control = control_of();
  __u64 number = control ? bucket_now(control) : 0;
  if (number) count_for(whose_socket(control, sk), number, FL_RESETS_RECEIVED, 1);
  return 0;
}

/* Whether a packet that arrives has payload that has not come before. */
static __always_inline int brings_news(struct tcp_sock* tp, struct sk_buff* skb) {
  struct tcphdr th;
  if (bpf_probe_read_kernel(&th, sizeof th, BPF_CORE_READ(skb, data))) return 0;
  __u32 length = BPF_CORE_READ(skb, len), header = th.doff * 4;
  if (length <= header) return 0;
  return (__s32)(bpf_ntohl(th.seq) + (length - header) - tp->rcv_nxt) > 0;
}

/* For each packet that arrives on an open connection, before it is looked at. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(telemetry_arrival, struct sock* sk, struct sk_buff* skb) {
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  __u64 now = bpf_ktime_get_ns(), number = bucket_at(control, now);
  if (!number) return 0;
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  if (!tp) return 0;
  struct connection* seen = connection_of(control, sk, tp);
  if (!seen) return 0;
  if (config.turns && brings_news(tp, skb)) take_turn(seen, role_of(seen, sk) == ANSWERS, number, now);
  __u32 srtt = seen->rtt_in == number ? 0 : tp->srtt_us >> 3; /* kept in eighths */
  if (srtt) seen->rtt_in = number;
  count_transfer(seen, tp, number, srtt);
  return 0;
}

/* For each packet that is about to leave by a device, after what stands at its egress: where turns are asked for. */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(telemetry_departure, struct sk_buff* skb) {
  struct sock* sk = skb->sk;
  if (!sk) return 0;
  __u8 state = sk->__sk_common.skc_state; /* in these it is a whole socket, and may have something to say */
  if (state != BPF_TCP_ESTABLISHED && state != BPF_TCP_CLOSE_WAIT && state != BPF_TCP_FIN_WAIT1) return 0;
  if (sk->sk_protocol != IPPROTO_TCP) return 0;
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  struct connection* seen = bpf_sk_storage_get(&telemetry_connections, sk, 0, 0);
  if (!seen || !seen->targets) return 0;
  /* Not bpf_skc_to_tcp_sock(), which does not take a pointer that is read out of a packet. */
  struct tcp_sock* tp = (struct tcp_sock*)sk;
  __u64 sent = BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans);
  if (sent == seen->sent) return 0;
  seen->sent = sent;
  __u64 now = bpf_ktime_get_ns(), number = bucket_at(control, now);
  if (number) take_turn(seen, role_of(seen, sk) == ASKS, number, now);
  return 0;
}
