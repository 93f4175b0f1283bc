/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's headers as values, and headers for a packet of ours that takes its place: what every answer is made from
 * and made of. Answers have plain headers, without options or extensions. */
#ifndef FAULTLINE_BPF_HEADERS_H
#define FAULTLINE_BPF_HEADERS_H

#include "faults/bpf/common.bpf.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct headers {
  __u8 mac[12];      /* zeros on a bare device */
  __u8 v6, proto;    /* proto 0: a later fragment, or nothing whose header could be read */
  __u8 flags, l3;    /* of TCP; where the IP header is: 0 on a bare device */
  __u32 l4;          /* where its header is */
  __u32 length;      /* from there to the datagram's end, as the IP header says */
  __u32 header;      /* of the header at l4 */
  __be16 ports[2];   /* source, destination */
  __be32 address[8]; /* source, then destination; IPv4 in [0] and [4] */
  __be32 seq, ack;
};

/* Reads the headers of a packet whose IP header is at `l3`. Not 0: it has none, or is cut short. */
static __attribute__((noinline)) int read_headers(struct __sk_buff* skb, __u32 l3, struct headers* h) {
  __builtin_memset(h, 0, sizeof *h);
  __u8 proto;
  __u32 l4 = l3;
  h->l3 = l3;
  if (l3 && bpf_skb_load_bytes(skb, 0, h->mac, sizeof h->mac)) return 1;
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, l3, &ip, sizeof ip)) return 1;
    h->address[0] = ip.saddr;
    h->address[4] = ip.daddr;
    proto = ip.protocol;
    l4 += ip.ihl * 4;
    h->length = bpf_ntohs(ip.tot_len) - ip.ihl * 4;
    if (ip.frag_off & bpf_htons(0x1fff)) proto = 0;
  } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, l3, &ip, sizeof ip)) return 1;
    __builtin_memcpy(h->address, &ip.saddr, 32);
    h->v6 = 1;
    proto = ip.nexthdr;
    l4 += sizeof ip;
    int later = 0;
    if (skip_extensions(skb, &proto, &l4, &later)) return 1;
    if (later) proto = 0;
    h->length = bpf_ntohs(ip.payload_len) - (l4 - l3 - sizeof ip);
  } else {
    return 1;
  }
  h->l4 = l4;
  if (skb->gso_size) h->length = skb->len - l4; /* of a large one the header need not say */
  if (proto == IPPROTO_TCP) {
    struct tcphdr tcp;
    if (bpf_skb_load_bytes(skb, l4, &tcp, sizeof tcp)) return 0;
    h->ports[0] = tcp.source;
    h->ports[1] = tcp.dest;
    h->seq = tcp.seq;
    h->ack = tcp.ack_seq;
    h->flags = ((__u8*)&tcp)[13];
    h->header = tcp.doff * 4;
  } else if (proto == IPPROTO_UDP) {
    if (bpf_skb_load_bytes(skb, l4, h->ports, sizeof h->ports)) return 0;
    h->header = 8;
  }
  h->proto = proto;
  return 0;
}

/* ---- checksums (RFC 1071): sums of 16-bit words, in whatever order the machine has them, folded at the end ---- */
static __always_inline __u16 fold(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (__u16)sum;
}

/* Of the pseudo header: the same in both directions. */
static __always_inline __u64 pseudo_sum(const struct headers* h, __u8 proto, __u32 length) {
  __u64 sum = bpf_htonl(length + proto);
  for (int i = 0; i < 8; i++) sum += h->address[i];
  return sum;
}

#define FRONT(h) \
  ((h)->l3 + ((h)->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr))) /* of an answer, all before layer 4 */

/* Writes the frame's addresses and an IP header for `length` bytes of `proto`: from the receiver to the sender if
 * `back`, else the way the packet went. The frame must have its final length. */
static __always_inline int write_front(struct __sk_buff* skb, const struct headers* h, int back, __u8 proto,
                                       __u32 length) {
  const __u64 how = BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH;
  if (h->l3) {
    __u8 mac[12];
    __builtin_memcpy(mac, h->mac + (back ? 6 : 0), 6);
    __builtin_memcpy(mac + 6, h->mac + (back ? 0 : 6), 6);
    if (bpf_skb_store_bytes(skb, 0, mac, sizeof mac, 0)) return 1;
  }
  if (h->v6) {
    struct ipv6hdr ip = {.version = 6, .payload_len = bpf_htons(length), .nexthdr = proto, .hop_limit = 64};
    __builtin_memcpy(&ip.saddr, h->address + (back ? 4 : 0), 16);
    __builtin_memcpy(&ip.daddr, h->address + (back ? 0 : 4), 16);
    return !!bpf_skb_store_bytes(skb, h->l3, &ip, sizeof ip, how);
  }
  struct iphdr ip = {.version = 4,
                     .ihl = 5,
                     .tot_len = bpf_htons(length + sizeof ip),
                     .frag_off = bpf_htons(0x4000), /* don't fragment */
                     .ttl = 64,
                     .protocol = proto,
                     .saddr = h->address[back ? 4 : 0],
                     .daddr = h->address[back ? 0 : 4]};
  __u32 words[5];
  __builtin_memcpy(words, &ip, sizeof ip);
  ip.check = ~fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
  return !!bpf_skb_store_bytes(skb, h->l3, &ip, sizeof ip, how);
}

/* Makes the frame `size` bytes long, of which `field` is the first beyond half of the checksum at layer 4. Returns 1 if
 * the kernel or the device will finish that checksum (CHECKSUM_PARTIAL: a packet that was made on this machine): the
 * field then holds the sum of the pseudo header alone. Below 0: it could not be done. No helper tells; but a frame
 * whose checksum is to be finished cannot be cut in the middle of it. */
static __always_inline int resize(struct __sk_buff* skb, __u32 field, __u32 size) {
  int unfinished = !!bpf_skb_change_tail(skb, field, 0);
  return bpf_skb_change_tail(skb, size, 0) ? -1 : unfinished;
}

#endif
