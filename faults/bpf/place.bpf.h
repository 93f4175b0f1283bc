/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a program of the selector stands: the shape and the settings of its site, and what follows from its hook. Shape
 * and hook are constants to the verifier, which removes what they rule out. Which site it is, its entrance has written
 * into the packet: see injector/pen/entrance.h. */
#ifndef FAULTLINE_BPF_PLACE_H
#define FAULTLINE_BPF_PLACE_H

#include "faults/bpf/common.bpf.h"

const volatile struct fl_selector_shape shape SEC(".rodata");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct fl_selector_config);
} configs SEC(".maps");

static __always_inline const struct fl_selector_config* config_of(__u32 site) {
  return bpf_map_lookup_elem(&configs, &site);
}
/* Of the site that the packet has come to; and where the rules that its masks are about begin. */
static __always_inline __u32 site_here(struct __sk_buff* skb) {
  return skb->cb[FL_CB_SITE] & ((1 << FL_CB_BANK_SHIFT) - 1);
}
static __always_inline __u32 bank_here(struct __sk_buff* skb) { return skb->cb[FL_CB_SITE] >> FL_CB_BANK_SHIFT; }
static __always_inline const struct fl_selector_config* config_here(struct __sk_buff* skb) {
  return config_of(site_here(skb));
}
static __always_inline __u32 first_rule_here(const struct fl_selector_config* cfg, struct __sk_buff* skb) {
  return fl_first_rule(cfg->first_rule, cfg->first_bank, bank_here(skb));
}

/* `at` is one of FL_AT_*. */
static __always_inline int is_ingress(int at) { return at == FL_AT_IN || at == FL_AT_BARE_IN; }
static __always_inline int is_loopback(int at) { return at == FL_AT_LO; }
static __always_inline int is_bare(int at) { return at == FL_AT_BARE_OUT || at == FL_AT_BARE_IN; }
static __always_inline __u32 l3_at(int at) { return is_bare(at) ? 0 : ETH_HLEN; } /* where the IP header is */

#endif
