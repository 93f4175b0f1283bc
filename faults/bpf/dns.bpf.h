/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DNS lookups: which rules are about the name that a query asks for, and the answer to it, made from the query (RFC
 * 1035, section 4). Names are compared by label from the end, whatever the case of their letters, and by hash: the cost
 * does not grow with the number of names. */
#ifndef FAULTLINE_BPF_DNS_H
#define FAULTLINE_BPF_DNS_H

#include "faults/answer_abi.h"
#include "faults/bpf/headers.bpf.h"
#include "faults/bpf/place.bpf.h"

enum {
  DNS_HEADER = 12,
  DNS_NAME = 255,                           /* the longest, with its length bytes */
  DNS_QUESTION = DNS_HEADER + DNS_NAME + 4, /* header and question at most */
  DNS_LOOKED_AT = DNS_QUESTION + 3,         /* and the start of an OPT record behind it */
  DNS_LABELS = 128,
};

/* One query at a time a CPU. What the loops below keep from round to round is here, too, and not on the stack: kernels
 * before 6.7 verify a loop by one round, take for known what it leaves on the stack, and cut out the code of all other
 * rounds. */
struct lookup {
  __u64 hash, found;
  __u64 label[DNS_LABELS]; /* hashes */
  __u8 message[1024]; /* the query; then the answer. The rest up to a power of two is room for the verifier's bounds */
  __u32 labels, end;  /* end: of the question in the message */
  __u32 left;         /* of the label being read */
  __u32 bad;          /* not a name */
  __u32 extended;     /* the query had an OPT record (RFC 6891) */
  __u32 first_rule;   /* of the site: see fl_name_key */
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct lookup);
} lookups SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, struct fl_name_key);
  __type(value, struct fl_name_rules);
} names SEC(".maps");

/* One byte of the name a call. */
static long read_name(__u32 i, void* none) {
  __u32 zero = 0;
  struct lookup* l = bpf_map_lookup_elem(&lookups, &zero);
  if (!l) return 1;
  __u8 byte = l->message[DNS_HEADER + (i & 255)];
  if (l->left) {
    l->hash = fl_label_add(l->hash, byte);
    if (--l->left == 0) {
      l->label[l->labels & (DNS_LABELS - 1)] = l->hash;
      l->labels++;
    }
    return 0;
  }
  if (!byte) {
    l->end = DNS_HEADER + i + 1;
    return 1;
  }
  if (byte > 63) { /* compressed, which a question is not */
    l->bad = 1;
    return 1;
  }
  l->left = byte;
  l->hash = FL_LABEL_START;
  return 0;
}

/* One label a call, the last one first. */
static long find_name(__u32 i, void* none) {
  __u32 zero = 0;
  struct lookup* l = bpf_map_lookup_elem(&lookups, &zero);
  if (!l || i >= l->labels) return 1;
  l->hash = fl_name_add(l->hash, l->label[(l->labels - 1 - i) & (DNS_LABELS - 1)]);
  struct fl_name_key key = {.hash = l->hash, .rule = l->first_rule};
  struct fl_name_rules* r = bpf_map_lookup_elem(&names, &key);
  if (r) l->found |= i + 1 == l->labels ? r->exact : r->under;
  return 0;
}

/* The site's rules that are about the query at `at`. 0: it is no query. Leaves the query behind for write_lookup().
 * Global, and so verified by itself. */
__attribute__((noinline)) __u64 rules_of_lookup(struct __sk_buff* skb, __u32 at) {
  __u32 zero = 0;
  struct lookup* l = bpf_map_lookup_elem(&lookups, &zero);
  const struct fl_selector_config* cfg = config_here(skb);
  if (!l || !cfg || at >= skb->len) return 0;
  __u64 n = skb->len - at;
  if (n > DNS_LOOKED_AT) n = DNS_LOOKED_AT;
  asm volatile("" : "+r"(n));
  if (n < DNS_HEADER + 5 || n > DNS_LOOKED_AT) return 0;
  if (bpf_skb_load_bytes(skb, at, l->message, n)) return 0;
  const __u8* m = l->message;
  /* QR and OPCODE are 0, one question, no answers, no authorities (a dynamic update is no lookup) */
  if ((m[2] & 0xf8) || m[4] || m[5] != 1 || m[6] || m[7] || m[8] || m[9]) return 0;
  l->first_rule = cfg->first_rule;
  l->end = l->labels = l->left = l->bad = 0;
  l->found = 0;
  bpf_loop(DNS_NAME, read_name, 0, 0);
  if (l->bad || !l->end) return 0;
  l->end += 4; /* type and class */
  __u64 end = l->end;
  asm volatile("" : "+r"(end));
  if (end > n || end > DNS_QUESTION) return 0;
  if (m[end - 2] || m[end - 1] != 1) return 0; /* class IN */
  l->extended = end + 3 <= n && !m[end] && !m[end + 1] && m[end + 2] == 41;
  l->hash = FL_NAME_ROOT;
  bpf_loop(DNS_LABELS, find_name, 0, 0);
  return l->found | cfg->any_name_rules;
}

