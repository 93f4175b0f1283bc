/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The compiled score: tracks over time, the rules that have them, what a rule remembers, and which rules are live when.
 */
#ifndef FAULTLINE_FAULTS_SCORE_ABI_H
#define FAULTLINE_FAULTS_SCORE_ABI_H

#include "faults/limits_abi.h"

#define FL_ONE (1LL << 32) /* probability 1 in score values */
#define FL_SLOPE_SHIFT 20  /* slope: value per 1024 ns, with this many fraction bits */
#define FL_FOREVER 0x7fffffffffffffffULL

/* A track is a piecewise-linear function of time. From point i to i+1: value + ((t - t_i) >> 10) * slope >> SHIFT.
 * Before the first point, and from the last one on, it is the constant 0. */
struct fl_point {
  __u64 t;
  __s64 value; /* nanoseconds, or a probability in units of 2^-32 */
  __s64 slope;
};
FL_ASSERT(sizeof(struct fl_point) == 24);

struct fl_track {
  __u32 first; /* index into points */
  __u32 count; /* 0: always zero */
};
FL_ASSERT(sizeof(struct fl_track) == 8);

/* A rule's tracks: index = rule * FL_TRACKS + which. */
enum {
  FL_DELAY,     /* ns */
  FL_JITTER,    /* ns: half width of the uniform distribution, standard deviation of the others */
  FL_LOSS,      /* probability per packet; of a rule with FL_RULE_BURSTS the factor on its state's loss */
  FL_FLOWS,     /* share of the connections that die */
  FL_CLIENTS,   /* share of the client addresses that are cut off */
  FL_DUPLICATE, /* probabilities per packet */
  FL_CORRUPT,
  FL_REORDER,
  FL_RATE, /* bit/s; 0: not limited */
  FL_TRACKS
};
#define FL_USES(which) (1u << (which))
#define FL_DROPPING (FL_USES(FL_LOSS) | FL_USES(FL_FLOWS) | FL_USES(FL_CLIENTS))
#define FL_CHANGING (FL_USES(FL_CORRUPT) | FL_USES(FL_DUPLICATE) | FL_USES(FL_RATE))
#define FL_DELAYING (FL_USES(FL_DELAY) | FL_USES(FL_JITTER))
#define FL_HOLDING \
  (FL_CHANGING | FL_DELAYING | FL_USES(FL_REORDER)) /* for which a packet waits, or goes through the line */
#define FL_RATE_MIN 1000ULL                         /* bit/s */
#define FL_RATE_MAX 1000000000000ULL
/* A packet that takes this long to be sent is slowed by its rate, although none is in front of it. */
#define FL_PACE_NS 1000000ULL

enum {
  FL_RULE_FREE_ORDER = 1, /* packets may overtake within their flow */
  FL_RULE_DELAYS = 2,     /* can hold packets: what it held is recorded */
  FL_RULE_BURSTS = 4,     /* loss by a Gilbert-Elliott chain */
  FL_RULE_VALID = 8,      /* what it corrupts keeps a valid checksum */
  FL_RULE_TURNS = 16,     /* delays only what turns the direction of a conversation */
  FL_RULE_OUT = 32,       /* of a rule that looks at both ways: acts on what leaves, on what arrives */
  FL_RULE_IN = 64,
  FL_RULE_SENT = 256,  /* has FL_FILTER_SENT: of a bundle each wire packet is judged by itself */
  FL_RULE_MATES = 128, /* its fault has other targets, to which what leaves may go: see fl_mate */
};

/* The segment of a track that a CPU is in. */
struct fl_segment {
  struct fl_point point; /* its start */
  __u64 until;
};
FL_ASSERT(sizeof(struct fl_segment) == 32);

/* What a rule asks for, by track, from `from` on and before `until`: while its tracks are level, which is nearly
 * always, a packet reads them all in one place. */
