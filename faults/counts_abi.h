/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is counted: wire packets by slot at every station of the way, so that their conservation can be checked at the
 * end; by rule what it did; and histograms of times. */
#ifndef FAULTLINE_FAULTS_COUNTS_ABI_H
#define FAULTLINE_FAULTS_COUNTS_ABI_H

#include "faults/limits_abi.h"

enum {
  FL_HIST_SHIFT = 7,
  FL_HIST_SUB = 1 << FL_HIST_SHIFT,                         /* sub-buckets an octave: 0.8 % wide */
  FL_HIST_BUCKETS = (32 - FL_HIST_SHIFT + 1) * FL_HIST_SUB, /* up to 2^32 ticks */
};

/* By slot and CPU. */
struct fl_ledger {
  __u64 selected;  /* selector: sent into the pen */
  __u64 arrived;   /* far end: came out of the near veth */
  __u64 split_in;  /* sent through the splitter (wire packets) */
  __u64 split_out; /* came out of it */
  __u64 dropped;   /* by a rule */
  __u64 straight;  /* sent back without being held */
  __u64 held;      /* handed to the line */
  __u64 returned;  /* seen again at their device */
};
FL_ASSERT(sizeof(struct fl_ledger) == 64);

/* A site's own counts, per CPU */
struct fl_site_tally {
  __u64 no_slot;      /* slots exhausted: passed on, untouched */
  __u64 stamp_failed; /* the frame could not be stamped: passed on, untouched */
  __u64 alien;        /* frames in the pen that are not ours: dropped */
  __u64 errors;       /* header trouble in the player: dropped, and charged */
  __u64 pad[4];
};
FL_ASSERT(sizeof(struct fl_site_tally) == 64);

struct fl_histogram {
  __u64 bucket[FL_HIST_BUCKETS]; /* of ticks; see fl_bucket() */
};

/* What is counted of a fault's packets, one line each, with what it means: eBPF counts it per rule and CPU (fl_tally),
 * user space adds it up per site and fault (account.h), the journal gives it this name, the summary the same behind
 * "packets_", the docs explain it so. Wire packets. */
/* clang-format off */
#define FL_EACH_COUNT(count) \
  count(matched, "met by a rule of the fault while it asked for something") \
  count(dropped, "dropped by it") \
  count(dead, "of the dropped: of a connection or client that was drawn") \
  count(delayed, "for which it asked a delay, whether another fault then dropped them or not") \
  count(duplicated, "of which a copy was sent") \
  count(corrupted, "of which a bit was flipped") \
  count(reordered, "let skip the delay, so that they may overtake others") \
  count(answered, "of the dropped: answered (RST, ICMP, DNS); a bundle of the kernel gets one answer") \
  count(paced, "that had to wait for its rate: behind others, or 1 ms and more to be sent themselves") \
  count(queue_dropped, "dropped by the queue in front of its rate; not among the dropped") \
  count(composed, "met by other rules too, and held for the sum of all") \
  count(passed_by_safety, "selected, then let pass: the injector was gone, stopped or hung") \
  count(released_at_end, "let go at the fault's end, before they were due") \
  count(shared, "met by the fault before, by another rule of the same site; not among the matched") \
  count(untracked, "passed, of connections beyond those that there is room to follow") \
  count(left_out, "passed on untouched, see [what a packet carries](what-a-packet-carries.md); by why:") \
  count(left_out_nat, "its entry in connection tracking would have been lost") \
  count(left_out_local, "on `lo`, and no route would have led it back") \
  count(left_out_tunnel, "the far end of a tunnel comes with it") \
  count(left_out_ipsec, "of IPsec, decrypted already, or to be encrypted by a device") \
  count(left_out_large, "longer than the pen's devices take") \
  count(left_out_timed, "to be sent at a time of the wall clock, by its socket")
/* What a share of the connections and clients was drawn for, the same way, but behind nothing in the summary: each is
 * counted once a fault, at the site that saw it first. */
#define FL_EACH_DRAW(count) \
  count(flows_met, "connections met, each once") \
  count(flows_dead, "of these: drawn to be dead, forgotten or cut") \
  count(clients_met, "clients met, each once") \
  count(clients_dead, "of these: drawn to be dead")
/* clang-format on */
#define FL_FIELD(name, means) __u64 name;
#define FL_ONE_MORE(name, means) +1
enum { FL_COUNTS = 0 FL_EACH_COUNT(FL_ONE_MORE) FL_EACH_DRAW(FL_ONE_MORE) };

/* Why a packet is left out: see leave.bpf.h. In the order of the counts above. */
enum {
  FL_LEFT_NOT,
  FL_LEFT_NAT,
  FL_LEFT_LOCAL,
  FL_LEFT_TUNNEL,
  FL_LEFT_IPSEC,
  FL_LEFT_LARGE,
  FL_LEFT_TIMED,
  FL_LEFT_REASONS
};

/* What a rule did, per CPU. */
struct fl_tally {
  FL_EACH_COUNT(FL_FIELD)
  FL_EACH_DRAW(FL_FIELD)
  __u64 bytes;          /* of what it matched */
  __u64 first_affected; /* ns since T0 of the first packet dropped or delayed; 0: none */
  __u64 last_affected;
  __u64 applied_max; /* ticks */
  __u64 held_max;    /* ticks */
  __u64 late_max;    /* ticks */
};
FL_ASSERT(sizeof(struct fl_tally) == 8 * (FL_COUNTS + 6));
FL_ASSERT(__builtin_offsetof(struct fl_tally, left_out_timed) - __builtin_offsetof(struct fl_tally, left_out) ==
          8 * FL_LEFT_TIMED);
#undef FL_FIELD
#undef FL_ONE_MORE

/* A fault's histograms, in wire packets, at index FL_HISTOGRAMS * fault + which. A map of their own, since a per-CPU
 * value is at most 32 kB. */
enum {
  FL_APPLIED, /* the fault's own share of a packet's delay, as the player set it */
  FL_LATE,    /* how long after it was due a packet was back */
  FL_HELD,    /* from the player to the return: all delays, the order in the flow and the lateness together */
  FL_HISTOGRAMS
};
FL_ASSERT(sizeof(struct fl_histogram) <= 32 << 10);

/* Log-linear bucket of a value in ticks: exact below FL_HIST_SUB, then FL_HIST_SUB buckets an octave. */
static inline __attribute__((always_inline)) __u32 fl_bucket(__u64 v) {
  __u32 e = 0;
  if (v < FL_HIST_SUB) return (__u32)v;
  /* floor(log2 v) by halving: eBPF (clang 14) has no count-leading-zeros */
  __u64 w = v;
  if (w >> 32) {
    w >>= 32;
    e += 32;
  }
  if (w >> 16) {
    w >>= 16;
    e += 16;
  }
  if (w >> 8) {
    w >>= 8;
    e += 8;
  }
  if (w >> 4) {
    w >>= 4;
    e += 4;
  }
  if (w >> 2) {
    w >>= 2;
    e += 2;
  }
  if (w >> 1) {
    e += 1;
  }
  __u32 b = (e - FL_HIST_SHIFT + 1) * FL_HIST_SUB + (__u32)((v >> (e - FL_HIST_SHIFT)) & (FL_HIST_SUB - 1));
  return b < FL_HIST_BUCKETS ? b : FL_HIST_BUCKETS - 1;
}

#endif
