/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Notes what a rule drops of TCP: see losses_abi.h. Only in a run that counts connections, which is a constant to the
 * verifier. Two CPUs that drop of one block at once may overwrite one another's note; flows keep to one CPU, so that is
 * rare. */
#ifndef FAULTLINE_BPF_LOSSES_H
#define FAULTLINE_BPF_LOSSES_H

#include "faults/bpf/headers.bpf.h"
#include "faults/losses_abi.h"

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1);
  __type(key, struct fl_loss_key);
  __type(value, struct fl_losses);
} losses SEC(".maps");

/* How many blocks were added: the table forgets those that were there before so many others. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} loss_blocks SEC(".maps");

/* A block in which nothing was lost yet. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_losses);
} no_losses SEC(".maps");

static __always_inline struct fl_losses* losses_of(const struct fl_loss_key* key) {
  __u32 zero = 0;
  struct fl_losses* known = bpf_map_lookup_elem(&losses, key);
  if (known) return known;
  struct fl_losses* none = bpf_map_lookup_elem(&no_losses, &zero);
  if (!none) return 0;
  if (!bpf_map_update_elem(&losses, key, none, BPF_NOEXIST)) {
    __u64* added = bpf_map_lookup_elem(&loss_blocks, &zero);
    if (added) __sync_fetch_and_add(added, 1);
  }
  return bpf_map_lookup_elem(&losses, key);
}

/* What a packet was that is dropped. A map, since stacks have no room for it. */
struct dropped {
  struct headers h;
  struct fl_loss_key key;
  __u32 begin, end;
  __u64 now;
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct dropped);
} dropping SEC(".maps");

/* Notes what of it lies in one block. A global function, with a stack frame of its own. */
__attribute__((noinline)) int note_in_block(__u32 block, __u32 begin, __u32 end) {
  __u32 zero = 0;
  struct dropped* packet = bpf_map_lookup_elem(&dropping, &zero);
  if (!packet) return 0;
  struct fl_loss_key key = packet->key; /* on the stack: 6.1 takes no other memory for a key */
  key.block = block;
  struct fl_losses* seen = losses_of(&key);
  if (!seen) return 0;
  __u32 turn = FL_LOSSES_OF_BLOCK;
  for (__u32 i = 0; i < FL_LOSSES_OF_BLOCK; i++) {
    if (seen->lost[i].at) {
      /* The first one to have said so counts: had it arrived, nothing would be sent again. */
      if (block == FL_LOSS_ACKNOWLEDGED && seen->lost[i].end == end) return 0;
      continue;
    }
    turn = i;
    break;
  }
  if (turn == FL_LOSSES_OF_BLOCK) {
    turn = seen->turn++;
    struct fl_loss* last = &seen->lost[turn % FL_LOSSES_OF_BLOCK];
    if (block != FL_LOSS_ACKNOWLEDGED) { /* of these the older are nothing beside the newer */
      struct fl_loss* gone = &seen->forgotten;
      if (!gone->at || fl_before(last->begin, gone->begin)) gone->begin = last->begin;
      if (!gone->at || fl_before(gone->end, last->end)) gone->end = last->end;
      gone->at = packet->now;
    }
  }
  struct fl_loss* note = &seen->lost[turn % FL_LOSSES_OF_BLOCK];
  WRITE_ONCE(note->at, packet->now);
  note->begin = begin;
  note->end = end;
  return 0;
}

/* The next block of what is left. */
static long note_block(__u32 i, void* none) {
  __u32 zero = 0;
  struct dropped* packet = bpf_map_lookup_elem(&dropping, &zero);
  if (!packet || packet->begin == packet->end) return 1;
  __u32 begin = packet->begin, end = packet->end, block = fl_loss_block(begin);
  __u32 next = (block + 1) << FL_LOSS_BLOCK_SHIFT;
  if (fl_before(next, end)) end = next;
  packet->begin = end;
  note_in_block(block, begin, end);
  return 0;
}

/* One end of the connection, IPv4 as it is mapped. */
static __always_inline void write_address(__u32* to, const __be32* address, int v6) {
  if (v6) {
    __builtin_memcpy(to, address, 16);
    return;
  }
  to[0] = to[1] = 0;
  to[2] = bpf_htonl(0xffff);
  to[3] = address[0];
}

/* Whose bytes it is about: those of its sender, or (`back`) of its receiver. */
static __always_inline void write_key(struct fl_loss_key* key, const struct headers* h, int back) {
  write_address(key->from, h->address + (back ? 4 : 0), h->v6);
  write_address(key->to, h->address + (back ? 0 : 4), h->v6);
  key->ports[0] = h->ports[back ? 1 : 0];
  key->ports[1] = h->ports[back ? 0 : 1];
}

/* Notes a packet with these headers that a rule drops: what it carries, and what it acknowledges. */
__attribute__((noinline)) int note_dropped(const struct headers* h) {
  __u32 zero = 0;
  struct dropped* packet = bpf_map_lookup_elem(&dropping, &zero);
  if (!packet || !h || h->proto != IPPROTO_TCP || (h->flags & TCP_RST)) return 0;
  __u32 payload = h->length > h->header ? h->length - h->header : 0;
  __u32 begin = bpf_ntohl(h->seq), end = begin + payload + !!(h->flags & TCP_SYN) + !!(h->flags & TCP_FIN);
  packet->now = bpf_ktime_get_ns();
  if (begin != end) {
    write_key(&packet->key, h, 0);
    if (fl_loss_block(begin) == fl_loss_block(end - 1)) {
      note_in_block(fl_loss_block(begin), begin, end);
    } else {
      packet->begin = begin;
      packet->end = end;
      bpf_loop(FL_LOSS_MOST_BLOCKS, note_block, 0, 0);
    }
  }
  if (!(h->flags & TCP_ACK)) return 0;
  write_key(&packet->key, h, 1);
  note_in_block(FL_LOSS_ACKNOWLEDGED, 0, bpf_ntohl(h->ack));
  return 0;
}

/* The same of a packet whose headers nobody has read yet: its IP header is at `l3`. */
__attribute__((noinline)) int note_loss(struct __sk_buff* skb, __u32 l3) {
  __u32 zero = 0;
  struct dropped* packet = bpf_map_lookup_elem(&dropping, &zero);
  if (!packet || read_headers(skb, l3, &packet->h)) return 0;
  return note_dropped(&packet->h);
}

#endif
