/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What both eBPF objects share: verdicts, the maps that hold them together, and how to count. eBPF fails open: whatever
 * is missing or cannot be parsed passes traffic on. */
#ifndef FAULTLINE_BPF_COMMON_H
#define FAULTLINE_BPF_COMMON_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "faults/abi.h"
#include "faults/bundle.h"

#define NEXT (-1) /* TCX_NEXT, and TC_ACT_UNSPEC under clsact: the programs behind us run */
#define DROP 2    /* TCX_DROP, TC_ACT_SHOT */
#define READ_ONCE(x) (*(volatile typeof(x)*)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x)*)&(x) = (v))

/* Sizes of the maps are set by user space before loading; 1 stands for "as many as the score has". */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct fl_control);
} control SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, FL_MAX_SLOTS);
  __type(key, __u32);
  __type(value, struct fl_slot);
} slots SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FL_MAX_SLOTS);
  __type(key, __u32);
  __type(value, struct fl_ledger);
} ledgers SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_site_tally);
} site_tallies SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_tally);
} tallies SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FL_HISTOGRAMS);
  __type(key, __u32);
  __type(value, struct fl_histogram);
} histograms SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_rule);
} rules SEC(".maps");

/* Packets that met a fault on their way to another of its targets; the keys are user space's. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, struct fl_mate);
  __type(value, __u64);
} mates SEC(".maps");

static __always_inline struct fl_control* get_control(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&control, &zero);
}

/* The run's clock: time since T0, which stands still where the run waits. The control must be armed. */
static __always_inline __u64 run_time(struct fl_control* c, __u64 now) {
  __u64 hold_at = READ_ONCE(c->hold_at); /* first: user space moves the epoch before it lets the hold go */
  __u64 t = now - READ_ONCE(c->epoch);
  return hold_at && t > hold_at ? hold_at : t;
}

static __always_inline void count_match(struct fl_tally* tally, __u32 packets, __u32 bytes, int composed) {
  tally->matched += packets;
  tally->bytes += bytes;
  if (composed) tally->composed += packets;
}

static __always_inline void mark_affected(struct fl_tally* tally, __u64 t) {
  if (!tally->first_affected) tally->first_affected = t;
  tally->last_affected = t;
}

static __always_inline __u32 ticks(__u64 ns) { return (__u32)(ns >> FL_TICK_SHIFT); }

static __always_inline __u64 bucket_of(__u32 ticks) {
  __u64 b = fl_bucket(ticks);
  /* One 64-bit register for check and use: the verifier of 6.1 does not see a bound on the 32-bit original in its copy.
   */
  asm volatile("" : "+r"(b));
  return b;
}

static __always_inline void count_in(__u32 which, __u64 bucket, __u32 packets) {
  struct fl_histogram* h = bpf_map_lookup_elem(&histograms, &which);
  if (h && bucket < FL_HIST_BUCKETS) h->bucket[bucket] += packets;
}

/* Index of the lowest set bit; `w` is not 0. clang 14 has no count-trailing-zeros for eBPF. Without branches, which a
 * mask of many rules would make the processor guess wrong: a de Bruijn sequence holds each number of six bits once
 * (Leiserson, Prokop and Randall, "Using de Bruijn sequences to index a 1 in a computer word", 1998). */
static const __u8 kDeBruijn[64] SEC(".rodata.bits") = {0,  1,  2,  53, 3,  7,  54, 27, 4,  38, 41, 8,  34, 55, 48, 28,
                                                       62, 5,  39, 46, 44, 42, 22, 9,  24, 35, 59, 56, 49, 18, 29, 11,
                                                       63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
                                                       51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12};
static __always_inline __u32 lowest_bit(__u64 w) { return kDeBruijn[((w & -w) * 0x022fdd63cc95386dULL) >> 58]; }

/* The network header, at `l3`, `size` bytes of it, where the program may read it directly; 0: the packet is too short.
 */
static __always_inline void* network_header(struct __sk_buff* skb, __u32 l3, __u32 size) {
  void* at = (void*)(long)skb->data + l3;
  if (at + size <= (void*)(long)skb->data_end) return at;
  if (bpf_skb_pull_data(skb, l3 + size)) return 0;
  at = (void*)(long)skb->data + l3;
  return at + size <= (void*)(long)skb->data_end ? at : 0;
}

