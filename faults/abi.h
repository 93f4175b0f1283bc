/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the eBPF programs and user space share. One definition for both sides; the static_asserts hold the layout. Times
 * are nanoseconds since T0 (the start of the run) unless a name says otherwise; T0 itself is control.epoch, in
 * CLOCK_MONOTONIC nanoseconds. */
#ifndef FAULTLINE_FAULTS_ABI_H
#define FAULTLINE_FAULTS_ABI_H

#include "faults/counts_abi.h"
#include "faults/limits_abi.h"
#include "faults/match_abi.h"
#include "faults/packet_abi.h"
#include "faults/score_abi.h"

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
  __u64 size_rules; /* likewise */
  __u64 sent_rules; /* those with FL_RULE_SENT */
};
FL_ASSERT(sizeof(struct fl_site) == 32);

/* The settings of the player. */
struct fl_player_config {
  __u32 tap, splitter; /* ifindexes in the pen's namespace */
  __u32 banked_from;   /* as in fl_selector_shape */
  __u32 sizes;         /* 1: some rule asks how long a packet is */
  __u32 follows;       /* 1: some rule follows connections */
  __u32 losses;        /* 1: what is dropped is noted: see losses_abi.h */
};
FL_ASSERT(sizeof(struct fl_player_config) == 24);

#endif
