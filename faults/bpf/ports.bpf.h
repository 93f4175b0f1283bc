/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet's ports say: which rules they fit, whether it is the operator's own, whether it carries a tunnel. */
#ifndef FAULTLINE_BPF_PORTS_H
#define FAULTLINE_BPF_PORTS_H

#include "faults/bpf/place.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_ports);
} ports SEC(".maps"); /* pages of 256 */

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_port_table);
} port_tables SEC(".maps");

static __always_inline struct fl_ports* rules_of_port(const struct fl_port_table* table, __u16 port) {
  __u32 at = (__u32)table->page[port >> 8 & 255] << 8 | (port & 255);
  return bpf_map_lookup_elem(&ports, &at);
}

/* Rules whose ports fit, `p` at the peer's end and `o` at the site's own. */
static __always_inline __u64 port_mask(const struct fl_selector_config* cfg, __u16 p, __u16 o) {
  __u32 index = cfg->port_table;
  const struct fl_port_table* table = bpf_map_lookup_elem(&port_tables, &index);
  __u64 fit = ~0ULL;
  if (!table) return fit;
  if (cfg->peer_port_rules) {
    struct fl_ports* a = rules_of_port(table, p);
    if (a) fit &= a->peer | ~cfg->peer_port_rules;
  }
  if (cfg->own_port_rules) {
    struct fl_ports* b = rules_of_port(table, o);
    if (b) fit &= b->own | ~cfg->own_port_rules;
  }
  return fit;
}

struct two_ports {
  __be16 source, destination;
};

/* Straight from the packet where possible: a helper costs a call. */
static __always_inline int read_ports(struct __sk_buff* skb, __u32 l4, struct two_ports* p) {
  void *data = (void*)(long)skb->data, *end = (void*)(long)skb->data_end;
  __u64 offset = l4;
  asm volatile("" : "+r"(offset)); /* one register for check and use */
  if (offset < 256) {
    struct two_ports* at = data + offset;
    if ((void*)(at + 1) <= end) {
      *p = *at;
      return 0;
    }
  }
  return bpf_skb_load_bytes(skb, l4, p, sizeof *p);
}

/* Whether the packet is the operator's own: see injector/site/control_path.h. Fragments are not looked at. */
static __always_inline int is_exempt(const struct fl_selector_config* cfg, struct __sk_buff* skb, __u32 l4, int out,
                                     int in) {
  struct two_ports p;
  if (read_ports(skb, l4, &p)) return 0;
  for (int i = 0; i < FL_MAX_EXEMPT_PORTS; i++) {
    if (i >= cfg->exempt_count) break;
    if ((out && p.source == bpf_htons(cfg->exempt[i])) || (in && p.destination == bpf_htons(cfg->exempt[i]))) return 1;
  }
  return 0;
}

/* Whether it is what a tunnel of the site is made of: see injector/site/tunnels.h. */
static __always_inline int carries_tunnel(const struct fl_selector_config* cfg, struct __sk_buff* skb, __u32 l4,
                                          __u8 proto, int later_fragment) {
  if (proto < 64 && (cfg->tunnel_protocols >> proto & 1)) return 1;
  struct two_ports p;
  if (!cfg->tunnel_port_count || proto != IPPROTO_UDP || later_fragment || read_ports(skb, l4, &p)) return 0;
  for (int i = 0; i < FL_MAX_TUNNEL_PORTS; i++) {
    if (i >= cfg->tunnel_port_count) break;
    if (p.source == bpf_htons(cfg->tunnel_ports[i]) || p.destination == bpf_htons(cfg->tunnel_ports[i])) return 1;
  }
  return 0;
}

#endif
