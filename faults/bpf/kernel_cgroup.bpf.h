/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which cgroups a socket is in: the members of the kernel's structs that lead there, wherever the running kernel has
 * them (CO-RE). struct sock is each program's own, with what that program reads of it. */
#ifndef FAULTLINE_BPF_KERNEL_CGROUP_H
#define FAULTLINE_BPF_KERNEL_CGROUP_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kernfs_node {
  __u64 id;
};
struct cgroup {
  struct kernfs_node* kn;
  int level;
  struct cgroup* ancestors[];
};
struct sock_cgroup_data {
  struct cgroup* cgroup;
};
#pragma clang attribute pop

#endif