enum { WHOLE, FIRST_FRAGMENT, LATER_FRAGMENT };

/* Walks over IPv6's extension headers (RFC 8200, section 4), four at most: *proto and *l4 are then those of what they
 * carry. *part: of a later fragment there is no header at l4. Not 0: the frame is cut short. */
static __always_inline int walk_extensions(struct __sk_buff* skb, __u8* proto, __u32* l4, int* part) {
  for (int i = 0; i < 4; i++) {
    struct {
      __u8 next, length;
      __be16 offset;
    } h;
    if (*proto != 0 && *proto != 43 && *proto != 60 && *proto != 44) break;
    if (bpf_skb_load_bytes(skb, *l4, &h, 4)) return 1;
    if (*proto == 44 && h.offset & bpf_htons(0xfff9))
      *part = h.offset & bpf_htons(0xfff8) ? LATER_FRAGMENT : FIRST_FRAGMENT;
    *l4 += *proto == 44 ? 8 : (h.length + 1) * 8;
    *proto = h.next;
    if (*part == LATER_FRAGMENT) break;
  }
  return 0;
}

/* The same for those who need not tell a first fragment from a whole packet. */
static __always_inline int skip_extensions(struct __sk_buff* skb, __u8* proto, __u32* l4, int* later) {
  int part = WHOLE, cut_short = walk_extensions(skb, proto, l4, &part);
  *later = part == LATER_FRAGMENT;
  return cut_short;
}

/* Its size as an Ethernet frame, which is how bytes are counted on every device. */
static __always_inline __u32 frame_bytes(struct __sk_buff* skb, __u32 l3) { return skb->len + ETH_HLEN - l3; }

/* How many bytes of a bundle, its IP header at `l3`, every segment of it has: all headers. 0: they cannot be read. A
 * function of its own, which is verified once: headers may be many. */
__attribute__((noinline)) int bundle_headers(struct __sk_buff* skb, __u32 l3) {
  __u32 headers;
  __u8 proto = 0, word = 0;
  int part = WHOLE;
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    if (bpf_skb_load_bytes(skb, l3, &word, 1) || bpf_skb_load_bytes(skb, l3 + 9, &proto, 1)) return 0;
    headers = l3 + (word & 15) * 4;
  } else {
    if (bpf_skb_load_bytes(skb, l3 + 6, &proto, 1)) return 0;
    headers = l3 + 40;
    if (walk_extensions(skb, &proto, &headers, &part)) return 0;
  }
  if (proto == IPPROTO_TCP) {
    if (bpf_skb_load_bytes(skb, headers + 12, &word, 1)) return 0;
    headers += (word >> 4) * 4;
  } else {
    headers += 8;
  }
  return headers;
}

/* How many packets a bundle is on the wire, worked out from the size of its headers. */
static __always_inline __u32 count_segments(struct __sk_buff* skb, __u32 l3) {
  __u32 headers = bundle_headers(skb, l3);
  return headers ? fl_segments(skb->len, headers, skb->gso_size) : 1;
}

/* The length of the IP packet, in bytes, as an MTU is; of a bundle of TCP that of its longest wire packet. At most
 * 65535. How much a tunnel puts in front of each of its segments is not known here: such a bundle, and any but TCP's,
 * has its own length, so that it is split where that is too long, and each wire packet is looked at. */
static __always_inline __u32 wire_length(struct __sk_buff* skb, __u32 l3) {
  __u32 length = skb->len - l3, size = skb->gso_size;
  __u8 proto = 0;
  if (size && !bpf_skb_load_bytes(skb, l3 + (skb->protocol == bpf_htons(ETH_P_IP) ? 9 : 6), &proto, 1) &&
      proto == IPPROTO_TCP) {
    __u32 headers = bundle_headers(skb, l3);
    if (headers && headers - l3 + size < length) length = headers - l3 + size;
  }
  return length > 0xffff ? 0xffff : length;
}

/* How many packets this skb is on the wire. Whoever made the bundle knows best, of SCTP or of what a tunnel carries as
 * well; behind a TAP nobody does. */
static __always_inline __u32 wire_packets(struct __sk_buff* skb, __u32 l3) {
  if (!skb->gso_size) return 1;
  return skb->gso_segs ?: count_segments(skb, l3);
}

#endif
