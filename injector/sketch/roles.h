// Who plays whom: the names that an outage's faults use (hosts, rooms and links of its lab, or targets), and the
// targets of the user's own that stand for them. A room is bound by its own name or by all of its hosts, a host by its
// own name or its room's; a link by its own name, as a device, or by the rooms at its ends.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "injector/plan/plan.h"
#include "injector/sketch/stand.h"

namespace faultline::sketch {

/// What a name of the outage is in a fault.
enum class As { place, peer, member };

class Roles {
 public:
  /// `some_will_do`: those who stand for some of a room's hosts stand for the room.
  Roles(const plan::Plan& outage, const std::vector<Stand>& stands, bool some_will_do)
      : outage_(outage), stands_(stands), some_will_do_(some_will_do) {}

  /// A target of the outage that one of its faults names.
  const plan::Target& target(const std::string& name) const { return *outage_.find_target(name); }
  /// The lab's link that a target is.
  const plan::LabLink& link(const plan::Target& target) const;
  /// Those who are bound to this very name.
  Stands named(const std::string& name);
  /// Of a name that is no link; empty: it is not bound, and `hint` says what to bind.
  Stands find(const std::string& name, As as, std::string& hint);
  /// Bound names that were asked for.
  const std::set<std::string>& found() const { return found_; }

 private:
  Stands hosts_of(const plan::Target& room, std::string& hint);

  const plan::Plan& outage_;
  const std::vector<Stand>& stands_;
  const bool some_will_do_;
  std::set<std::string> found_;
};

}  // namespace faultline::sketch
