/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the telemetry reads of the kernel's sockets: the members that it needs, wherever the running kernel has them
 * (CO-RE). */
#ifndef FAULTLINE_TELEMETRY_KERNEL_H
#define FAULTLINE_TELEMETRY_KERNEL_H

#include <linux/types.h>

#include "faults/bpf/kernel_cgroup.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
typedef struct {
  struct net* net;
} possible_net_t;
struct in6_addr {
  __u8 s6_addr[16]; /* not how the kernel has it: read by its address */
};
struct sock_common {
  __u32 skc_daddr, skc_rcv_saddr;
  __u16 skc_dport, skc_num;
  unsigned short skc_family;
  struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
};
struct sock {
  struct sock_common __sk_common;
  struct sock_cgroup_data sk_cgrp_data;
  int sk_err;
  __u16 sk_protocol;
};
struct inet_connection_sock {
  __u8 icsk_ca_state : 5;
  __u8 icsk_retransmits;
};
struct tcp_sock {
  struct inet_connection_sock inet_conn;
  __u32 srtt_us, segs_in, segs_out, rcv_nxt, snd_una, snd_nxt;
  __u64 bytes_acked, bytes_received, bytes_sent, bytes_retrans, tcp_clock_cache;
};
struct net_device {
  possible_net_t nd_net;
};
struct sk_buff {
  struct net_device* dev;
  struct sock* sk;
  unsigned char* data;
  unsigned int len;
  char cb[48];
};
struct tcp_skb_cb { /* in the above, of what TCP has queued */
  __u32 seq, end_seq;
  __u8 tcp_flags;
};
enum { FL_TCP_FIN = 1, FL_TCP_SYN = 2 };
#pragma clang attribute pop

#endif
