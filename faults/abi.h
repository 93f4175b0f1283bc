/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the eBPF programs and user space share: the compiled score, the frame stamp, counters. One definition for both
 * sides; the static_asserts hold the layout. Times are nanoseconds since T0 (the start of the run) unless a name says
 * otherwise; T0 itself is control.epoch, in CLOCK_MONOTONIC nanoseconds. */
#ifndef FAULTLINE_FAULTS_ABI_H
#define FAULTLINE_FAULTS_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define FL_ASSERT(...) static_assert(__VA_ARGS__)
#else
#define FL_ASSERT(...) _Static_assert(__VA_ARGS__, "layout shared with user space")
#endif

enum {
  FL_MAX_RULES_PER_SITE = 64, /* at once: a site's rules are the bits of one word; see fl_live */
  FL_MAX_BANKED = 0xffff,     /* entries of one site's banks: their numbers are 16 bits wide */
  FL_MAX_COPIES = 8,          /* of a packet that several faults duplicate */
  FL_MAX_SITES = 4096,        /* beside them, moves: see kSpareSeats in injector/pen/pen.cpp */
  FL_MAX_EXEMPT_PORTS = 4,
  FL_MAX_TUNNEL_PORTS = 8,
  FL_MAX_SLOTS = 4096, /* slot 0 is never given out */
  FL_HIST_SHIFT = 7,
  FL_HIST_SUB = 1 << FL_HIST_SHIFT,                         /* sub-buckets an octave: 0.8 % wide */
  FL_HIST_BUCKETS = (32 - FL_HIST_SHIFT + 1) * FL_HIST_SUB, /* up to 2^32 ticks */
  FL_TICK_SHIFT = 6,                                        /* frame stamps count in ticks of 64 ns */
  FL_FLOW_BUCKETS = 1 << 16,
  FL_MAX_OPENINGS = 1 << 16, /* connections whose ordinal one site tells the others */
  FL_MAX_DRAWN = 1 << 17,    /* connections and clients that are counted one by one */
  FL_MAX_CGROUPS = 4096,     /* that one site's rules name */
  FL_MAX_CGROUP_LEVEL = 31,  /* how deep below the root they may be */
  FL_MAX_DEVICES = 4096,     /* that one site's rules name */
  FL_MAX_LEARNED = 4096,     /* addresses that one site's rules learn while the run goes on */
  FL_MAX_ENTRIES = 1 << 16,  /* of any of these three in a run */
  FL_CB_SITE = 4,            /* where in cb[] the seat's number is: see fl_selector_config. The bank is above it */
  FL_CB_BANK_SHIFT = 16,
};
#define FL_ONE (1LL << 32) /* probability 1 in score values */
#define FL_SLOPE_SHIFT 20  /* slope: value per 1024 ns, with this many fraction bits */
#define FL_FOREVER 0x7fffffffffffffffULL

/* ---- the score ---- */
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
  FL_RULE_MATES = 128, /* its fault has other targets, to which what leaves may go: see fl_mate */
};

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
  __u64 pad[3];
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
/* The line may stand still for FL_LEASE_NS before it counts as hung; what it holds leaves when it goes on. */
#define FL_LEASE_NS 250000000ULL
#define FL_DRAIN (FL_LEASE_NS + 50000000ULL)

/* ---- selection: rule masks by direction; a packet that leaves the site goes `out` ---- */
struct fl_masks {
  __u64 out, in;
};
FL_ASSERT(sizeof(struct fl_masks) == 16);

/* An address as a number; IPv4 in the upper half of `high`. */
struct fl_address {
  __u64 high, low;
};
FL_ASSERT(sizeof(struct fl_address) == 16);

/* Peers of one family. Prefixes are cut into intervals, each of which has one set of rules: interval i begins at
 * starts[i] and ends before starts[i + 1]. Interval 0 is the addresses that no prefix covers. All prefixes share their
 * first `common` bits; the next `bits` bits of an address are its cell, and index[cell] to index[cell + 1] are the
 * intervals it can be in. (An LPM trie, with a cache miss a level, was three times as slow at 10,000 prefixes.) */
struct fl_peers {
  struct fl_address prefix; /* the common bits */
  __u32 count;              /* of intervals; 0: no prefix in this family */
  __u8 common, bits;        /* bits: 1 to 16 */
  __u8 pad[2];
  __u32 first, first_cell; /* where the site's own begin, in starts and spans, and in index */
};
FL_ASSERT(sizeof(struct fl_peers) == 32);

struct fl_ports { /* rules that accept this port as the peer's, and as the site's own */
  __u64 peer, own;
};
FL_ASSERT(sizeof(struct fl_ports) == 16);

/* All ports are 256 pages of 256; which of the pages that there are holds a site's. Most are equal: empty, or full. */
struct fl_port_table {
  __u16 page[256];
};
FL_ASSERT(sizeof(struct fl_port_table) == 512);

