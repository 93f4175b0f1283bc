/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of a packet on its way and of its connection: slot, stamp, what is under way, flows, and what was drawn
 * once. */
#ifndef FAULTLINE_FAULTS_PACKET_ABI_H
#define FAULTLINE_FAULTS_PACKET_ABI_H

#include "faults/match_abi.h"

/* What a held packet needs back when it returns. */
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
enum { FL_TICK_SHIFT = 6 }; /* of 64 ns */
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

#endif
