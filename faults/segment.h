/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The value of one segment of a track, in the fixed-point arithmetic of the score: compiled for eBPF and natively, so
 * that the player and the tests cannot disagree about it. */
#ifndef FAULTLINE_FAULTS_SEGMENT_H
#define FAULTLINE_FAULTS_SEGMENT_H

#include <linux/types.h>

#include "faults/abi.h"

/* The track's value at t, given the last of its points with point->t <= t. Never outside the values of the segment's
 * two ends, never overflows: flatten() rounds slopes towards 0, and gives a track's last point the value and slope 0.
 */
static inline __attribute__((always_inline)) __s64 fl_segment_value(const struct fl_point* point, __u64 t) {
  return point->value + (((__s64)((t - point->t) >> 10) * point->slope) >> FL_SLOPE_SHIFT);
}

#endif
