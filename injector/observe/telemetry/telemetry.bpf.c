// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Telemetry of a target: what becomes of its TCP connections, counted at the kernel's tracepoints. The programs see
 * every socket of the machine and count those of a target, told by network namespace and cgroup. They change nothing.
 *
 * A tracepoint in an interrupt may come while the same program runs on this CPU: the kernel then leaves it out, and
 * counts that. So what one program alone adds to needs no more than an addition (fl_telemetry_slot); to all else is
 * added atomically, since another of these programs may come in between. */
#include <linux/errno.h>

#include "injector/observe/telemetry/connection.bpf.h"
#include "injector/observe/telemetry/whose_loss.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline __u32 failed_by(int error) {
  switch (error) {
    case 0:
      return FL_FAILED_ABANDONED;
    case ECONNREFUSED:
      return FL_FAILED_REFUSED;
    case ETIMEDOUT:
      return FL_FAILED_TIMED_OUT;
    case ECONNRESET:
      return FL_FAILED_RESET;
    case EHOSTUNREACH:
      return FL_FAILED_HOST;
    case ENETUNREACH:
      return FL_FAILED_NET;
    default:
      return FL_FAILED_OTHER;
  }
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(telemetry_state, struct sock* sk, int before, int after) {
  if (sk->sk_protocol != IPPROTO_TCP) return 0;
  int parting = config.turns && (after == BPF_TCP_FIN_WAIT1 || after == BPF_TCP_CLOSE_WAIT);
  if (!parting && after != BPF_TCP_ESTABLISHED &&
      (after != BPF_TCP_CLOSE || before == BPF_TCP_LISTEN || before == BPF_TCP_CLOSE))
    return 0;
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  __u64 now = bpf_ktime_get_ns(), number = bucket_at(control, now);
  if (!number) return 0;
  if (after == BPF_TCP_CLOSE && (before == BPF_TCP_SYN_SENT || before == BPF_TCP_SYN_RECV)) {
    if (before == BPF_TCP_SYN_SENT) count_for(whose_socket(control, sk), number, FL_FAILED + failed_by(sk->sk_err), 1);
    return 0;
  }
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  if (!tp) return 0;
  __u64 of;
  struct connection* seen = connection_of(control, sk, tp, &of);
  if (!of) return 0;
  if (seen && config.turns) end_turn(seen, number, now, after);
  if (parting) return 0;
  if (after == BPF_TCP_ESTABLISHED) {
    int asks = before == BPF_TCP_SYN_SENT;
    if (seen) seen->role = asks ? ASKS : ANSWERS;
    if (asks || before == BPF_TCP_SYN_RECV) count_for(of, number, asks ? FL_OPENED : FL_ACCEPTED, 1);
    return 0;
  }
  count_for(of, number, FL_CLOSED, 1);
  if (seen) count_transfer(seen, tp, number);
  return 0;
}

