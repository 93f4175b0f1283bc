// What refers to what: lab names that are targets too, faults' targets, probes' places, hypotheses' probes and phases.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "injector/base/visible_text.h"
#include "injector/plan/passes.h"
#include "injector/plan/subjects.h"

namespace faultline::plan {
namespace {

/// Names of one kind of thing: found fast, suggested when misspelt.
class Names {
 public:
  /// False when the name was there before.
  bool add(const std::string& name, std::size_t index) {
    const bool fresh = index_.emplace(name, index).second;
    if (fresh) list_.push_back(name);
    return fresh;
  }
  std::optional<std::size_t> find(const std::string& name) const {
    const auto it = index_.find(name);
    if (it == index_.end()) return std::nullopt;
    return it->second;
  }
  const std::vector<std::string>& list() const { return list_; }

 private:
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::string> list_;
};

/// `name` itself, or with the smallest number behind it that makes it new.
std::string unique(const std::string& name, const std::set<std::string>& taken, std::map<std::string, int>& last,
                   std::string_view format) {
  if (!taken.contains(name)) return name;
  int& number = last.emplace(name, 1).first->second;
  std::string numbered;
  do numbered = fmt::format(fmt::runtime(format), name, ++number);
  while (taken.contains(numbered));
  return numbered;
}

class NameBinder {
 public:
  explicit NameBinder(Draft& draft) : draft_(draft), issues_(draft.issues) {}

  void run() {
    resolve_targets();
    resolve_faults();
    resolve_probes();
    resolve_hypotheses();
  }

 private:
  void add_lab_target(const std::string& name, Target::Where where, SourcePlace at) {
    if (const auto other = targets_.find(name)) {
      if (!draft_.targets[*other].implicit) return;  // the plan gives the name a meaning of its own
      issues_.error(at, fmt::format("\"{}\" names two things of the lab", name),
                    "rooms, hosts and links are targets by their names: give each its own");
      return;
    }
    targets_.add(name, draft_.targets.size());
    TargetDraft target;
    target.target = {name, where, name, {}, {}, {}, at};
    target.implicit = true;
    draft_.targets.push_back(std::move(target));
  }

  void resolve_targets() {
    for (std::size_t i = 0; i < draft_.targets.size(); ++i) targets_.add(draft_.targets[i].target.name, i);
    if (draft_.lab) {
      const Lab& lab = draft_.lab->lab;
      for (const auto& host : lab.hosts) add_lab_target(host.name, Target::Where::host, host.at);
      for (std::size_t i = 0; i < lab.rooms.size(); ++i)
        add_lab_target(lab.rooms[i], Target::Where::room, draft_.lab->room_at[i]);
      for (const auto& link : lab.links) add_lab_target(link.name, Target::Where::link, link.at);
      for (std::size_t i = 0; i < lab.hosts.size(); ++i) hosts_.add(lab.hosts[i].name, i);
      for (std::size_t i = 0; i < lab.rooms.size(); ++i) rooms_.add(lab.rooms[i], i);
      for (std::size_t i = 0; i < lab.links.size(); ++i) links_.add(lab.links[i].name, i);
    }
    for (const auto& target : draft_.targets) {
      if (target.implicit || target.subject.at.line == 0) continue;
      switch (target.target.where) {
        case Target::Where::host:
          check_subject("host", hosts_, target.subject);
          break;
        case Target::Where::room:
          check_subject("room", rooms_, target.subject);
          break;
        case Target::Where::link:
          check_subject("link", links_, target.subject);
          break;
        default:
          break;
      }
    }
  }

  void check_subject(std::string_view what, const Names& names, const Word& word) {
    if (names.find(word.text)) return;
    issues_.error(word.at, fmt::format("{}: there is no {} \"{}\" in the lab", what, what, word.text),
                  issues_.suggest(word.text, names.list(),
                                  draft_.lab ? list_known("it has", names.list()) : "the plan has no [lab]"));
  }

  const TargetDraft* find_target(const Word& word, std::string_view key) {
    if (const auto index = targets_.find(word.text)) return &draft_.targets[*index];
    issues_.error(word.at, fmt::format("{}: there is no target \"{}\"", key, word.text),
                  issues_.suggest(word.text, targets_.list(),
                                  targets_.list().empty() ? fmt::format("add [targets.{}]", word.text)
                                                          : list_known("targets are", targets_.list())));
    return nullptr;
  }

