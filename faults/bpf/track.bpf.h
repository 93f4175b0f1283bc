/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule's tracks by the clock. Each CPU remembers the segment it is in, so that the search runs once a segment and not
 * once a packet. The functions are global, not static: the verifier then checks each once, by itself (inlined, the
 * search exceeded its million instructions). */
#ifndef FAULTLINE_BPF_TRACK_H
#define FAULTLINE_BPF_TRACK_H

#include "faults/bpf/common.bpf.h"
#include "faults/segment.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_point);
} points SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_track);
} tracks SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_segment);
} segments SEC(".maps");

/* Points the CPU's segment of track `index` at `t`. Returns 0 on success. */
__attribute__((noinline)) int seek_track(__u32 index, __u64 t) {
  struct fl_segment* s = bpf_map_lookup_elem(&segments, &index);
  struct fl_track* track = bpf_map_lookup_elem(&tracks, &index);
  if (!s || !track) return 1;
  struct fl_point zero = {0, 0, 0};
  s->point = zero;
  s->until = FL_FOREVER;
  __u32 low = track->first, end = track->first + track->count, high = end;
  if (!track->count) return 0;
  struct fl_point* p = bpf_map_lookup_elem(&points, &low);
  if (!p) return 1;
  if (t < p->t) { /* before the first point: 0 */
    s->until = p->t;
    return 0;
  }
  for (int i = 0; i < 24; i++) { /* greatest point whose t is not later */
    if (high - low <= 1) break;
    __u32 middle = (low + high) / 2;
    p = bpf_map_lookup_elem(&points, &middle);
    if (!p) return 1;
    if (p->t <= t)
      low = middle;
    else
      high = middle;
  }
  p = bpf_map_lookup_elem(&points, &low);
  if (!p) return 1;
  s->point = *p; /* the last one has value and slope 0 */
  __u32 after = low + 1;
  if (after >= end) return 0;
  p = bpf_map_lookup_elem(&points, &after);
  if (!p) return 1;
  s->until = p->t;
  return 0;
}

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_present);
} presents SEC(".maps");

/* One track's part of it. Global, as is what calls it: inlined, the paths through a rule's tracks multiply. */
__attribute__((noinline)) int read_track(struct fl_present* now, __u32 index, __u32 which, __u64 t) {
  struct fl_segment* s = bpf_map_lookup_elem(&segments, &index);
  if (!now || !s || which >= FL_TRACKS) return 1;
  if ((t < s->point.t || t >= s->until) && seek_track(index, t)) return 1;
  __s64 v = fl_segment_value(&s->point, t);
  now->value[which] = v < 0 ? 0 : v;
  if (v > 0) now->asks |= FL_USES(which);
  if (s->point.slope) { /* of this instant alone */
    now->from = t;
    now->until = 0;
  }
  if (s->point.t > now->from) now->from = s->point.t;
  if (s->until < now->until) now->until = s->until;
  return 0;
}

__attribute__((noinline)) int read_tracks(__u32 rule, __u32 uses, __u64 t) {
  struct fl_present* now = bpf_map_lookup_elem(&presents, &rule);
  if (!now) return 1;
  now->from = 0;
  now->until = FL_FOREVER;
  now->asks = 0;
  for (__u32 which = 0; which < FL_TRACKS; which++) {
    if ((uses & FL_USES(which)) && read_track(now, rule * FL_TRACKS + which, which, t)) {
      now->until = 0; /* in part: not to be used again */
      return 1;
    }
  }
  return 0;
}

/* What rule `index` asks for at `t`; null: it has no place. */
static __always_inline struct fl_present* presently(__u32 index, struct fl_rule* rule, __u64 t) {
  struct fl_present* now = bpf_map_lookup_elem(&presents, &index);
  if (!now) return 0;
  if (t < now->from || t >= now->until) {
    if (read_tracks(index, rule->uses, t)) return 0;
  }
  return now;
}

#endif
