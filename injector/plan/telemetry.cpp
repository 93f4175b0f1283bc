// Whose connections are counted, and what of them: `telemetry`, a list of targets or a table; and hypotheses and guards
// about connections, which have their target counted by naming it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "injector/plan/passes.h"
#include "injector/plan/subjects.h"
#include "injector/probe/errors.h"

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

/// What a peer is told by is its addresses alone. Empty: it is told.
std::pair<std::string, std::string> why_not_told(const Target& target) {
  using Where = Target::Where;
  if (target.where == Where::link || target.where == Where::interface || is_by_socket(target.where) ||
      (target.where == Where::none && target.addresses.empty()))
    return {"has no addresses of its own", "name what it is reached by: a target with address = \"…\", a host, a room"};
  if (!target.ports.empty())
    return {"has a port, and connections are told apart by address alone",
            "name a target without port: all connections with its addresses are meant then"};
  if (!target.protocol.empty() && target.protocol != "tcp")
    return {fmt::format("is of {}, and connections are of TCP", target.protocol), "name a target without protocol"};
  return {};
}

class TelemetryResolver {
 public:
  explicit TelemetryResolver(Draft& draft) : draft_(draft) {
    for (const auto& target : draft.targets) known_.push_back(target.target.name);
  }

  void run() {
    for (const auto& word : draft_.telemetry) {
      if (seen_.contains(word.text))
        draft_.issues.error(word.at, fmt::format("telemetry: \"{}\" is there twice", word.text),
                            "name each target once");
      else
        count(word);
    }
    for (const auto& given : draft_.hypotheses) resolve(given, given.hypothesis);
    for (const auto& given : draft_.guards) resolve(given, given.guard);
    if (seen_.empty() && draft_.telemetry_at.line)
      draft_.issues.error(draft_.telemetry_at, "telemetry: it is not said whose connections are counted",
                          "add of = [\"shop\"], a target, or a hypothesis with telemetry = \"shop\"");
    if (seen_.size() > kMostTelemetry)
      draft_.issues.error(
          last_,
          fmt::format("telemetry: {} targets, and a run counts those of {} at most", seen_.size(), kMostTelemetry),
          "name rooms in place of hosts, or leave some out");
    if (peers_.size() > kMostPeers)
      draft_.issues.error(
          last_peer_,
          fmt::format("peer: {} peers are named, and a run tells {} apart at most", peers_.size(), kMostPeers),
          "name rooms in place of hosts, or leave some out");
    auto& options = draft_.plan.telemetry_options;
    options.peers =
        std::max(options.peers, static_cast<std::uint32_t>(std::min<std::size_t>(peers_.size(), kMostPeers)));
  }

 private:
  void resolve(const AskingDraft& given, const Asking& asking) {
    if (given.telemetry.at.line) count(given.telemetry);
    draft_.plan.telemetry_options.turns |= asking.any_of_turns();
    if (given.peer.at.line) resolve_peer(given.peer);
  }

  const Target* find(const Word& word, std::string_view key) {
    for (const auto& target : draft_.targets)
      if (target.target.name == word.text) return &target.target;
    draft_.issues.error(word.at, fmt::format("{}: there is no target \"{}\"", key, word.text),
                        draft_.issues.suggest(word.text, known_,
                                              known_.empty() ? fmt::format("add [targets.{}]", word.text)
                                                             : list_known("targets are", known_)));
    return nullptr;
  }

  void count(const Word& word) {
    last_ = word.at;
    if (!seen_.insert(word.text).second) return;
    const Target* target = find(word, "telemetry");
    if (!target) return;
    if (const auto [why, hint] = why_none(*target); !why.empty())
      draft_.issues.error(word.at, fmt::format("telemetry: \"{}\" {}", word.text, why), hint);
    draft_.plan.telemetry.push_back(word.text);
  }

  void resolve_peer(const Word& word) {
    last_peer_ = word.at;
    if (!peers_.insert(word.text).second) return;
    const Target* target = find(word, "peer");
    if (!target) return;
    if (const auto [why, hint] = why_not_told(*target); !why.empty())
      draft_.issues.error(word.at, fmt::format("peer: \"{}\" {}", word.text, why), hint);
  }

  Draft& draft_;
  std::vector<std::string> known_;
  std::set<std::string> seen_, peers_;
  SourcePlace last_, last_peer_;
};

}  // namespace

const std::vector<std::string>& connection_errors() {
  static const std::vector<std::string> names{"abandoned",
                                              probe::network_error(ECONNREFUSED),
                                              probe::network_error(ETIMEDOUT),
                                              probe::network_error(ECONNRESET),
                                              probe::network_error(EHOSTUNREACH),
                                              "other"};
  return names;
}

void read_name(Table& table, Asking& asking, AskingDraft& draft, std::string_view example, std::string_view what) {
  draft.name_at = table.at();
  const auto name = table.word("name", example);
  if (!name) return;
  draft.name_at = name->at;
  if (check_name(table.issues(), name->at, what, name->text, false)) asking.name = name->text;
}

void read_subject(Table& table, Asking& asking, AskingDraft& draft, bool needs_probe) {
  if (needs_probe && !table.has("telemetry") && !table.is_described()) table.require("probe", "\"pay\"");
  draft.probe = table.word("probe", "\"pay\"").value_or(Word{});
  draft.telemetry = table.word("telemetry", "\"web\"").value_or(Word{});
  draft.peer = table.word("peer", "\"bank\"").value_or(Word{});
  if (draft.probe.at.line && draft.telemetry.at.line)
    table.issues().error(draft.telemetry.at, "telemetry: it is about a probe already",
                         "write two: the requests of a probe, and the connections of a target");
  if (draft.peer.at.line && !draft.telemetry.at.line)
    table.issues().error(draft.peer.at, "peer: only connections are told by their peer",
                         "write telemetry = \"web\", a target");
  asking.probe = draft.probe.text;
  if (table.has("telemetry")) asking.telemetry = draft.telemetry.text;
  if (draft.peer.at.line) asking.peer = draft.peer.text;
}

std::string subject_text(const Asking& asking) {
  if (!asking.telemetry) return asking.probe;
  return *asking.telemetry + "'s connections" + (asking.peer ? " with " + *asking.peer : "");
}
std::string subject_text(const Guard& guard) {
  return guard.event ? fmt::format("event \"{}\"", *guard.event) : subject_text(static_cast<const Asking&>(guard));
}
std::string subject_text(const Hypothesis& hypothesis) {
  if (hypothesis.event) return fmt::format("event \"{}\"", *hypothesis.event);
  if (hypothesis.detects_within && hypothesis.probe.empty() && !hypothesis.telemetry) return "traffic";
  return subject_text(static_cast<const Asking&>(hypothesis));
}

void read_telemetry(Table& top, Draft& draft) {
  const Entry* entry = top.take("telemetry");
  const bool is_table = entry != nullptr && entry->value.type == Node::Type::table;
  if (!is_table) draft.telemetry = top.words("telemetry", "[\"shop\"]");
  if (!is_table && !top.is_described()) return;
  if (is_table) draft.telemetry_at = entry->at;
  auto table = top.table("telemetry", "{ of = [\"shop\"] }");
  auto& options = draft.plan.telemetry_options;
  draft.telemetry = table->words("of", "[\"shop\"]");
  options.turns = table->boolean("turns").value_or(false);
  options.peers = static_cast<std::uint32_t>(table->integer("peers", 0, kMostPeers).value_or(options.peers));
  table->finish();
}

void resolve_telemetry(Draft& draft) { TelemetryResolver(draft).run(); }

}  // namespace faultline::plan