  void resolve_on_and_peer(FaultDraft& fault) {
    std::set<std::string_view> seen;
    bool link = false, place = false;
    for (const auto& word : fault.on) {
      if (!seen.insert(word.text).second) {
        issues_.error(word.at, fmt::format("on: \"{}\" is there twice", word.text), "name each target once");
        continue;
      }
      const TargetDraft* target = find_target(word, "on");
      if (!target) continue;
      if (target->target.where == Target::Where::none)
        issues_.error(word.at, fmt::format("on: \"{}\" is an address, a port or a protocol, not a place", word.text),
                      fmt::format("a fault is on a place (a namespace, a device, a service, a host); use peer = \"{}\" "
                                  "for traffic to and from it",
                                  word.text));
      (target->target.where == Target::Where::link ? link : place) = true;
      fault.fault.on.push_back(word.text);
    }
    if (link && place)
      issues_.error(fault.on.front().at,
                    "on: links and places do not mix in one fault: a packet between them would meet it twice",
                    "write two faults");
    if (link && fault.fault.direction != Direction::both)
      issues_.error(fault.on.front().at,
                    "on: a link has no direction of its own, so direction cannot be egress or ingress",
                    "leave direction out, or put the fault on a host or room");
    seen.clear();
    for (const auto& word : fault.peer) {
      if (!seen.insert(word.text).second) {
        issues_.error(word.at, fmt::format("peer: \"{}\" is there twice", word.text), "name each target once");
        continue;
      }
      const TargetDraft* target = find_target(word, "peer");
      if (!target) continue;
      if (target->target.where == Target::Where::link)
        issues_.error(word.at, fmt::format("peer: \"{}\" is a link, and has no addresses", word.text),
                      "name the rooms or hosts behind it");
      if (target->target.where == Target::Where::interface || is_by_socket(target->target.where))
        issues_.error(
            word.at, fmt::format("peer: \"{}\" has no addresses of its own", word.text),
            fmt::format(
                "name what it is reached by: a target with address = \"…\" and port = …; or put the fault on \"{}\"",
                word.text));
      fault.fault.peer.push_back(word.text);
    }
  }

  void resolve_faults() {
    std::set<std::string> taken;
    for (const auto& fault : draft_.faults)
      if (fault.named && !taken.insert(fault.fault.name).second)
        issues_.error(fault.name_at, fmt::format("name: there are two faults \"{}\"", fault.fault.name),
                      "give each fault its own name");
    std::map<std::string, int> last;
    for (std::size_t i = 0; i < draft_.faults.size(); ++i) {
      auto& fault = draft_.faults[i];
      if (!fault.named) {
        fault.fault.name = unique(fault.kind_name.empty() ? "fault" : fault.kind_name, taken, last, "{}-{}");
        taken.insert(fault.fault.name);
      }
      faults_.add(fault.fault.name, i);
      if (fault.fault.kind && fault.fault.kind->parts)
        resolve_partition(fault, draft_,
                          [this](const Word& word, std::string_view key) { return find_target(word, key); });
      else
        resolve_on_and_peer(fault);
    }
  }

  /// A namespace of its own, as far as a plan tells.
  static bool has_namespace(const Target& target) {
    if (target.where == Target::Where::interface) return !target.netns.empty();
    return target.where != Target::Where::none && target.where != Target::Where::reserved &&
           !is_by_socket(target.where);
  }
  static const std::string& namespace_of(const Target& target) {
    return target.where == Target::Where::interface ? target.netns : target.subject;
  }
  static bool is_one_place(Target::Where where) {
    return where != Target::Where::none && where != Target::Where::reserved && where != Target::Where::room &&
           where != Target::Where::link;
  }

  /// The targets that probes may mean when they say nothing: those that the plan defines and those that faults are on.
  /// Targets in one namespace count as one: a name stands for each namespace.
  struct Candidates {
    std::string first;
    bool first_is_room_or_link = false;
    std::size_t count = 0;
  };
  Candidates candidates() const {
    Candidates found;
    std::set<std::pair<Target::Where, std::string>> seen;
    const auto consider = [&](const Target& target) {
      const auto where = target.where == Target::Where::interface ? Target::Where::netns : target.where;
      if (!has_namespace(target) || !seen.emplace(where, namespace_of(target)).second) return;
      if (found.count++ > 0) return;
      found.first = target.name;
      found.first_is_room_or_link = target.where == Target::Where::room || target.where == Target::Where::link;
    };
    for (const auto& target : draft_.targets)
      if (!target.implicit) consider(target.target);
    for (const auto& fault : draft_.faults)
      for (const auto& name : fault.fault.on)
        if (const auto index = targets_.find(name)) consider(draft_.targets[*index].target);
    if (found.count == 0 && draft_.lab) {  // nothing of a lab can be reached from here
      for (const auto& host : draft_.lab->lab.hosts) {
        if (found.count++ == 0) found.first = host.name;
      }
    }
    return found;
  }

