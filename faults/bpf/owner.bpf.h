/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is our owner alive and running? Asked for every packet that a rule selects, so that a kill or a stop ends every fault
 * at once, long before links and devices are taken apart. The owner's task is held as a kptr: no pid reuse, no question
 * of pid namespaces. Needs bpf_task_acquire and bpf_rcu_read_lock (kernel 6.2); older kernels take the gate in
 * selector.bpf.c. */
#ifndef FAULTLINE_BPF_OWNER_H
#define FAULTLINE_BPF_OWNER_H

#include "faults/bpf/common.bpf.h"

#define PF_EXITING 0x4          /* include/linux/sched.h */
#define TASK_STOPPED_TRACED 0xc /* __TASK_STOPPED | __TASK_TRACED */
#define STOPPED_OR_EXITS 0x5    /* SIGNAL_STOP_STOPPED | SIGNAL_GROUP_EXIT, include/linux/sched/signal.h */
#define STOP_SENT \
  (1UL << 18) /* SIGSTOP, which nobody can block: the stop itself waits until one of our threads gets a CPU */

#define CORE __attribute__((preserve_access_index))
typedef struct {
  unsigned long sig[1];
} sigset_t;
struct sigpending {
  sigset_t signal;
} CORE;
struct signal_struct {
  unsigned int flags;
  int group_stop_count;
  struct sigpending shared_pending;
} CORE;
struct task_struct {
  unsigned int __state, flags;
  struct signal_struct* signal;
} CORE;
/* clang 14 drops a type tag on a plain struct pointer, so the typedef is tagged. */
typedef struct task_struct task_t;
struct owner {
  task_t __attribute__((btf_type_tag("kptr"))) * task;
};

extern struct task_struct* bpf_task_acquire(struct task_struct* p) __ksym;
extern void bpf_task_release(struct task_struct* p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct owner);
} owners SEC(".maps");

static __always_inline int owner_runs(void) {
  __u32 zero = 0;
  struct owner* o = bpf_map_lookup_elem(&owners, &zero);
  int ok = 0;
  if (!o) return 0;
  bpf_rcu_read_lock();
  struct task_struct* t = o->task;
  if (t)
    ok = !(t->flags & PF_EXITING) && !(t->__state & TASK_STOPPED_TRACED) && !(t->signal->flags & STOPPED_OR_EXITS) &&
         !t->signal->group_stop_count && !(t->signal->shared_pending.signal.sig[0] & STOP_SENT);
  bpf_rcu_read_unlock();
  return ok;
}

#endif