/* What asks for an answer and gets none arrives nowhere: that it left is seen here, and not when the link is back. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(telemetry_retransmit, struct sock* sk, struct sk_buff* skb) {
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  __u64 number = bucket_now(control);
  if (!number) return 0;
  if (config.retransmit_error && (int)ctx[2] != 0) return 0; /* it was not sent */
  __u8 state = sk->__sk_common.skc_state;
  int opening = state == BPF_TCP_SYN_SENT || state == BPF_TCP_SYN_RECV; /* nothing is remembered of it yet */
  struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
  __u64 of = 0;
  struct connection* seen = 0;
  if (tp && !opening)
    seen = connection_of(control, sk, tp, &of);
  else
    of = whose_socket(control, sk);
  if (!of) return 0;
  count_for(of, number, FL_RETRANSMITS, 1);
  if (tp) {
    int whose = whose_loss_is(sk, tp, skb);
    if (whose != OTHERS) count_for(of, number, whose == OURS ? FL_RETRANSMITS_OURS : FL_RETRANSMITS_UNSURE, 1);
  }
  /* Of what is sent again in this state, the acknowledgements of later packets have called for some; each that moves on
   * sets the number of retransmissions back. */
  if (tp && BPF_CORE_READ_BITFIELD(tp, inet_conn.icsk_ca_state) == TCP_CA_Loss && tp->inet_conn.icsk_retransmits)
    count_for(of, number, FL_TIMEOUTS, 1);
  if (seen) count_transfer(seen, tp, number);
  return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(telemetry_send_reset, struct sock* sk, struct sk_buff* skb) {
  struct fl_telemetry_control* control = control_of();
  if (!control || (sk && is_elsewhere(control, sk))) return 0;
  __u64 number = bucket_now(control);
  if (!number) return 0;
  __u64 of = 0;
  if (sk) {
    of = whose_socket(control, sk);
  } else if (skb) { /* nobody listens there; its peer is not told */
    struct net_device* dev = BPF_CORE_READ(skb, dev);
    if (dev) of = targets_at(BPF_CORE_READ(dev, nd_net.net, ns.inum), 0);
  }
  count_for(of, number, FL_RESETS_SENT, 1);
  return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(telemetry_receive_reset, struct sock* sk) {
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  __u64 number = bucket_now(control);
  if (number) count_for(whose_socket(control, sk), number, FL_RESETS_RECEIVED, 1);
  return 0;
}

/* Whether a packet that arrives has payload that has not come before: TCP has put down already where it ends, behind a
 * SYN or FIN, which take a number each and are none. */
static __always_inline int brings_news(struct tcp_sock* tp, struct sk_buff* skb) {
  struct tcp_skb_cb* cb = (void*)__builtin_preserve_access_index(&skb->cb);
  __u8 flags = cb->tcp_flags;
  __u32 end = cb->end_seq - !!(flags & FL_TCP_SYN) - !!(flags & FL_TCP_FIN);
  return end != cb->seq && (__s32)(end - tp->rcv_nxt) > 0;
}

/* For each packet that arrives on an open connection, before it is looked at. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(telemetry_arrival, struct sock* sk, struct sk_buff* skb) {
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  __u64 now = bpf_ktime_get_ns(), number = bucket_at(control, now);
  if (!number) return 0;
  struct tcp_sock* tp = as_tcp(sk);
  if (!tp) tp = bpf_skc_to_tcp_sock(sk);
  if (!tp) return 0;
  __u64 of;
  struct connection* seen = connection_of(control, sk, tp, &of);
  if (!seen) return 0;
  if (config.turns && brings_news(tp, skb)) take_turn(seen, role_of(seen, sk) == ANSWERS, number, now);
  __u32 srtt = seen->rtt_in == number ? 0 : tp->srtt_us >> 3; /* kept in eighths */
  if (srtt) seen->rtt_in = number;
  struct transfer more;
  if (transferred(&more, seen, tp, number) || srtt) count_arrival_for(&more, srtt);
  return 0;
}

/* For each packet that is about to leave by a device, after what stands at its egress: where turns are asked for. */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(telemetry_departure, struct sk_buff* skb) {
  struct sock* sk = skb->sk;
  if (!sk) return 0;
  __u8 state = sk->__sk_common.skc_state; /* in these it is a whole socket, and may have something to say */
  if (state != BPF_TCP_ESTABLISHED && state != BPF_TCP_CLOSE_WAIT && state != BPF_TCP_FIN_WAIT1) return 0;
  if (sk->sk_protocol != IPPROTO_TCP) return 0;
  struct fl_telemetry_control* control = control_of();
  if (!control || is_elsewhere(control, sk)) return 0;
  struct connection* seen = bpf_sk_storage_get(&telemetry_connections, sk, 0, 0);
  if (!seen || !seen->targets) return 0;
  /* Not bpf_skc_to_tcp_sock(), which does not take a pointer that is read out of a packet. */
  struct tcp_sock *tp = as_tcp(sk), *unread = (struct tcp_sock*)sk;
  __u64 sent = tp ? sent_by(tp) : BPF_CORE_READ(unread, bytes_sent) - BPF_CORE_READ(unread, bytes_retrans);
  if (sent == seen->sent) return 0;
  seen->sent = sent;
  __u64 now = bpf_ktime_get_ns(), number = bucket_at(control, now);
  if (number) take_turn(seen, role_of(seen, sk) == ASKS, number, now);
  return 0;
}
