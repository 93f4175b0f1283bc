/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How much of everything there may be, in eBPF and user space alike; docs/limits.md tells users. And what a header that
 * both include stands on. */
#ifndef FAULTLINE_FAULTS_LIMITS_ABI_H
#define FAULTLINE_FAULTS_LIMITS_ABI_H

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
  FL_FLOW_BUCKETS = 1 << 16,
  FL_MAX_OPENINGS = 1 << 16, /* connections whose ordinal one site tells the others */
  FL_MAX_DRAWN = 1 << 17,    /* connections and clients that are counted one by one */
  FL_MAX_CGROUPS = 4096,     /* that one site's rules name */
  FL_MAX_CGROUP_LEVEL = 31,  /* how deep below the root they may be */
  FL_MAX_DEVICES = 4096,     /* that one site's rules name */
  FL_MAX_LEARNED = 4096,     /* addresses that one site's rules learn while the run goes on */
  FL_MAX_ENTRIES = 1 << 16,  /* of any of these three in a run */
};

/* The line may stand still for FL_LEASE_NS before it counts as hung; what it holds leaves when it goes on. */
#define FL_LEASE_NS 250000000ULL
#define FL_DRAIN (FL_LEASE_NS + 50000000ULL)

#endif
