/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many packets a bundle (GSO) is on the wire. Where its headers end is found in other ways by the player, which has
 * an skb, and by the line, which has a virtio header; what follows from it must be the same for both, since each counts
 * the same packets in the ledger. */
#ifndef FAULTLINE_FAULTS_BUNDLE_H
#define FAULTLINE_FAULTS_BUNDLE_H

#include <linux/types.h>

/* Of `length` bytes, the first `headers` of which every segment has, and `size` of the others at most. */
static inline __attribute__((always_inline)) __u32 fl_segments(__u32 length, __u32 headers, __u32 size) {
  if (length <= headers) return 1;
  return (length - headers + size - 1) / size;
}

#endif
