// Programs on devices of kernels without TCX: a clsact qdisc and a direct-action filter on it. Both outlive the
// process, so what is ours must be told from what is not by what the kernel shows alone: the filter's name says that it
// is Faultline's, of which process, and whether the qdisc under it was made by Faultline too. The qdisc is taken away
// only then, and only if nobody else put a filter or a chain on it meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "injector/base/netns.h"
#include "injector/pen/attach.h"

namespace faultline::pen {

/// Where one of our filters is: all that is needed to find it again, by whoever cleans up.
struct Placement {
  int ifindex = 0;
  Hook hook = Hook::egress;
  std::uint32_t program = 0;  ///< eBPF program id: no other filter has it
  bool made_qdisc = false;    ///< the qdisc under it is Faultline's
  bool attached = false;      ///< false: on its way in or out; the qdisc may be there without the filter
  char device[16] = {};       ///< its name then, for messages
};

/// Removes the filter, and the qdisc if it is ours and nothing else is on it. Called with the namespace entered. It is
/// fine if it is gone already. `leaving` is called with `attached` cleared, before anything is removed: were we killed
/// half way, the rest would still be known to be ours.
void take_away(Placement& placement, const std::function<void()>& leaving);

class ClassicFilter {
 public:
  /// Called with the device's namespace entered; throws with nothing left. Filters of a run that is dead are removed
  /// first: the caller holds the namespace's lock, so that no other run can be alive here.
  ClassicFilter(int program, int ifindex, Hook hook, const std::string& device, const NetNs& ns, Janitor* janitor);
  ClassicFilter(const ClassicFilter&) = delete;
  ClassicFilter& operator=(const ClassicFilter&) = delete;
  ~ClassicFilter();  ///< close(), whose failure the janitor makes good
  void close();
  /// 1: first in the chain. More: filters of others run before us, and may keep packets from us.
  std::uint32_t priority() const;
  /// Whether it is still there, and which filters of others run before it. With the device's namespace entered.
  Standing look() const;
  /// Its device has moved to another network namespace: looks for it in all that can be found, and takes it away. Says
  /// whether nothing of it is left.
  bool take_away_elsewhere(const MovedTo& to);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace faultline::pen
