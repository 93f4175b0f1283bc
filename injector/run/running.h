// Runs under way on this machine, seen from another process, and what can be asked of them. A run is found by its
// control socket (lock.h), in every network namespace that a process is in; no file and no daemon has to know of it.
// Only runs of root and of our own user are believed: anybody may bind an abstract name.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/base/netns.h"
#include "injector/nursery/visit.h"
#include "injector/record/fields.h"
#include "injector/run/protocol.h"

namespace faultline::run {

/// One run under way. Where it does not answer (stopped, hung), only `pid` and the socket are known.
struct Running : About {
  pid_t pid = 0;  ///< as seen from here; 0: in a PID namespace that we do not see into
  bool answers = false;

  std::string socket;            ///< abstract name
  std::shared_ptr<NetNs> space;  ///< where the socket is

  /// As `faultline list --json` has it.
  static constexpr auto fields = std::tuple{
      record::field("pid", &Running::pid, "as the caller sees it; 0: in a PID namespace that it does not see into"),
      record::field("answers", &Running::answers, "false: it is stopped or hangs, and the rest is not known"),
      record::Among<About>{"what a run says of itself"}};
};

/// All of them, by pid. Those in namespaces that we may not enter are left out: root sees all. Asks each, 1 s at most.
std::vector<Running> running();
/// "hello (pid 123)"
std::string describe(const Running& run);

/// The one of `runs` that people call `which`: its pid, its plan's name or path, its folder (its last part will do).
/// Throws Failure(cannot_run) when there is none, Failure(invalid) when there are several.
const Running& find_run(const std::vector<Running>& runs, const std::string& which);
/// The same without a name: the only one there is. `option` names the argument that chooses, for the message.
const Running& only_run(const std::vector<Running>& runs, const std::string& option);

struct Stopped {
  bool healed = false;  ///< it said that every fault is off; false: it died before, which ends them as well
  bool ended = false;   ///< its process is gone, its record complete if it healed
  double took_s = 0;    ///< until it had healed, or was gone
};

/// Asks it to heal and to end, and waits: for the healing, then for its end, `patience` seconds at most. Throws
/// Failure(cannot_run) when it does not listen to us or does not answer.
Stopped stop(const Running& run, int patience = 60);
/// Writes into its journal. Returns when, since T0; nothing before T0.
std::optional<double> note(const Running& run, const std::string& text);
/// A way into a host of its lab.
nursery::Entrance enter(const Running& run, const std::string& host);

}  // namespace faultline::run
