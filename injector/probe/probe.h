// Probes: requests that users of the service would make, sent in open loop. The nth request is due at start + n *
// every; a slow or lost answer never delays the next one, and a request belongs to the phase in which it was due. Each
// probe has a thread of its own inside the network namespace it asks from, so that a busy probe never makes a held
// packet late. Every due request yields exactly one sample, whatever becomes of it; docs/probes.md lists the errors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/netns.h"
#include "injector/nursery/nursery.h"
#include "injector/probe/kind.h"

namespace faultline::probe {

/// What a service, or a command, said to a request that failed. Kept for people, as it came; the record bounds it.
struct Heard {
  std::string output;          ///< a body, or standard output
  std::string errors = {};     ///< standard error
  std::uint64_t left_out = 0;  ///< bytes of both that are not here
  /// What was wanted of it, and what it was instead: "exit status: 0 wanted, 3 seen"; empty: the error says all.
  std::string mismatch = {};

  static constexpr std::size_t kMost = 2048;  ///< of each
};

/// One finished request.
struct Sample {
  std::size_t probe = 0;  ///< index in the plan
  Ns due = 0;             ///< since T0
  Ns late = 0;            ///< how much later than due we sent it: our own fault, recorded as such
  Ns latency = 0;         ///< from sending to the verdict; of a load from when it was due
  bool ok = false;
  std::string error;      ///< short and countable (ErrorNames): "timeout", "refused", "status 503"; empty when ok
  bool from_due = false;  ///< the latency counts from `due`
  /// The number that the answer held (value.h); absent: none was asked for, or none came.
  std::optional<double> value = {};
  std::shared_ptr<const Heard> said = {};  ///< of one that failed; null: nothing

  /// When its outcome became known, since T0.
  Ns known() const { return due + (from_due ? 0 : late) + latency; }
};

/// Requests that one probe may have in flight (a load more of them, an exec probe kMostCommands). The next one fails as
/// "overload".
inline constexpr std::size_t kMostInFlight = 4096, kMostInFlightOfLoad = 32768;
inline constexpr std::size_t kMostCommands = 64;

/// Called on probe threads; must be thread-safe and quick.
using Sink = std::function<void(Sample&&)>;

/// Where a probe asks from.
struct From {
  const NetNs* net = nullptr;                ///< null: our own
  std::string enclosure;                     ///< lab host's enclosure in the nursery, for exec; empty outside a lab
  std::map<std::string, std::string> names;  ///< lab host names -> addresses, tried before the system's resolver
  /// Addresses of the namespace, of either family, that requests are sent from in turn; empty: the kernel chooses.
  std::vector<std::string> clients = {};
};

class Prober {
 public:
  /// Prepares (resolves names, opens what can be opened) and checks that the probe can run at all: an exec command that
  /// does not exist or a name that does not resolve is Failure(cannot_run); a subject that cannot be read (a URL
  /// without a host) is Failure(invalid). No request is sent before start(). `from.net` need not outlive the call,
  /// `nursery` must outlive the Prober; only exec probes use it. Raises this process's soft limit of open files to its
  /// hard limit, since every request in flight holds one.
  Prober(const Probe& probe, std::size_t index, From from, nursery::Nursery* nursery, Sink sink);
  ~Prober();  ///< stops

  /// Requests are due at epoch + start + n * every, within the probe's own window and the run's [0, duration). `epoch`
  /// is CLOCK_MONOTONIC. Called once.
  void start(Ns epoch, Ns duration);
  /// Requests that are due at `instant` (CLOCK_MONOTONIC) or later wait for go_on(). Those that are already sent go on.
  void hold(Ns instant);
  /// T0 is `epoch` by now, later than it was; what is due has moved with it.
  void go_on(Ns epoch);
  /// Nothing that becomes due after this call is sent; requests in flight are awaited up to their timeout, then counted
  /// as "timeout". Returns when the last sample has been delivered.
  void finish();
  /// At once: those in flight are dropped without a sample. When it returns, the sink is not called any more.
  void abort();
  /// What ended this probe before its time (an error of ours, or one that the sink threw); empty when all is well.
  /// Thread-safe. Requests that were due after it have no sample.
  std::string failure() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::probe
