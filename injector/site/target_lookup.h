// What resolving a plan asks of the machine and of the lab: where a target is now, and which addresses and ports a
// fault's peers have.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "injector/site/site.h"

namespace faultline::site {

/// Remembers the names that it has looked up: each is asked once from each target. The arguments are as in resolve(),
/// and must outlive this.
class TargetLookup {
 public:
  TargetLookup(const plan::Plan& plan, const LabView* lab, const Finder& finder, std::vector<ResolvedName>* names,
               const Progress& progress)
      : plan_(plan), lab_(lab), finder_(finder), names_(names), progress_(progress) {}

  /// Where a target is. Throws Failure(cannot_run) when it is not found.
  std::vector<Spot> spots(const plan::Target& target) const;
  /// What a fault is about, wherever it acts: a match for each protocol and ports that its peers have. Throws Failure
  /// when a peer has no address.
  std::vector<Match> matches(const plan::Fault& fault);
  /// The addresses that a target has as a peer of others (`of`), from which its names are asked; none when it is only a
  /// port or protocol. Throws likewise.
  std::vector<IpPrefix> addresses(const plan::Target& target, const std::vector<std::string>& of);

 private:
  /// What a name stands for where `asker` is: a host of the lab, or what a resolver says there.
  std::vector<IpPrefix> look_up_from(const std::string& name, const plan::Target& asker);
  /// The addresses of a name, asked from each of these targets, and noted for the record.
  std::vector<IpPrefix> named(const std::string& name, const std::vector<std::string>& askers);

  const plan::Plan& plan_;
  const LabView* lab_;
  const Finder& finder_;
  std::vector<ResolvedName>* names_;
  const Progress& progress_;
  std::map<std::pair<std::string, std::string>, std::vector<IpPrefix>> looked_up_;  // by name and asking target
};

}  // namespace faultline::site
