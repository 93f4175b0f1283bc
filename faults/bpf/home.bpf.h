/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this device still where the site is? A device that moves to another network namespace takes its programs along,
 * and in the new one neither the near veth nor the way back exists: whatever is taken there is lost, or sent out of
 * somebody else's device. User space detaches such a device as soon as it hears of it; until then the selector lets its
 * packets pass. Asked for packets that rules select, and for no others. */
#ifndef FAULTLINE_BPF_HOME_H
#define FAULTLINE_BPF_HOME_H

#include "faults/bpf/place.bpf.h"

#ifndef FL_CGROUPS
#define FL_CGROUPS 1 /* without, nothing in the object needs the kernel's BTF */
#endif

#if FL_CGROUPS
#include <bpf/bpf_core_read.h>

/* The kernel's, by another ending: others may need other members of the same ones. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common___home {
  unsigned int inum;
};
struct net___home {
  struct ns_common___home ns;
};
typedef struct {
  struct net___home* net;
} possible_net___home;
struct net_device___home {
  possible_net___home nd_net;
};
struct sk_buff___home {
  struct net_device___home* dev;
};
#pragma clang attribute pop
#endif

#if FL_MODERN
extern void* bpf_cast_to_kern_ctx(void* context) __ksym;
#endif

#if FL_CGROUPS
/* Whether the packet's device is in the network namespace of that inode. A global function, with a stack frame of its
 * own. */
__attribute__((noinline)) int is_in(struct __sk_buff* skb, __u32 netns) {
#if FL_MODERN
  struct sk_buff___home* k = bpf_cast_to_kern_ctx(skb);
  return k->dev->nd_net.net->ns.inum == netns;
#else
  /* Without that kfunc (6.2): a program's context is the kernel's own packet, which may be read by address. */
  struct sk_buff___home* k = (struct sk_buff___home*)skb;
  struct net_device___home* device = 0;
  struct net___home* net = 0;
  unsigned int inum = 0;
  if (bpf_core_read(&device, sizeof device, &k->dev) || bpf_core_read(&net, sizeof net, &device->nd_net.net) ||
      bpf_core_read(&inum, sizeof inum, &net->ns.inum))
    return 1;
  return inum == netns;
#endif
}
#else
/* Without the kernel's types: is there a device at all by the number of the near veth? */
__attribute__((noinline)) int has_device(struct __sk_buff* skb, __u32 near) {
  __u32 mtu = 0;
  return bpf_check_mtu(skb, near, &mtu, 0, 0) != -19 /* ENODEV */;
}
#endif

static __always_inline int at_home(const struct fl_selector_config* cfg, struct __sk_buff* skb) {
  if (!cfg->netns) return 1;
#if FL_CGROUPS
  return is_in(skb, cfg->netns);
#else
  return has_device(skb, cfg->near);
#endif
}

#endif
