// What of the telemetry this machine's kernel allows.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

namespace faultline::observe {

/// A place in the kernel that says when something happens, the program that stands there, and what that counts.
struct Tracepoint {
  const char* name;
  const char* program;
  const char* counts;
  std::initializer_list<const char*> series;  ///< the same, as a plan calls it
  bool of_turns = false;                      ///< it stands there only where turns are asked for
};
inline constexpr Tracepoint kTracepoints[] = {
    {"inet_sock_set_state",
     "telemetry_state",
     "connections opened, accepted, closed and failed",
     {"connections", "errors", "turns"}},
    {"tcp_retransmit_skb", "telemetry_retransmit", "retransmissions", {"retransmits", "retransmits_ours", "timeouts"}},
    {"tcp_send_reset", "telemetry_send_reset", "resets sent", {"resets.sent"}},
    {"tcp_receive_reset", "telemetry_receive_reset", "resets received", {"resets.received"}},
    {"tcp_probe", "telemetry_arrival", "round-trip times, bytes and packets", {"rtt", "bytes", "packets", "turns"}},
    {"net_dev_queue", "telemetry_departure", "turns", {"turns"}, true},
};

struct TelemetrySupport {
  bool btf = false;                        ///< without type information nothing can be counted
  std::vector<const Tracepoint*> missing;  ///< that this kernel does not have
  bool retransmit_error = false;           ///< tcp_retransmit_skb tells, too, of what could not be sent (6.16 on)
  bool cast = false;                       ///< bpf_rdonly_cast() is there, which programs may call (6.2 on)

  /// The same of a run that asks for no turns: what counts nothing else is not missing.
  TelemetrySupport without_turns() const;
  bool any() const { return btf && missing.size() < std::size(kTracepoints); }
  bool lacks(const Tracepoint& one) const;
  /// "no tcp_probe: round-trip times and bytes are not counted"; empty when all is there.
  std::string lack() const;
  /// The series that are not counted, as a plan calls them; all where it has no type information.
  std::vector<std::string> lacking_series() const;
};

/// By the kernel's type information: nothing is loaded.
TelemetrySupport probe_telemetry();

}  // namespace faultline::observe
