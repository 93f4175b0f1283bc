/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rules that look deeper into a packet than its addresses and ports, and rules that answer what they drop: what the
 * selector and user space share about them. A *filter* narrows a rule (only what opens a connection, only lookups of a
 * name); a *reply* says with what a dropped packet is answered. Both are part of abi.h's score, apart from it because
 * most rules have neither. */
#ifndef FAULTLINE_FAULTS_ANSWER_ABI_H
#define FAULTLINE_FAULTS_ANSWER_ABI_H

#include "faults/abi.h"

enum fl_filter {
  FL_FILTER_NONE,
  FL_FILTER_OPENING, /* TCP: SYN without ACK */
  FL_FILTER_OLD,     /* TCP: of a connection whose SYN was not seen since the rule's start */
  FL_FILTER_LOOKUP,  /* a DNS query, for one of the rule's names */
  FL_FILTER_SENT,    /* TCP: of a connection on which one end has sent the rule's `limit`, bytes, and then more */
  FL_FILTER_SILENT,  /* TCP: of a connection on which nothing passed for the rule's `limit`, ns; until it opens anew */
};

/* In order of strength: where several rules would answer, the greatest does. */
enum fl_reply {
  FL_REPLY_NONE,   /* what is lost is lost silently */
  FL_REPLY_SILENT, /* the same, but decided before other rules are met */
  FL_REPLY_LOOKUP, /* the DNS answer described below */
  FL_REPLY_REFUSE, /* as if nothing listened */
  FL_REPLY_SENDER, /* the packet's sender is told by RST, the other end is not */
  FL_REPLY_TELL,   /* the site's own end of the connection is told by RST, the other is not */
  FL_REPLY_RESET,  /* both ends are told by RST */
};

enum {
  FL_MAX_DNS_ADDRESSES = 8, /* of a wrong answer, in each family: it then fits into 512 bytes with any question */
  FL_DNS_RECORD4 = 16,      /* bytes of an address record whose name points at the question */
  FL_DNS_RECORD6 = 28,
};

struct fl_answer {
  __u8 filter, reply;
  __u8 rcode;          /* of a DNS answer: RFC 1035, section 4.1.1 */
  __u8 count4, count6; /* records in it */
  __u8 pad[3];
  __u8 records4[FL_MAX_DNS_ADDRESSES * FL_DNS_RECORD4]; /* for questions of type A, as they stand in the answer */
  __u8 records6[FL_MAX_DNS_ADDRESSES * FL_DNS_RECORD6]; /* of type AAAA */
};
FL_ASSERT(sizeof(struct fl_answer) == 360);

/* Which of a site's rules are about a DNS name, under the hash of the name. */
struct fl_name_rules {
  __u64 exact; /* about this very name */
  __u64 under; /* about names under it: "*.internal" is kept under "internal" */
};
FL_ASSERT(sizeof(struct fl_name_rules) == 16);

/* Since a rule's start, the SYN of a connection was seen: an element of a Bloom filter, which never forgets one. A
 * connection that it takes for another is treated as new; with 2^22 elements and five hashes that befalls one in 5 *
 * 10^8 at 100,000 connections, one in 10^4 at a million. */
struct fl_opened {
  __u64 connection; /* fl_flow_hash() */
  __u32 rule, pad;
};
FL_ASSERT(sizeof(struct fl_opened) == 16);
enum { FL_OPENED_ELEMENTS = 1 << 22, FL_OPENED_HASHES = 5 };

/* A connection that a rule follows, by itself: see connection.bpf.h. */
struct fl_connection_key {
  __u64 address[4]; /* of the lesser end, then of the other; IPv4 in the first half of [0] and of [2] */
  __be16 ports[2];  /* in the same order */
  __u32 rule;
  __u32 v6, pad;
};
FL_ASSERT(sizeof(struct fl_connection_key) == 48);
struct fl_connection {
  union {
    __u64 last;     /* FL_FILTER_SILENT: since T0: its last packet that passed, or the rule's start */
    __u32 ahead[2]; /* FL_FILTER_SENT: the lowest number that was lost beyond the limit, by the end that sent it */
  };
  __u32 base[2]; /* the sequence number of the first byte that counts, by the end that sends it */
  __u8 broken;   /* it is forgotten, or cut */
  __u8 dead;     /* something of it was lost: it is counted */
  __u8 finished; /* FIN was seen, from each of its ends a bit */
  __u8 based;    /* `base` is known, likewise */
  __u8 seen;     /* something of it was seen, likewise: a rule of one direction sees one */
  __u8 beyond;   /* `ahead` is known, likewise */
  __u8 crossed;  /* the first byte that is too many was lost within a bundle, likewise: it will come again */
  __u8 pad[1];
};
FL_ASSERT(sizeof(struct fl_connection) == 24); /* with its key and the kernel's head it just fits into 128 bytes */
enum { FL_MAX_ENDED = 1 << 16 };               /* of those that made room, so many are still known: the newest */
enum { FL_MAX_FOLLOWED = 1 << 18 };            /* connections, of all rules together */

/* Answers by ICMP that a CPU sends per second and site at most. The kernel's own bound is 1000
 * (net.ipv4.icmp_msgs_per_sec). */
enum { FL_ICMP_PER_SECOND = 1000 };

/* ---- the hash of a DNS name: of each label the FNV-1a of its letters in lower case, then from the last label to the
 * first ---- */
#define FL_LABEL_START 0xcbf29ce484222325ULL
static inline __attribute__((always_inline)) __u64 fl_label_add(__u64 h, __u8 letter) {
  if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
  return (h ^ letter) * 0x100000001b3ULL;
}
#define FL_NAME_ROOT 1
static inline __attribute__((always_inline)) __u64 fl_name_add(__u64 h, __u64 label) {
  h = (h ^ label) * 0x9e3779b97f4a7c15ULL;
  return h ^ (h >> 32);
}

#endif
