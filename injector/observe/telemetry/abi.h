/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the telemetry's eBPF programs and user space share: what is counted of a target's TCP sockets, by peer, for each
 * bucket of 100 ms since T0. */
#ifndef FAULTLINE_TELEMETRY_ABI_H
#define FAULTLINE_TELEMETRY_ABI_H

#include "faults/counts_abi.h"

enum {
  FL_TELEMETRY_TARGETS = 32,       /* of a run: the bits of a mask */
  FL_TELEMETRY_BUCKET = 100000000, /* ns */
  FL_TELEMETRY_RING = 32,          /* buckets that a target has room for until they are read: 3.2 s */
  FL_TELEMETRY_NETNS = 4,          /* namespaces that a program tells without a look-up */
  FL_TELEMETRY_PEERS = 16,         /* told apart; 0 is all others */
  FL_TELEMETRY_FAREWELL = 1000000, /* ns: what is sent so shortly before the end of sending asks for nothing */
  FL_TELEMETRY_RTT_SHIFT = 4,      /* fl_bucket() of 1/16 us, in steps of 16: a microsecond, or 8 steps an octave */
  FL_TELEMETRY_RTT_BUCKETS = FL_HIST_BUCKETS >> FL_TELEMETRY_RTT_SHIFT,
};

/* Attempts to connect that failed, by the socket's error. */
enum {
  FL_FAILED_ABANDONED, /* none: the program closed the socket before there was an outcome */
  FL_FAILED_REFUSED,
  FL_FAILED_TIMED_OUT,
  FL_FAILED_RESET,
  FL_FAILED_HOST,
  FL_FAILED_NET,
  FL_FAILED_OTHER,
  FL_FAILED_KINDS
};

enum {
  FL_OPENED,   /* by the target */
  FL_ACCEPTED, /* opened by others */
  FL_CLOSED,   /* over, whatever way */
  FL_RETRANSMITS,
  FL_TIMEOUTS,         /* of these: sent by the retransmission timer */
  FL_RETRANSMITS_OURS, /* of these: for what a fault dropped */
  FL_RESETS_SENT,
  FL_RESETS_RECEIVED,
  FL_TRANSFERRED,
  FL_BYTES_SENT = FL_TRANSFERRED, /* that the peer has acknowledged */
  FL_BYTES_RECEIVED,
  FL_PACKETS_SENT, /* on the wire, of connections that are open */
  FL_PACKETS_RECEIVED,
  FL_TRANSFERRED_END,
  FL_UNANSWERED = FL_TRANSFERRED_END, /* turns that a connection ended in */
  FL_FAILED,
  FL_RETRANSMITS_UNSURE = FL_FAILED + FL_FAILED_KINDS, /* of retransmits: perhaps ours, since losses were forgotten */
  FL_TELEMETRY_COUNTS
};

/* One target, peer and bucket, on one CPU; see fl_telemetry_index(). */
struct fl_telemetry_slot {
  __u64 number; /* of the bucket, from 1; 0: it was never used */
  /* By the program at tcp_probe, and by no other. The kernel does not call a program while it runs on the same CPU, so
   * these two need no atomic additions, of which five for each packet would be a good part of its time. What other
   * programs add to the same counts is in `counts`. */
  __u64 arrived[FL_TRANSFERRED_END - FL_TRANSFERRED];
  __u32 rtt[FL_TELEMETRY_RTT_BUCKETS]; /* once for each connection on which something arrived */
  __u64 counts[FL_TELEMETRY_COUNTS];
};
FL_ASSERT(sizeof(struct fl_telemetry_slot) == 8 + 8 * 4 + 4 * 208 + 8 * 21);
FL_ASSERT(sizeof(struct fl_telemetry_slot) <= 32 << 10);

/* The same index: how long answers took, in the buckets of round-trip times, by the bucket in which they began. */
struct fl_telemetry_turns {
  __u64 number;
  __u32 took[FL_TELEMETRY_RTT_BUCKETS];
};
FL_ASSERT(sizeof(struct fl_telemetry_turns) == 8 + 4 * 208);

/* `peers`: see fl_telemetry_config. */
static inline __attribute__((always_inline)) __u32 fl_telemetry_index(__u32 target, __u32 peer, __u32 peers,
                                                                      __u64 number) {
  return (target * peers + peer) * FL_TELEMETRY_RING + (__u32)(number % FL_TELEMETRY_RING);
}

/* Counted is in [epoch, until) of CLOCK_MONOTONIC: nothing while `until` is 0. */
struct fl_telemetry_control {
  __u64 epoch; /* T0 */
  __u64 until;
  __u32 netns[FL_TELEMETRY_NETNS]; /* inodes of all namespaces with a place, 0 behind the last; [0] is 0: there are more
                                    */
  __u32 cgroup_levels;             /* of the hierarchy, at which cgroups of places are: bits. 0: no place has one */
  __u32 generation;                /* of the places: another one makes what is known of a connection's targets void */
  __u64 latest;                    /* by the programs: the bucket that they counted in last, from 0 */
};
FL_ASSERT(sizeof(struct fl_telemetry_control) == 32 + 4 * FL_TELEMETRY_NETNS);

/* Where targets are: a mask of them by network namespace and cgroup. */
struct fl_telemetry_place {
  __u64 cgroup; /* its id; 0: all sockets of the namespace */
  __u64 netns;  /* inode */
};
FL_ASSERT(sizeof(struct fl_telemetry_place) == 16);

/* Whom a peer's number is of. IPv4 as ::ffff:a.b.c.d; `length` for the prefixes of peers that have a name. */
struct fl_telemetry_address {
  __u32 length;
  __u32 words[4]; /* as on the wire */
};
FL_ASSERT(sizeof(struct fl_telemetry_address) == 20);

/* Constants of the program. */
struct fl_telemetry_config {
  __u32 retransmit_error; /* 1: tcp_retransmit_skb tells of failures, too (its third argument) */
  __u32 peers;            /* told apart, with all others as one: 1 to FL_TELEMETRY_PEERS */
  __u32 turns;            /* 1: how long answers take is counted */
  __u32 cast;             /* 1: the kernel has bpf_rdonly_cast() */
};
FL_ASSERT(sizeof(struct fl_telemetry_config) == 16);

#endif
