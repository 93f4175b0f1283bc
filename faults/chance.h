/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chance without state. Whether a packet is lost, and how far it is jittered, is a pure function of a seed, the kind of
 * decision, the packet's flow and its number in that flow. So a run can be repeated, a test can replay natively what
 * the kernel decided, and no CPU shares a generator with another (bpf_get_prandom_u32 cannot be seeded). This one
 * header is compiled for eBPF and natively. */
#ifndef FAULTLINE_FAULTS_CHANCE_H
#define FAULTLINE_FAULTS_CHANCE_H

#include <linux/types.h>

#include "faults/abi.h"

#define FL_CHANCE static inline __attribute__((always_inline))

/* One stream per decision, so that a packet's jitter says nothing about its loss. Streams are part of the meaning of a
 * seed: append, never renumber. */
enum {
  FL_STREAM_LOSS = 1,
  FL_STREAM_JITTER = 2,
  FL_STREAM_FLOWS = 3,
  FL_STREAM_CLIENTS = 4,
  FL_STREAM_DUPLICATE = 5,
  FL_STREAM_CORRUPT = 6,
  FL_STREAM_REORDER = 7,
  FL_STREAM_CHAIN = 8,        /* steps of a Gilbert-Elliott chain */
  FL_STREAM_CHAIN_LOSS = 9,   /* and the loss in its state */
  FL_STREAM_FROM_CLIENT = 16, /* added to a stream for packets that come from the connection's client */
  FL_STREAM_NATIVE = 64,      /* from here on: what the fault kinds draw in user space while they compile */
};

/* 2^64 divided by the golden ratio, odd: the step of the sequence that the finaliser turns into chance. */
#define FL_GOLDEN 0x9e3779b97f4a7c15ULL

/* A bijection of 64 bits in which each input bit flips each output bit with probability 1/2. The constants are David
 * Stafford's variant 13 of the MurmurHash3 finaliser, as used by SplitMix64: Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014, function mix64. */
FL_CHANCE __u64 fl_mix(__u64 x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/* 64 random bits for packet `n` of `flow`. One round places the flow's own starting point, a second walks SplitMix64
 * from there. `seed` is best well mixed (fl_rule_seed); `flow` may be any key, structured or not. */
FL_CHANCE __u64 fl_random(__u64 seed, __u32 stream, __u64 flow, __u64 n) {
  __u64 origin = fl_mix((seed + stream * FL_GOLDEN) ^ flow);
  return fl_mix(origin + (n + 1) * FL_GOLDEN);
}

/* Whether a packet is lost, for a probability in units of 2^-32: never at 0 (or below), always at FL_ONE (or above). */
FL_CHANCE int fl_lost(__u64 random, __s64 probability) { return (__s64)(random >> 32) < probability; }

/* Uniform in [-half_width, +half_width] nanoseconds; 0 for a width of 0 or below. Drawn from the upper 32 bits: even at
 * FL_MAX_HOLD_NS its steps (56 ns) are finer than a stamp's tick. The product is taken in two halves because it needs
 * up to 70 bits and eBPF has no 128-bit multiply. */
FL_CHANCE __s64 fl_jitter(__u64 random, __s64 half_width) {
  __u64 values, upper, lower;
  if (half_width <= 0) return 0;
  random >>= 32;
  values = 2 * (__u64)half_width + 1;
  upper = (values >> 32) * random;
  lower = ((values & 0xffffffffULL) * random) >> 32;
  return (__s64)(upper + lower) - half_width;
}

/* The value of a curve at u / 2^32: its tails have points of their own. */
FL_CHANCE __s32 fl_curve_at(const struct fl_curve* curve, __u32 u) {
  __u64 cell, rest;
  __s64 from, to;
  if (u < 1u << FL_TAIL_SHIFT) {
    cell = (u >> (FL_TAIL_SHIFT - 10)) & (FL_TAIL_CELLS - 1);
    rest = (__u64)(u & ((1u << (FL_TAIL_SHIFT - 10)) - 1)) << 6; /* 20 bits, as in the body */
    from = curve->low[cell];
    to = curve->low[cell + 1];
  } else if (~u < 1u << FL_TAIL_SHIFT) {
    __u32 v = u + (1u << FL_TAIL_SHIFT); /* wraps to the place within the tail */
    cell = (v >> (FL_TAIL_SHIFT - 10)) & (FL_TAIL_CELLS - 1);
    rest = (__u64)(v & ((1u << (FL_TAIL_SHIFT - 10)) - 1)) << 6;
    from = curve->high[cell];
    to = curve->high[cell + 1];
  } else {
    cell = (u >> 20) & (FL_CURVE_CELLS - 1);
    rest = u & 0xfffff;
    from = curve->body[cell];
    to = curve->body[cell + 1];
  }
  return (__s32)(from + (((to - from) * (__s64)rest) >> 20));
}

/* The normal distribution function of a level (2^-16), as a 32-bit fraction; `phi` is curve 0. */
FL_CHANCE __u32 fl_normal_share(const struct fl_curve* phi, __s32 level) {
  __u32 x, cell;
  __s64 from, to;
  if (level < -(8 << 16)) level = -(8 << 16);
  if (level >= 8 << 16) level = (8 << 16) - 1;
  x = (__u32)(level + (8 << 16)); /* below 2^20 */
  cell = (x >> 8) & (FL_CURVE_CELLS - 1);
  from = (__u32)phi->body[cell];
  to = (__u32)phi->body[cell + 1];
  return (__u32)(from + (((to - from) * (__s64)(x & 0xff)) >> 8));
}

/* The next level of a stationary Gaussian AR(1) process: correlation and innovation in units of 2^-16. */
FL_CHANCE __s32 fl_next_level(__s32 level, __s32 fresh, __s32 rho, __s32 innovation) {
  return (__s32)(((__s64)rho * level + (__s64)innovation * fresh) >> 16);
}

/* Of `jitter` ns (a standard deviation) the multiple `deviations` (2^-16). */
FL_CHANCE __s64 fl_spread(__s64 jitter, __s32 deviations) { return (jitter * deviations) >> 16; }

/* The loss of a chain's state under a factor, both in units of 2^-32 up to FL_ONE. */
FL_CHANCE __s64 fl_scaled(__u64 probability, __u64 factor) {
  if (factor >= (__u64)FL_ONE) return (__s64)probability;
  return (__s64)(((probability >> 1) * (factor >> 1)) >> 30);
}

/* A key for a name: FNV-1a (Fowler, Noll and Vo), then mixed, as FNV alone leaves its upper bits poor for short names.
 * For user space: eBPF would have to bound the loop. */
FL_CHANCE __u64 fl_text_key(const char* text, __u64 length) {
  __u64 hash = 0xcbf29ce484222325ULL;
  __u64 i;
  for (i = 0; i < length; i++) hash = (hash ^ (__u8)text[i]) * 0x100000001b3ULL;
  return fl_mix(hash);
}

/* The seed of a fault, from the plan's seed and fl_text_key of the fault's name: all sites of a fault share it. */
FL_CHANCE __u64 fl_fault_seed(__u64 plan_seed, __u64 fault_key) {
  return fl_mix(fl_mix(plan_seed + FL_GOLDEN) ^ fault_key);
}

/* The seed of one rule (a fault at one site), from the fault's seed and fl_text_key of the site's name. Names, not
 * indices: a target added to a plan leaves the chance of the others as it was. */
FL_CHANCE __u64 fl_rule_seed(__u64 fault_seed, __u64 site_key) {
  return fl_mix(fault_seed + fl_mix(site_key + FL_GOLDEN));
}

#endif
