/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a program of the selector stands: the settings of its site, and what follows from its hook. All of it are
 * constants to the verifier, which removes what they rule out. */
#ifndef FAULTLINE_BPF_PLACE_H
#define FAULTLINE_BPF_PLACE_H

#include "faults/bpf/common.bpf.h"

const volatile struct fl_selector_config cfg SEC(".rodata");

/* `at` is one of FL_AT_*. */
static __always_inline int is_ingress(int at) { return at == FL_AT_IN || at == FL_AT_BARE_IN; }
static __always_inline int is_loopback(int at) { return at == FL_AT_LO; }
static __always_inline int is_bare(int at) { return at == FL_AT_BARE_OUT || at == FL_AT_BARE_IN; }
static __always_inline __u32 l3_at(int at) { return is_bare(at) ? 0 : ETH_HLEN; } /* where the IP header is */

#endif
