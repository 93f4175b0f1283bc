/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What rules dropped of TCP, for telemetry to tell whose loss it is that a segment sent again makes good. Written where
 * a rule drops (faults/bpf/losses.bpf.h), taken back where the kernel sends again. The sequence space of each direction
 * of a connection is cut into blocks, so that a loss is found by any segment that covers a part of it. A network
 * namespace is no part of the key: where two have the same addresses and ports, sequence numbers tell them apart. */
#ifndef FAULTLINE_FAULTS_LOSSES_ABI_H
#define FAULTLINE_FAULTS_LOSSES_ABI_H

#include "faults/limits_abi.h"

enum {
  FL_LOSS_BLOCK_SHIFT = 13, /* a block is 8 KiB of sequence space: six segments of 1448 bytes */
  FL_LOSSES_OF_BLOCK = 8,
  FL_LOSS_MOST_BLOCKS = 65,      /* of one packet: what a bundle of 512 KiB touches, the largest that Linux makes */
  FL_LOSS_ACKNOWLEDGED = 1 << 20 /* in place of a block's number: acknowledgements that were dropped */
};
/* Blocks that are remembered at least, those that lost something last. */
enum { FL_MAX_LOSS_BLOCKS = 1 << 15 };

struct fl_loss_key {
  __u32 from[4], to[4]; /* whoever sent the bytes, and for whom; as on the wire, IPv4 as ::ffff:a.b.c.d */
  __u16 ports[2];       /* likewise */
  __u32 block;          /* sequence number >> FL_LOSS_BLOCK_SHIFT, or FL_LOSS_ACKNOWLEDGED */
};
FL_ASSERT(sizeof(struct fl_loss_key) == 40);

/* Sequence numbers [begin, end), cut to the block. A SYN and a FIN take one each. Of an acknowledgement, `end` is its
 * number. */
struct fl_loss {
  __u32 begin, end;
  __u64 at; /* CLOCK_MONOTONIC ns; 0: no loss, or one that was made good */
};
FL_ASSERT(sizeof(struct fl_loss) == 16);

struct fl_losses {
  struct fl_loss lost[FL_LOSSES_OF_BLOCK];
  struct fl_loss forgotten; /* what there was no room for lies in here: with the time of the last */
  __u32 turn;               /* who is overwritten next when all are taken */
  __u32 pad;
};
FL_ASSERT(sizeof(struct fl_losses) == 16 * FL_LOSSES_OF_BLOCK + 24);

static inline __attribute__((always_inline)) __u32 fl_loss_block(__u32 sequence) {
  return sequence >> FL_LOSS_BLOCK_SHIFT;
}
/* Whether sequence number `a` comes before `b`: they wrap. */
static inline __attribute__((always_inline)) int fl_before(__u32 a, __u32 b) { return (__s32)(a - b) < 0; }

#endif
