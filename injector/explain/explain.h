// A dry run: everything that `faultline run` would do to this machine, as values. The command line prints them, for
// people or as JSON; nothing here prints or changes anything.
#pragma once

#include <string>
#include <vector>

#include "injector/explain/effect.h"
#include "injector/explain/reach.h"
#include "injector/pen/attach.h"
#include "injector/plan/parse.h"

namespace faultline::explain {

struct Explanation {
  std::vector<Effect> effects;  ///< by fault
  std::vector<Reach> reach;     ///< by fault
  std::string blast_radius;     ///< one line
  std::vector<std::string> exempt, ends;
  std::string attaching;  ///< what attaching itself does to devices; mostly nothing
};

/// `engine` is the one that a run would take here. `look`: at the targets as they are now; false: at the plan alone.
Explanation explain(const plan::Plan& plan, pen::Engine engine, bool look);

/// "host web of the lab", "network namespace shop", "10.0.0.0/8, tcp, port 443".
std::string describe(const plan::Plan& plan, const std::string& target);
/// Of a plan that was bound, each name with what stands for it: "payment is unit pay.service".
std::vector<std::string> bound_names(const plan::Parsed& parsed);
/// "on host web of the lab: what it sends to 10.0.0.0/8"; of a partition, each of its legs.
std::string describe_scope(const plan::Plan& plan, const plan::Fault& fault);
/// One line: what could be harmed at all.
std::string blast_radius(const plan::Plan& plan, const std::vector<Reach>& reach);

}  // namespace faultline::explain
