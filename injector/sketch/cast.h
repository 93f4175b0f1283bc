// Who plays whom: the names that an outage's faults use (hosts, rooms and links of its lab, or targets), and the
// targets of the user's own that stand for them. A room is bound by its own name or by all of its hosts, a host by its
// own name or its room's; a link by its own name, as a device, or by the rooms at its ends. What is not bound is said,
// with what to bind.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "injector/plan/document.h"
#include "injector/plan/plan.h"
#include "injector/plan/table.h"
#include "injector/sketch/sketch.h"

namespace faultline::sketch {

/// A target of the user's own: what `--bind NAME=KEY=VALUE` says.
struct Stand {
  std::string name;         ///< that it stands for
  std::string target;       ///< its own: the same, or numbered where several stand for one name
  std::string option;       ///< as it was given: "payment=unit=pay.service"
  std::vector<Line> lines;  ///< of [targets.TARGET]
  bool place = false;       ///< a fault can be on it
  bool addresses = false;   ///< it can be a peer
};

/// Reads `--bind` options. Throws Failure(invalid) for one that says no name or no target.
std::vector<Stand> read_stands(const std::vector<std::string>& given);

/// What of a fault is not played.
struct LeftOut {
  bool fault = false;             ///< all of it
  std::vector<std::string> ends;  ///< some of those that it is on, or of its peers
};

class Cast {
 public:
  /// `outage` has no mistakes. `bound_only`: what is not bound is left out, else it is a mistake.
  Cast(const plan::Plan& outage, const std::vector<Stand>& stands, bool bound_only)
      : outage_(outage), stands_(stands), bound_only_(bound_only) {}

  /// Puts a fault of the outage, its `index`-th, on those who stand for its targets. What is in the way is noted at its
  /// place. A fault that is left out uses nothing.
  plan::Node bound(const plan::Node& fault, std::size_t index, std::vector<plan::Diagnostic>& mistakes, LeftOut& left);

  /// Targets of the outage that faults use as they are, since they name no place and no address: a port, a protocol.
  const std::set<std::string>& kept() const { return kept_; }
  /// Bound names that faults use which lack nothing.
  const std::set<std::string>& used() const { return used_; }
  /// Bound names that some fault asks for, also where it lacks others.
  const std::set<std::string>& found() const { return found_; }
  /// Names that faults use, whether they are bound or not.
  const std::set<std::string>& asked() const { return asked_; }

 private:
  using Stands = std::vector<const Stand*>;
  struct Saying;  // what a fault's words come to, and what is wrong with them
  enum class As { place, peer, member };

  Stands named(const std::string& name);
  const plan::Target& target(const std::string& name) const;
  /// Of a word that is no link; empty: it is not bound, and `hint` says what to bind.
  Stands find(const std::string& word, As as, std::string& hint);
  Stands hosts_of(const plan::Target& room, std::string& hint);
  void miss(const plan::Word& word, const std::string& message, const std::string& hint, Saying& saying);
  void put_on(plan::Node& fault, Saying& saying);
  void put_on_links(plan::Node& fault, const std::vector<plan::Word>& words, Saying& saying);
  void put_members(plan::Node& groups, bool edges, Saying& saying);
  plan::Node list(const std::vector<plan::Word>& words, plan::SourcePlace at, As as, Saying& saying);
  std::vector<plan::Word> words_of(const plan::Node& value) const;

  const plan::Plan& outage_;
  const std::vector<Stand>& stands_;
  bool bound_only_;
  std::set<std::string> kept_, used_, found_, asked_;
};

}  // namespace faultline::sketch