/* Turns the query that rules_of_lookup() has just read into its answer. UDP alone. Not 0: it cannot be done. */
__attribute__((noinline)) int write_lookup(struct __sk_buff* skb, const struct headers* h, const struct fl_answer* a) {
  __u32 zero = 0;
  if (!h || !a) return 1;
  struct lookup* l = bpf_map_lookup_elem(&lookups, &zero);
  if (!l) return 1;
  __u64 end = l->end;
  asm volatile("" : "+r"(end));
  if (end < DNS_HEADER + 5 || end > DNS_QUESTION) return 1;
  __u8* m = l->message;
  __u16 type = m[end - 4] << 8 | m[end - 3];
  __u32 to = end, count = 0;
  if (type == 1 && a->count4) {
    count = a->count4;
    to += count * FL_DNS_RECORD4;
    __builtin_memcpy(m + end, a->records4, sizeof a->records4);
  } else if (type == 28 && a->count6) {
    count = a->count6;
    to += count * FL_DNS_RECORD6;
    __builtin_memcpy(m + end, a->records6, sizeof a->records6);
  }
  m[2] = 0x80 | (m[2] & 0x01);            /* QR, and RD as it was */
  m[3] = 0x80 | (m[3] & 0x10) | a->rcode; /* RA, and CD as it was */
  m[7] = count;
  m[10] = 0;
  m[11] = l->extended ? 1 : 0;
  __u64 at = to;
  asm volatile("" : "+r"(at));
  if (at > 512) return 1;
  if (l->extended) { /* an empty OPT record: who asks with one may take an answer without for that of an old server */
    __u8* opt = m + at; /* by the byte: a constant array would take the place of the settings in .rodata */
    opt[0] = opt[1] = opt[5] = opt[6] = opt[7] = opt[8] = opt[9] = opt[10] = 0;
    opt[2] = 41;
    opt[3] = 1232 >> 8;
    opt[4] = 1232 & 255;
    to += 11;
  }
  __u64 n = to;
  asm volatile("" : "+r"(n));
  if (n < DNS_HEADER || n > 508) return 1;
  m[n] = m[n + 1] = m[n + 2] = m[n + 3] = 0; /* to a multiple of 4, for the sum */
  __u64 words = (n + 3) & ~3ULL;
  asm volatile("" : "+r"(words));
  if (words > 512) return 1;
  __s64 summed = bpf_csum_diff(0, 0, (__be32*)m, words, 0);
  if (summed < 0) return 1;

  struct udphdr udp = {.source = h->ports[1], .dest = h->ports[0], .len = bpf_htons(sizeof udp + n)};
  __u32 front = FRONT(h);
  int unfinished = resize(skb, front + 7, front + sizeof udp + n);
  if (unfinished < 0) return 1;
  __u64 sum = pseudo_sum(h, IPPROTO_UDP, sizeof udp + n);
  if (unfinished) {
    udp.check = fold(sum);
  } else {
    udp.check = ~fold(sum + udp.source + udp.dest + udp.len + (__u32)summed);
    if (!udp.check) udp.check = 0xffff; /* 0 stands for "no checksum" */
  }
  if (write_front(skb, h, 1, IPPROTO_UDP, sizeof udp + n)) return 1;
  if (bpf_skb_store_bytes(skb, front, &udp, sizeof udp, BPF_F_RECOMPUTE_CSUM)) return 1;
  asm volatile("" : "+r"(n));
  if (n < DNS_HEADER || n > 508) return 1;
  return !!bpf_skb_store_bytes(skb, front + sizeof udp, m, n, BPF_F_RECOMPUTE_CSUM);
}

#endif
