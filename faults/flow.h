/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The identity of a flow, as far as it is arithmetic: where its state lives, who is its client, and the key that chance
 * draws on. The key leaves the client's port out and takes the connection's ordinal under (client, server, server's
 * port) in its place, so that a run can be repeated although ports differ. Compiled for eBPF and natively, so that
 * tests can replay what the player decided. */
#ifndef FAULTLINE_FAULTS_FLOW_H
#define FAULTLINE_FAULTS_FLOW_H

#include <linux/types.h>

#include "faults/abi.h"

#define FL_FLOW static inline __attribute__((always_inline))

struct fl_endpoint {
  __u64 high, low; /* address as it stands in the packet; IPv4 in low alone */
  __u64 port;      /* in host order; 0 without ports */
};

FL_FLOW __u64 fl_flow_mix(__u64 h, __u64 v) {
  h ^= v;
  h *= 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
  return h ^ (h >> 29);
}
FL_FLOW __u64 fl_flow_mix_end(__u64 h, const struct fl_endpoint* e, __u64 port) {
  return fl_flow_mix(fl_flow_mix(fl_flow_mix(h, e->high), e->low), port);
}

/* The bucket of a hash, in `flows` and in `ordinals`. */
FL_FLOW __u32 fl_flow_bucket(__u64 hash) { return (__u32)(hash >> 40) & (FL_FLOW_BUCKETS - 1); }

/* Hash of a connection, the same in both directions and at every site; *a_first says whether `a` is the lesser of its
 * endpoints. */
FL_FLOW __u64 fl_flow_pair(__u8 proto, const struct fl_endpoint* a, const struct fl_endpoint* b, int* a_first) {
  __u64 ha = fl_flow_mix_end(1, a, a->port), hb = fl_flow_mix_end(1, b, b->port);
  *a_first = ha < hb;
  return fl_flow_mix(fl_flow_mix(proto + 1, *a_first ? ha : hb), *a_first ? hb : ha);
}

/* Hash of a connection at one site, from fl_flow_pair: where its state is kept. */
FL_FLOW __u64 fl_flow_at(__u32 site, __u64 pair) { return fl_flow_mix(pair, site + 1); }

FL_FLOW __u64 fl_flow_hash(__u32 site, __u8 proto, const struct fl_endpoint* a, const struct fl_endpoint* b,
                           int* a_first) {
  return fl_flow_at(site, fl_flow_pair(proto, a, b, a_first));
}

/* What the sites that see a connection know it by: its endpoints and the SYN that opens it, as far as that was seen. */
FL_FLOW __u64 fl_flow_opening(__u64 pair, int opens, __u32 syn) {
  return fl_flow_mix(pair, opens ? 1ULL << 32 | syn : 0);
}

/* Whether `a`, the sender of the first packet seen, is the client: it opens the connection, or its port is the greater.
 */
FL_FLOW int fl_flow_client(int opens, const struct fl_endpoint* a, const struct fl_endpoint* b, int a_first) {
  return opens || a->port > b->port || (a->port == b->port && a_first);
}

/* Hash of (client, server, server's port): connections that share it are told apart by their ordinal. */
FL_FLOW __u64 fl_flow_service(__u8 proto, const struct fl_endpoint* client, const struct fl_endpoint* server) {
  return fl_flow_mix_end(fl_flow_mix_end(proto + 3, client, 0), server, server->port);
}

/* Key of a client's address alone: what a share of the clients is drawn by. */
FL_FLOW __u64 fl_flow_client_key(const struct fl_endpoint* client) { return fl_flow_mix_end(7, client, 0); }

/* The flow's key, never 0. */
FL_FLOW __u64 fl_flow_key(__u64 service, __u32 ordinal) { return fl_flow_mix(service, ordinal) | 1; }

#endif
