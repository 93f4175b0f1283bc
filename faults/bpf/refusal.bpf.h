/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers of the kind that a kernel gives when it has no use for a packet: RST for TCP (RFC 9293, section 3.10.7), port
 * unreachable for UDP (RFC 792, RFC 4443). Each is written over the packet that it answers. The functions are global:
 * the verifier checks each once, by itself. */
#ifndef FAULTLINE_BPF_REFUSAL_H
#define FAULTLINE_BPF_REFUSAL_H

#include "faults/answer_abi.h"
#include "faults/bpf/headers.bpf.h"

/* Turns a TCP segment into the RST that its sender (`back`) or its receiver takes as meant for it: with the sequence
 * number it waits for, which RFC 5961 wants exact. */
__attribute__((noinline)) int write_reset(struct __sk_buff* skb, const struct headers* h, int back) {
  if (!h) return 1;
  struct tcphdr tcp;
  __builtin_memset(&tcp, 0, sizeof tcp);
  __u8 flags = TCP_RST;
  if (!back) {
    tcp.seq = h->seq;
    if (h->flags & TCP_ACK) {
      tcp.ack_seq = h->ack;
      flags |= TCP_ACK;
    }
  } else if (h->flags & TCP_ACK) {
    tcp.seq = h->ack;
  } else {
    __u32 data = h->length > h->header ? h->length - h->header : 0;
    tcp.ack_seq = bpf_htonl(bpf_ntohl(h->seq) + data + !!(h->flags & TCP_SYN) + !!(h->flags & TCP_FIN));
    flags |= TCP_ACK;
  }
  tcp.source = h->ports[back ? 1 : 0];
  tcp.dest = h->ports[back ? 0 : 1];
  ((__u8*)&tcp)[12] = sizeof tcp / 4 << 4;
  ((__u8*)&tcp)[13] = flags;
  __u32 front = FRONT(h);
  int unfinished = resize(skb, front + 17, front + sizeof tcp);
  if (unfinished < 0) return 1;
  __u64 sum = pseudo_sum(h, IPPROTO_TCP, sizeof tcp);
  if (unfinished) {
    tcp.check = fold(sum);
  } else {
    __u32 words[5];
    __builtin_memcpy(words, &tcp, sizeof tcp);
    for (int i = 0; i < 5; i++) sum += words[i];
    tcp.check = ~fold(sum);
  }
  if (write_front(skb, h, back, IPPROTO_TCP, sizeof tcp)) return 1;
  return !!bpf_skb_store_bytes(skb, front, &tcp, sizeof tcp, BPF_F_RECOMPUTE_CSUM);
}

struct refusal {
  __u64 second; /* of the clock, in which `sent` answers were sent by this CPU */
  __u32 sent;
  __u8 quote[132]; /* the start of the packet that is answered; its size is a bound for the verifier, and a multiple of
                      4 */
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct refusal);
} refusals SEC(".maps"); /* by site */

struct icmp {
  __u8 type, code;
  __be16 check;
  __u32 unused;
};

/* Turns a datagram into an ICMP error for its sender. Not 0: it must not or cannot be answered. */
__attribute__((noinline)) int write_unreachable(struct __sk_buff* skb, const struct headers* h) {
  if (!h) return 1;
  __u32 site = site_here(skb);
  struct refusal* r = bpf_map_lookup_elem(&refusals, &site);
  if (!r) return 1;
  /* RFC 1122, 3.2.2: never to what went to many, or came from nobody. IPv6 sources may be unspecified too. */
  if (h->mac[0] & 1) return 1;
  if (!(h->address[0] | h->address[1] | h->address[2] | h->address[3])) return 1;
  if (h->v6 ? (bpf_ntohl(h->address[4]) >> 24) == 0xff : (bpf_ntohl(h->address[4]) >> 28) >= 0xe) return 1;
  __u64 second = bpf_ktime_get_ns() / 1000000000;
  if (r->second != second) {
    r->second = second;
    r->sent = 0;
  }
  if (r->sent >= FL_ICMP_PER_SECOND) return 1;
  __u64 n = h->l4 - h->l3 + 8; /* as far as the ports, which find the socket */
  asm volatile("" : "+r"(n));
  if (n < 28 || n > sizeof r->quote) return 1;
  if (bpf_skb_load_bytes(skb, h->l3, r->quote, n)) return 1;
  struct icmp icmp = {.type = h->v6 ? 1 : 3, .code = h->v6 ? 4 : 3};
  __u64 sum = h->v6 ? pseudo_sum(h, IPPROTO_ICMPV6, sizeof icmp + n) : 0;
  __u32 first;
  __builtin_memcpy(&first, &icmp, sizeof first);
  sum += first;
  asm volatile("" : "+r"(n));
  if (n < 28 || n > sizeof r->quote) return 1;
  __s64 quoted = bpf_csum_diff(0, 0, (__be32*)r->quote, n, 0);
  if (quoted < 0) return 1;
  icmp.check = ~fold(sum + (__u32)quoted);
  __u32 front = FRONT(h);
  if (bpf_skb_change_tail(skb, front + sizeof icmp + n, 0)) return 1;
  if (write_front(skb, h, 1, h->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, sizeof icmp + n)) return 1;
  if (bpf_skb_store_bytes(skb, front, &icmp, sizeof icmp, BPF_F_RECOMPUTE_CSUM)) return 1;
  if (bpf_skb_store_bytes(skb, front + sizeof icmp, r->quote, n, BPF_F_RECOMPUTE_CSUM)) return 1;
  r->sent++;
  return 0;
}

#endif
