// A fault of an outage, put on those who stand for its targets. What is not bound is said, with what to bind; or it is
// left out, and that is told.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "injector/plan/document.h"
#include "injector/plan/plan.h"
#include "injector/plan/table.h"
#include "injector/sketch/roles.h"

namespace faultline::sketch {

/// What of a fault is not played.
struct LeftOut {
  bool fault = false;             ///< all of it
  std::vector<std::string> ends;  ///< some of those that it is on, or of its peers: "bank", "bank (as a place)"
};

class Cast {
 public:
  /// `outage` has no mistakes. `bound_only`: what is not bound is left out, else it is a mistake.
  Cast(const plan::Plan& outage, const std::vector<Stand>& stands, bool bound_only)
      : outage_(outage), roles_(outage, stands, bound_only), bound_only_(bound_only) {}

  /// Puts a fault of the outage, its `index`-th, on those who stand for its targets. What is in the way is noted at its
  /// place. A fault that is left out uses nothing.
  plan::Node bound(const plan::Node& fault, std::size_t index, std::vector<plan::Diagnostic>& mistakes, LeftOut& left);

  /// Targets of the outage that faults use as they are, since they name no place and no address: a port, a protocol.
  const std::set<std::string>& kept() const { return kept_; }
  /// Bound names that faults use which lack nothing.
  const std::set<std::string>& used() const { return used_; }
  /// Bound names that some fault asks for, also where it lacks others.
  const std::set<std::string>& found() const { return roles_.found(); }
  /// Names that faults use, whether they are bound or not.
  const std::set<std::string>& asked() const { return asked_; }

 private:
  struct Saying;  // what a fault's words come to, and what is wrong with them

  void miss(const plan::Word& word, const std::string& message, const std::string& hint, Saying& saying);
  void leave_out(const std::string& end, Saying& saying);
  Stands fit_for(const plan::Word& word, As as, Saying& saying);
  void put_on(plan::Node& fault, Saying& saying);
  void put_on_links(plan::Node& fault, const std::vector<plan::Word>& words, Saying& saying);
  bool put_between(plan::Node& fault, const std::vector<std::pair<Stands, Stands>>& ends, Saying& saying);
  void put_members(plan::Node& groups, bool edges, Saying& saying);
  plan::Node list(const std::vector<plan::Word>& words, plan::SourcePlace at, As as, Saying& saying);
  std::vector<plan::Word> words_of(const plan::Node& value) const;

  const plan::Plan& outage_;
  Roles roles_;
  bool bound_only_;
  std::set<std::string> kept_, used_, asked_;
};

}  // namespace faultline::sketch
