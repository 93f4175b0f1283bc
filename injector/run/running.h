// Runs under way on this machine, seen from another process, and what can be asked of them. A run is found by its
// control socket (lock.h), in every network namespace that a process is in; no file and no daemon has to know of it.
// Only runs of root and of our own user are believed: anybody may bind an abstract name.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/nursery/visit.h"

namespace faultline::run {

/// One run under way. Where it does not answer (stopped, hung), only `pid` and the socket are known.
struct Running {
  pid_t pid = 0;  ///< as seen from here; 0: in a PID namespace that we do not see into
  bool answers = false;
  std::string name, title, version;
  std::string plan, folder;  ///< absolute paths
  std::string state;         ///< "preparing", "running", "waiting" (for the confirmation of a step), "ending"
  std::string step;          ///< while preparing: what is being done; while waiting: the faults that come next
  std::vector<std::string>
      phases;  ///< while running: those under way; several where faults overlap, none between faults
  std::vector<std::string> sites;     ///< what it has locked: "lab host web1", "netns blue"
  std::vector<std::string> hosts;     ///< of its lab
  std::optional<double> t_s, left_s;  ///< since T0, to the end of the plan; seconds
  double duration_s = 0;

  std::string socket;            ///< abstract name
  std::shared_ptr<NetNs> space;  ///< where the socket is
};

/// All of them, by pid. Those in namespaces that we may not enter are left out: root sees all. Asks each, 1 s at most.
std::vector<Running> running();
/// For `faultline list --json`.
nlohmann::json to_json(const Running& run);
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
