/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which rule a bit of a mask stands for: see fl_live. Where no site of the run has more rules than bits, that is known
 * to the verifier, and the look into a bank is cut away. */
#ifndef FAULTLINE_BPF_BANK_H
#define FAULTLINE_BPF_BANK_H

#ifdef FL_HOLDS
#include "faults/bpf/common.bpf.h"
const volatile struct fl_player_config pen SEC(".rodata");
#define BANKED_FROM pen.banked_from
#define SIZES pen.sizes
#define FOLLOWS pen.follows
#else
#include "faults/bpf/place.bpf.h"
#define BANKED_FROM shape.banked_from
#define SIZES shape.sizes
#define FOLLOWS shape.follows
#endif

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32); /* number of a rule */
} banked SEC(".maps");

/* The number of the rule at a place. */
static __always_inline __u32 number_at(__u32 place) {
  if (!BANKED_FROM || place < BANKED_FROM) return place;
  __u32 entry = place - BANKED_FROM;
  __u32* number = bpf_map_lookup_elem(&banked, &entry);
  return number ? *number : place; /* which is no rule's */
}

static __always_inline struct fl_rule* rule_at(__u32 place, __u32* number) {
  *number = number_at(place);
  return bpf_map_lookup_elem(&rules, number);
}

#endif
