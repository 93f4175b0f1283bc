/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is counted, by target, peer and bucket. */
#ifndef FAULTLINE_TELEMETRY_COUNTING_H
#define FAULTLINE_TELEMETRY_COUNTING_H

#include "injector/observe/telemetry/whose.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1); /* by user space: FL_TELEMETRY_RING for each target and peer */
  __type(key, __u32);
  __type(value, struct fl_telemetry_slot);
} telemetry_slots SEC(".maps");

/* Nothing counted yet: what a slot is overwritten with when its turn comes again. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_telemetry_slot);
} telemetry_empty SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1); /* the same, where turns are asked for */
  __type(key, __u32);
  __type(value, struct fl_telemetry_turns);
} telemetry_turns SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_telemetry_turns);
} telemetry_no_turns SEC(".maps");

/* What a bucket has room for in a ring, emptied when its turn comes again. Both sorts begin with the bucket's number.
 */
static __always_inline void* in_ring(void* ring, void* nothing, __u32 target, __u64 of, __u64 number) {
  __u32 zero = 0, index = fl_telemetry_index(target, of >> 32, config.peers, number);
  __u64* counted = bpf_map_lookup_elem(ring, &index);
  if (!counted || *counted == number) return counted;
  void* empty = bpf_map_lookup_elem(nothing, &zero);
  if (!empty || bpf_map_update_elem(ring, &index, empty, BPF_ANY)) return 0;
  *counted = number;
  return counted;
}
static __always_inline struct fl_telemetry_slot* slot_of(__u32 target, __u64 of, __u64 number) {
  return in_ring(&telemetry_slots, &telemetry_empty, target, of, number);
}
static __always_inline struct fl_telemetry_turns* turns_of(__u32 target, __u64 of, __u64 number) {
  return in_ring(&telemetry_turns, &telemetry_no_turns, target, of, number);
}

#define FOR_EACH_TARGET(target, targets)                                                 \
  for (__u32 target = 0; target < FL_TELEMETRY_TARGETS && (targets) >> target; target++) \
    if ((targets) >> target & 1)

/* What the verifier has to see checked where it is used, not in another copy, nor left out because clang knows it. */
#define SEEN(value) __asm__ volatile("" : "+r"(value))

/* Global functions, as this one is, are verified once and by themselves. What is called for each packet is none: where
 * the kernel guards returns, to call a function takes as long as what these do. */
__attribute__((noinline)) int count_for(__u64 of, __u64 number, __u64 which, __u64 amount) {
  __u32 targets = of;
  FOR_EACH_TARGET(target, targets) {
    struct fl_telemetry_slot* slot = slot_of(target, of, number);
    __u64 at = which;
    SEEN(at);
    if (slot && at < FL_TELEMETRY_COUNTS) __sync_fetch_and_add(&slot->counts[at], amount);
  }
  return 0;
}

/* What came about on a connection since the last look: bytes and packets. */
struct transfer {
  __u64 of, number;
  __u64 sent, received;
  __u32 packets_sent, packets_received;
};
__attribute__((noinline)) int count_transfer_for(const struct transfer* more) {
  if (!more) return 0;
  __u32 targets = more->of;
  FOR_EACH_TARGET(target, targets) {
    struct fl_telemetry_slot* slot = slot_of(target, more->of, more->number);
    if (!slot) continue;
    if (more->sent) __sync_fetch_and_add(&slot->counts[FL_BYTES_SENT], more->sent);
    if (more->received) __sync_fetch_and_add(&slot->counts[FL_BYTES_RECEIVED], more->received);
    if (more->packets_sent) __sync_fetch_and_add(&slot->counts[FL_PACKETS_SENT], more->packets_sent);
    if (more->packets_received) __sync_fetch_and_add(&slot->counts[FL_PACKETS_RECEIVED], more->packets_received);
  }
  return 0;
}

/* The same for each packet that arrives, and a round-trip time unless it is 0: see fl_telemetry_slot. */
static __always_inline void count_arrival_for(const struct transfer* more, __u32 srtt_us) {
  __u64 bucket = srtt_us ? fl_bucket((__u64)srtt_us << 4) >> FL_TELEMETRY_RTT_SHIFT : 0;
  __u32 targets = more->of;
  FOR_EACH_TARGET(target, targets) {
    struct fl_telemetry_slot* slot = slot_of(target, more->of, more->number);
    if (!slot) continue;
    slot->arrived[FL_BYTES_SENT - FL_TRANSFERRED] += more->sent;
    slot->arrived[FL_BYTES_RECEIVED - FL_TRANSFERRED] += more->received;
    slot->arrived[FL_PACKETS_SENT - FL_TRANSFERRED] += more->packets_sent;
    slot->arrived[FL_PACKETS_RECEIVED - FL_TRANSFERRED] += more->packets_received;
    __u64 at = bucket;
    SEEN(at);
    if (srtt_us && at < FL_TELEMETRY_RTT_BUCKETS) slot->rtt[at]++;
  }
}

/* An answer has begun. */
static __always_inline void count_turn_for(__u64 of, __u64 number, __u64 took_ns) {
  __u64 bucket = fl_bucket(took_ns * 16 / 1000) >> FL_TELEMETRY_RTT_SHIFT;
  __u32 targets = of;
  FOR_EACH_TARGET(target, targets) {
    struct fl_telemetry_turns* turns = turns_of(target, of, number);
    __u64 at = bucket;
    SEEN(at);
    if (turns && at < FL_TELEMETRY_RTT_BUCKETS) __sync_fetch_and_add(&turns->took[at], 1);
  }
}

#endif