struct fl_present {
  __u64 from, until;
  __u32 asks; /* FL_USES of the tracks that are not 0 */
  __u32 drew; /* of the packet at hand: see count_draws() */
  __u64 value[FL_TRACKS];
  __u64 own; /* ns that the rule alone asks of the packet at hand: see count_shares() */
  __u64 fill[3];
};
FL_ASSERT(sizeof(struct fl_present) == 128);

/* Chain of two states (Gilbert 1960, Elliott 1963), a step per packet; probabilities in units of 2^-32. */
struct fl_bursts {
  __u64 enter, leave; /* the bad state */
  __u64 good, bad;    /* loss in each */
};
FL_ASSERT(sizeof(struct fl_bursts) == 32);

struct fl_rule {
  __u64 start, end; /* nothing is held beyond end */
  __u64 seed;       /* of this rule's decisions */
  __u32 flags;
  __u32 fault;      /* index of the fault it belongs to, for the record */
  __u32 uses;       /* FL_USES of the tracks that have points */
  __u32 curve;      /* of its jitter: index in curves; 0: uniform */
  __s32 rho;        /* correlation of successive jitters, in units of 2^-16 */
  __s32 innovation; /* sqrt(1 - correlation^2), the same */
  __u64 queue_ns;   /* in front of the rate, the longest wait; 0: see queue_bytes */
  __u64 queue_bytes;
  struct fl_bursts bursts;
  __u64 fault_seed; /* of what is drawn once for a connection or client, whatever the site */
  __u32 above;      /* only wire packets whose IP packet is longer meet it; 0: all do */
  __u32 fill;
  __u64 limit; /* of one that follows connections, see fl_filter: ns or bytes */
  __u64 pad;
};
FL_ASSERT(sizeof(struct fl_rule) == 128);

/* What a rule remembers from packet to packet, for each way (0: leaving the site, 1: arriving). */
struct fl_state {
  __u64 clock; /* of the rate: CLOCK_MONOTONIC ns at which the last packet will have been sent */
  __u32 steps; /* of the chain */
  __u32 bad;   /* its state */
  __u32 begun; /* correlated jitter has: */
  __s32 level; /* its last one, a Gaussian in units of 2^-16 */
  __u64 pad[5];
};
FL_ASSERT(sizeof(struct fl_state) == 64);

/* A function on [0, 1) by points of equal distance, with linear interpolation; `low` and `high` are its outermost
 * 1/256th, each with points of its own. Inverse distribution functions, in standard deviations (2^-16); in curve 0 the
 * normal distribution function over [-8, 8), its values being 32-bit fractions. */
enum { FL_CURVE_CELLS = 4096, FL_TAIL_CELLS = 1024, FL_TAIL_SHIFT = 24 };
struct fl_curve {
  __s32 body[FL_CURVE_CELLS + 1];
  __s32 low[FL_TAIL_CELLS + 1], high[FL_TAIL_CELLS + 1];
  __s32 pad;
};
FL_ASSERT(sizeof(struct fl_curve) == 24592);
enum { FL_CURVE_PHI, FL_CURVE_NORMAL, FL_CURVES_FIXED };

/* Which of a site's rules are live from `t` to the next entry's t. Rules are live while their channel does something,
 * and FL_DRAIN longer, so that what follows a held packet cannot overtake it.
 *
 * Bit i of a site's masks is its rule i, and `bank` is 0. Where a site has more rules than bits, rules that match the
 * same packets at different times share one: bit i is then entry i of the bank that begins at number `bank`, counted
 * from 1, among the entries of the site's banks. A packet keeps the bank of its own time: see fl_first_rule(). */
struct fl_live {
  __u64 t;
  __u64 mask;
  __u32 bank;
  __u32 pad;
};
FL_ASSERT(sizeof(struct fl_live) == 24);

/* The place of bit 0 of a mask. Places below the number of all rules are rules, by number; the entries of banks, which
 * say the number of a rule, follow behind. */
static inline __attribute__((always_inline)) __u32 fl_first_rule(__u32 first_rule, __u32 first_bank, __u32 bank) {
  return bank ? first_bank + bank - 1 : first_rule;
}

#endif