/* Keys of tables that all sites share. `rule` is the first of the site's, which tells sites apart wherever they are. */
struct fl_learned_key {
  struct fl_address address;
  __u32 rule, pad;
};
FL_ASSERT(sizeof(struct fl_learned_key) == 24);
struct fl_name_key {
  __u64 hash;
  __u32 rule, pad;
};
FL_ASSERT(sizeof(struct fl_name_key) == 16);
struct fl_cgroup_key {
  __u64 id;
  __u32 site, pad; /* site: its seat, as below */
};
FL_ASSERT(sizeof(struct fl_cgroup_key) == 16);
struct fl_device_key {
  __u32 site, ifindex;
};
FL_ASSERT(sizeof(struct fl_device_key) == 8);

/* The shape of a site: what its packets have to be asked at all. Constants of the selector's programs, written before
 * they are loaded, so that the verifier cuts away what no site of this shape needs. Sites of one shape share their
 * programs. */
struct fl_selector_shape {
  __u16 reinjection_mark; /* in tc_index: this packet has been through the pen. A value per run; a foreign one is never
                             cleared */
  __u8 peers4, peers6, learned, devices, ports, cgroups, exempts, tunnels, answers, lookups;
  __u8 bare; /* not asked by a program: some devices have no Ethernet header, and the programs for these are loaded */
  __u8 pad[3];
  __u32 banked_from; /* the place of the first entry of a bank, the same for a run; 0: it has none */
};
FL_ASSERT(sizeof(struct fl_selector_shape) == 20);

/* The settings of a site, as its packets' selector finds them in a table, by the number of its seat. */
struct fl_selector_config {
  __u32 site;       /* that number */
  __u32 near;       /* ifindex of the near veth */
  __u32 first_rule; /* of the site, among all rules */
  __u32 first_live, live_count;
  __u32 port_table;
  __u32 first_bank; /* the place where the site's banks begin */
  __u32 fill;
  __u64 tcp, udp, icmp, other; /* rules by protocol */
  __u64 port_rules;            /* those that name a port at either end */
  __u64 peer_port_rules, own_port_rules;
  __u64 loopback_rules;   /* those that act on lo as well */
  __u64 holding_rules;    /* those that can ask for a packet to be held or changed */
  __u64 delaying_rules;   /* those that can ask for a delay */
  __u64 filtered_rules;   /* those with a filter or a reply: see answer_abi.h */
  __u64 lookup_rules;     /* those about DNS lookups */
  __u64 any_name_rules;   /* of these, those about every name */
  __u64 cgroup_rules;     /* those that are about the sockets of one cgroup */
  __u64 device_rules;     /* those that are about one device */
  __u64 inside_rules;     /* those that meet what a tunnel carries, at the tunnel's device, and not what carries it */
  __u64 tunnel_protocols; /* the IP protocols that carry the site's tunnels: bits; all of them are below 64 */
  __u64 learned_rules;    /* those whose peers have names: addresses are added while the run goes on */
  struct fl_masks any4, any6; /* rules for a peer that no prefix covers */
  struct fl_peers peers4, peers6;
  __u16 exempt[FL_MAX_EXEMPT_PORTS];       /* own TCP ports of the control path */
  __u16 tunnel_ports[FL_MAX_TUNNEL_PORTS]; /* UDP ports that carry the site's tunnels */
  __u8 exempt_count, tunnel_port_count;
  __u8 pad[2];
  __u32 netns;      /* inode of the site's network namespace: elsewhere nothing is selected. 0: anywhere */
  __u64 mate_rules; /* those with FL_RULE_MATES */
};
FL_ASSERT(sizeof(struct fl_selector_config) == 312);

/* Where the selector stands: at each hook a program of its own, for which all that follows from the place is a
 * constant. A bare device has no header of its own in front of the IP header (tun, WireGuard, IP tunnels, PPP). */
enum { FL_AT_OUT, FL_AT_IN, FL_AT_LO, FL_AT_BARE_OUT, FL_AT_BARE_IN, FL_HOOKS };

/* The settings of the player. */
struct fl_player_config {
  __u32 tap, splitter; /* ifindexes in the pen's namespace */
  __u32 banked_from;   /* as in fl_selector_shape */
};
FL_ASSERT(sizeof(struct fl_player_config) == 12);

/* ---- slots: what a held packet needs back when it returns ---- */
struct fl_slot {
  __u64 rules;   /* local mask of its site */
  __u32 ifindex; /* device, in the site's namespace */
  __u32 mark, priority;
  __u16 site;
  __u16 tc_index;
  __u8 mac[12]; /* the frame's own addresses: the stamp lies over them meanwhile. Zeros for a bare device */
  __u8 ingress; /* 1: taken at the device's ingress, goes back there */
  __u8 loopback;
  __u16 bank; /* that `rules` are of: see fl_live */
};
FL_ASSERT(sizeof(struct fl_slot) == 40);

