// Whose connections are counted: `telemetry`, a list of targets.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// What is counted are sockets, and a target must be a place that has some. Empty: it is.
std::pair<std::string, std::string> why_none(const Target& target) {
  switch (target.where) {
    case Target::Where::none:
      return {"is an address, a port or a protocol, not a place",
              "name a place, whose sockets are counted: a namespace, a service, a host"};
    case Target::Where::interface:
      return {"is a device, and sockets are of a namespace", "name a target with netns, or a service"};
    case Target::Where::link:
      return {"is a link, and has no sockets", "name the rooms or hosts at its ends"};
    default:
      return {};
  }
}

}  // namespace

void resolve_telemetry(Draft& draft) {
  std::vector<std::string> known;
  for (const auto& target : draft.targets) known.push_back(target.target.name);
  std::set<std::string_view> seen;
  for (const auto& word : draft.telemetry) {
    if (!seen.insert(word.text).second) {
      draft.issues.error(word.at, fmt::format("telemetry: \"{}\" is there twice", word.text), "name each target once");
      continue;
    }
    const auto target = std::find_if(draft.targets.begin(), draft.targets.end(),
                                     [&](const TargetDraft& one) { return one.target.name == word.text; });
    if (target == draft.targets.end()) {
      draft.issues.error(word.at, fmt::format("telemetry: there is no target \"{}\"", word.text),
                         draft.issues.suggest(word.text, known,
                                              known.empty() ? fmt::format("add [targets.{}]", word.text)
                                                            : list_known("targets are", known)));
      continue;
    }
    if (const auto [why, hint] = why_none(target->target); !why.empty())
      draft.issues.error(word.at, fmt::format("telemetry: \"{}\" {}", word.text, why), hint);
    draft.plan.telemetry.push_back(word.text);
  }
  if (seen.size() > kMostTelemetry)
    draft.issues.error(
        draft.telemetry.back().at,
        fmt::format("telemetry: {} targets, and a run counts those of {} at most", seen.size(), kMostTelemetry),
        "name rooms in place of hosts, or leave some out");
}

}  // namespace faultline::plan