  std::vector<std::string> places() const {
    std::vector<std::string> list;
    for (const auto& target : draft_.targets)
      if (is_one_place(target.target.where)) list.push_back(target.target.name);
    const std::set<std::string> known(list.begin(), list.end());
    for (const auto& host : hosts_.list())
      if (!known.contains(host)) list.push_back(host);
    list.emplace_back("here");
    return list;
  }

  void resolve_probes() {
    const Candidates found = candidates();
    const auto known = draft_.probes.empty() ? std::vector<std::string>() : places();
    for (auto& [probe, from] : draft_.probes) {
      if (!from) {
        probe.from = found.count == 0 ? "here" : found.first;
        if (found.count > 1 || found.first_is_room_or_link)
          issues_.error(probe.at,
                        fmt::format("probe \"{}\" has no \"from\", and could run in several places", probe.name),
                        list_known("add from = one of", known));
        continue;
      }
      probe.from = from->text;
      if (from->text == "here" || hosts_.find(from->text)) continue;
      const auto index = targets_.find(from->text);
      if (!index) {
        issues_.error(from->at, fmt::format("from: there is no target or lab host \"{}\"", from->text),
                      issues_.suggest(from->text, known,
                                      list_known("choose one of", known) +
                                          "; or write [targets.NAME] with netns = \"name\" below it"));
        continue;
      }
      if (!is_one_place(draft_.targets[*index].target.where))
        issues_.error(from->at,
                      fmt::format("from: \"{}\" is not one network namespace that a probe could run in", from->text),
                      list_known("choose one of", known));
    }
  }

  static std::string describe_hypothesis(const Hypothesis& hypothesis) {
    const std::string window = window_text(hypothesis);
    const bool whole = window.empty() || window == "run";
    const std::string subject = subject_text(hypothesis);
    std::string text = whole ? subject : fmt::format("{} during {}", subject, window);
    if (const std::string conditions = condition_text(hypothesis); !conditions.empty()) text += ": " + conditions;
    return text;
  }

  void resolve_hypotheses() {
    Names probes;
    for (std::size_t i = 0; i < draft_.probes.size(); ++i) probes.add(draft_.probes[i].probe.name, i);
    std::vector<std::string> phases{"run", "baseline", "recovery"};
    phases.insert(phases.end(), faults_.list().begin(), faults_.list().end());
    std::set<std::string> taken;
    for (const auto& given : draft_.hypotheses) {
      const std::string& name = given.hypothesis.name;
      const Word &probe = given.probe, &during = given.during;
      if (!name.empty() && !taken.insert(name).second)
        issues_.error(given.name_at, fmt::format("name: there are two hypotheses \"{}\"", name),
                      "give each hypothesis its own name");
      if (probe.at.line && !probes.find(probe.text))
        issues_.error(probe.at, fmt::format("probe: there is no probe \"{}\"", probe.text),
                      issues_.suggest(probe.text, probes.list(),
                                      probes.list().empty() ? fmt::format("add [probes.{}]", probe.text)
                                                            : list_known("probes are", probes.list())));
      if (during.at.line && during.text != "run" && during.text != "baseline" && during.text != "recovery" &&
          !faults_.find(during.text))
        issues_.error(during.at, fmt::format("during: there is no phase \"{}\"", during.text),
                      issues_.suggest(during.text, phases, list_known("phases are", phases)));
    }
    std::map<std::string, int> last;
    for (auto& draft : draft_.hypotheses) {
      if (!draft.hypothesis.name.empty()) continue;
      draft.hypothesis.name = unique(describe_hypothesis(draft.hypothesis), taken, last, "{} ({})");
      taken.insert(draft.hypothesis.name);
    }
  }

  Draft& draft_;
  Issues& issues_;
  Names targets_, hosts_, rooms_, links_, faults_;
};

}  // namespace

void resolve_names(Draft& draft) { NameBinder(draft).run(); }

bool check_name(Issues& issues, SourcePlace at, std::string_view what, const std::string& name, bool strict) {
  const auto good = [&](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  const std::size_t longest = strict ? 63 : 200;
  if (name.empty())
    issues.error(at, fmt::format("{} is empty", what), "");
  else if (name.size() > longest)
    issues.error(at, fmt::format("{} is too long", what), fmt::format("at most {} bytes", longest));
  else if (!strict && find_invisible(name) != std::string::npos)
    issues.error(at, fmt::format("\"{}\" is not fit to be {}", name, what),
                 "no line breaks, control characters or characters that reorder what is around them");
  else if (strict && (!std::all_of(name.begin(), name.end(), good) || name.front() == '.' || name.front() == '-'))
    issues.error(at, fmt::format("\"{}\" is not fit to be {}", name, what),
                 "letters, digits, hyphens, underscores and dots");
  else
    return true;
  return false;
}

}  // namespace faultline::plan
