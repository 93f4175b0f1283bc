// What of the telemetry this machine's kernel allows.
#pragma once

#include <string>
#include <vector>

namespace faultline::observe {

/// A place in the kernel that says when something happens, the program that stands there, and what that counts.
struct Tracepoint {
  const char* name;
  const char* program;
  const char* counts;
};
inline constexpr Tracepoint kTracepoints[] = {
    {"inet_sock_set_state", "telemetry_state", "connections opened, accepted, closed and failed"},
    {"tcp_retransmit_skb", "telemetry_retransmit", "retransmissions"},
    {"tcp_send_reset", "telemetry_send_reset", "resets sent"},
    {"tcp_receive_reset", "telemetry_receive_reset", "resets received"},
    {"tcp_probe", "telemetry_arrival", "round-trip times and bytes"},
};

struct TelemetrySupport {
  bool btf = false;                        ///< without type information nothing can be counted
  std::vector<const Tracepoint*> missing;  ///< that this kernel does not have
  bool retransmit_error = false;           ///< tcp_retransmit_skb tells, too, of what could not be sent (6.16 on)

  bool any() const { return btf && missing.size() < std::size(kTracepoints); }
  /// "no tcp_probe: round-trip times and bytes are not counted"; empty when all is there.
  std::string lack() const;
};

/// By the kernel's type information: nothing is loaded.
TelemetrySupport probe_telemetry();

}  // namespace faultline::observe
