/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was seen of a connection of a target, and what each look at it adds: transfers and turns. */
#ifndef FAULTLINE_TELEMETRY_CONNECTION_H
#define FAULTLINE_TELEMETRY_CONNECTION_H

#include "injector/observe/telemetry/counting.bpf.h"

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

static __always_inline __u64 whose_connection(const struct connection* seen) {
  return whose(seen->targets, seen->peer);
}

/* What has come about since the last look, which this is the next after; 0: nothing. */
static __always_inline int transferred(struct transfer* more, struct connection* seen, struct tcp_sock* tp,
                                       __u64 number) {
  __u64 acked = tp->bytes_acked, received = tp->bytes_received;
  __u32 in = tp->segs_in, out = tp->segs_out;
  *more = (struct transfer){.of = whose_connection(seen),
                            .number = number,
                            .sent = acked - seen->acked,
                            .received = received - seen->received,
                            .packets_sent = out - seen->segs_out,
                            .packets_received = in - seen->segs_in};
  seen->acked = acked;
  seen->received = received;
  seen->segs_in = in;
  seen->segs_out = out;
  return (more->sent | more->received | more->packets_sent | more->packets_received) != 0;
}
static __always_inline void count_transfer(struct connection* seen, struct tcp_sock* tp, __u64 number) {
  struct transfer more;
  if (transferred(&more, seen, tp, number)) count_transfer_for(&more);
}

static __always_inline __u64 sent_by(struct tcp_sock* tp) { return tp->bytes_sent - tp->bytes_retrans; }

/* What is remembered of a connection; its bytes count from the first call on. `of` says whose it is, 0 of no target,
 * and does so too where there was no memory for it: then the answer is null. */
static __always_inline struct connection* connection_of(const struct fl_telemetry_control* control, struct sock* sk,
                                                        struct tcp_sock* tp, __u64* of) {
  struct connection* seen = bpf_sk_storage_get(&telemetry_connections, sk, 0, 0);
  __u32 generation = control->generation;
  *of = 0;
  if (seen) {
    if (seen->generation != generation) { /* it may be of a target that came after it */
      seen->generation = generation;
      seen->targets = targets_of(control, sk);
      seen->peer = seen->targets ? peer_of(sk) : 0;
    }
    if (!seen->targets) return 0;
    *of = whose_connection(seen);
    return seen;
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
  if (!targets) return 0;
  *of = whose(targets, first.peer);
  return seen;
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

/* The end of a turn that nobody answered, or a farewell: a close_notify of TLS, say, asks for nothing. */
static __always_inline void end_turn(struct connection* seen, __u64 number, __u64 now, int after) {
  if (!seen->asked) return;
  if (after == BPF_TCP_CLOSE) {
    count_for(whose_connection(seen), number, FL_UNANSWERED, 1);
    seen->asked = 0;
  } else if (now - seen->asked < FL_TELEMETRY_FAREWELL) {
    seen->asked = 0;
  }
}

#endif
