/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the selector compares packets with: masks of rules by direction, peers and ports, and the shape and settings of
 * a site. A packet that leaves the site goes `out`. */
#ifndef FAULTLINE_FAULTS_MATCH_ABI_H
#define FAULTLINE_FAULTS_MATCH_ABI_H

#include "faults/limits_abi.h"

enum {
  FL_CB_SITE = 4, /* where in cb[] the seat's number is: see fl_selector_config. The bank is above it */
  FL_CB_BANK_SHIFT = 16,
};

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
  __u8 bare;  /* not asked by a program: some devices have no Ethernet header, and the programs for these are loaded */
  __u8 sizes; /* how long a packet is on the wire */
  __u8 follows;      /* which connection it belongs to */
  __u8 losses;       /* not asked of a packet: what is dropped is noted, see losses_abi.h. The same for a run */
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
  __u32 first_bank;            /* the place where the site's banks begin */
  __u32 netns;                 /* inode of the site's network namespace: elsewhere nothing is selected. 0: anywhere */
  __u64 tcp, udp, icmp, other; /* rules by protocol */
  __u64 port_rules;            /* those that name a port at either end */
  __u64 peer_port_rules, own_port_rules;
  __u64 loopback_rules;   /* those that act on lo as well */
  __u64 holding_rules;    /* those that can ask for a packet to be held or changed */
  __u64 delaying_rules;   /* those that can ask for a delay */
  __u64 filtered_rules;   /* those with a filter or a reply: see answer_abi.h */
  __u64 lookup_rules;     /* those about DNS lookups */
  __u64 any_name_rules;   /* of these, those about every name */
  __u64 old_rules;        /* those about connections that are older than they */
  __u64 follow_rules;     /* those that follow connections one by one */
  __u64 size_rules;       /* those about longer packets alone */
  __u64 cgroup_rules;     /* those that are about the sockets of one cgroup */
  __u64 device_rules;     /* those that are about one device */
  __u64 inside_rules;     /* those that meet what a tunnel carries, at the tunnel's device, and not what carries it */
  __u64 tunnel_protocols; /* the IP protocols that carry the site's tunnels: bits; all of them are below 64 */
  __u64 learned_rules;    /* those whose peers have names: addresses are added while the run goes on */
  __u64 mate_rules;       /* those with FL_RULE_MATES */
  struct fl_masks any4, any6; /* rules for a peer that no prefix covers */
  struct fl_peers peers4, peers6;
  __u16 exempt[FL_MAX_EXEMPT_PORTS];       /* own TCP ports of the control path */
  __u16 tunnel_ports[FL_MAX_TUNNEL_PORTS]; /* UDP ports that carry the site's tunnels */
  __u8 exempt_count, tunnel_port_count;
  __u8 pad[6];
};
FL_ASSERT(sizeof(struct fl_selector_config) == 336);

/* Where the selector stands: at each hook a program of its own, for which all that follows from the place is a
 * constant. A bare device has no header of its own in front of the IP header (tun, WireGuard, IP tunnels, PPP). */
enum { FL_AT_OUT, FL_AT_IN, FL_AT_LO, FL_AT_BARE_OUT, FL_AT_BARE_IN, FL_HOOKS };

#endif