/* The stamp lies over the frame's 12 bytes of MAC addresses from selector to return: nothing is pushed, popped or
 * rewritten on the way, and loopback (whose addresses are zero) is no special case. Only the packet of a bare device is
 * given an Ethernet header for the way. The first byte makes it a locally administered unicast address. Ticks are
 * (CLOCK_MONOTONIC ns >> FL_TICK_SHIFT), cut to 32 bits: they wrap after 274 s. */
struct fl_stamp {
  __u8 magic; /* FL_STAMP_MAGIC */
  __u8 flags;
  __u16 slot;
  __u32 hold; /* ticks asked */
  __u32 due;  /* tick at which it is to leave the line */
};
FL_ASSERT(sizeof(struct fl_stamp) == 12);
#define FL_STAMP_MAGIC 0x02
#define FL_STAMP_CUT 1                       /* flags: the rule's end cut the hold short; not among applied and held */
#define FL_STAMP_FLIP 2                      /* the line flips a bit, and the checksum no longer fits */
#define FL_STAMP_VALID 4                     /* with FLIP: and the checksum is made to fit again */
#define FL_MAX_HOLD_NS (120ULL * 1000000000) /* below half the wrap */

/* ---- control: one element, memory-mapped by user space ---- */
struct fl_control {
  __u64 epoch;   /* T0 in CLOCK_MONOTONIC ns; 0: not armed, everything passes */
  __u64 beat;    /* the line's last finished loop */
  __u64 lease;   /* ns after which a beat is stale */
  __u64 hold_at; /* ns since T0 at which the run's clock stands still until it is told to go on; 0: nowhere */
  __u32 stop;    /* 1: pass everything, let go of what is held */
  __u32 pad[7];
};
FL_ASSERT(sizeof(struct fl_control) == 64);

/* ---- sites, as the player sees them ---- */
struct fl_site {
  __u32 far;                    /* ifindex of the far veth, in the pen's namespace */
  __u32 first_rule, first_bank; /* as in fl_selector_config */
  __u32 pad;
};
FL_ASSERT(sizeof(struct fl_site) == 16);

/* Wire packets of a site under way beyond the player, so that nothing overtakes them. One that is lost there leaves a
 * difference for ever; what that costs (detours for nothing) is bounded by time, see SETTLED_NS in channel.bpf.h. */
struct fl_flight {
  __u64 line_in, line_out;
  __u64 split_in, split_out;
  __u64 split_last;    /* CLOCK_MONOTONIC ns */
  __u64 entered, left; /* from the selector to the player's decision */
  __u64 entered_last;  /* CLOCK_MONOTONIC ns */
  __u64 returned_last; /* the last packet given back: its sending may still be under way on another CPU */
  __u64 pad[7];
};
FL_ASSERT(sizeof(struct fl_flight) == 128);

/* A connection's state, in a table of fixed buckets: flows that share one share its order and its count, no stream ever
 * starts again because another flow came by. */
struct fl_flow {
  __u64 key;          /* identity without the client's port: see flow.h */
  __u64 last_due[2];  /* CLOCK_MONOTONIC ns, by direction (1: from the client) */
  __u32 count[2];     /* wire packets so far */
  __u64 client;       /* hash of the client's address */
  __u64 opened;       /* CLOCK_MONOTONIC ns of that SYN, as far as it was seen; 0: not */
  __u32 syn;          /* sequence number of the SYN that began it */
  __u16 client_first; /* 1: the client is the lesser of the two endpoints */
  __u16 spoke;        /* who sent data last: 1 the server, 2 the client; 0: nobody yet */
  __u64 opening;      /* fl_flow_opening */
  __u32 service;      /* bucket of its ordinal */
  __u32 ordinal;      /* as this site counted it, were it the first to see the connection */
};
FL_ASSERT(sizeof(struct fl_flow) == 72);

/* Where a fault has several targets, what passes between two of them meets it at the sender alone. So that the
 * receiver's part is known nevertheless, packets to these addresses are counted: a target's own, by fault. */
struct fl_mate {
  struct fl_address address; /* IPv4 as ::ffff:a.b.c.d */
  __u32 fault;
  __u32 pad;
};
FL_ASSERT(sizeof(struct fl_mate) == 24);

/* A connection or client that a fault's share was drawn for; see first_seen() in channel.bpf.h. */
struct fl_drawn {
  __u32 fault;
  __u32 how; /* FL_STREAM_FLOWS or _CLIENTS; FL_DREW_DEAD beside it */
  __u64 key; /* of the flow or client */
};
FL_ASSERT(sizeof(struct fl_drawn) == 16);
#define FL_DREW_DEAD 0x100

/* ---- the ledger: wire packets per slot and CPU, at every station of the way. Conservation is checked at the end ----
 */
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
  count(delayed, "for which it asked a delay") \
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
  count(flows_dead, "of these: drawn to be dead") \
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
