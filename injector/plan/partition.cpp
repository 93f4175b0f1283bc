// Who is parted from whom. A packet between two members meets its fault once: at its sender, where that is a place,
// else at its receiver. So each member has at most two legs: what it sends to those it is parted from, and what it is
// sent by those of them that are addresses only.
#include "faults/partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

struct Member {
  Word word;
  const Target* target;
  bool place() const { return target->where != Target::Where::none; }
};

class Parting {
 public:
  Parting(FaultDraft& fault, Draft& draft, const std::function<const TargetDraft*(const Word&, std::string_view)>& find)
      : fault_(fault), draft_(draft), issues_(draft.issues), find_(find), before_(draft.issues.count()) {}

  void run() {
    if (!fault_.peer.empty())
      issues_.error(fault_.peer.front().at, "peer: a partition takes none, since its members are each other's peers",
                    "put the peer into a group of its own");
    const auto form = the_form();
    if (form.empty()) return;
    if (form == "groups")
      read_groups();
    else if (form == "edges")
      read_edges();
    else
      read_shape();
    check_direction(form);
    if (issues_.count() == before_) check_members();
    if (issues_.count() == before_) make_legs();
  }

 private:
  /// Which of "groups", "edges" and "shape" says it; empty when none does, or two do.
  std::string the_form() {
    std::string found;
    for (const char* key : {"groups", "edges", "shape"}) {
      if (!fault_.key_places.contains(key)) continue;
      if (!found.empty()) {
        issues_.error(fault_.key_places.find(key)->second,
                      fmt::format("{}: \"{}\" says already who is parted from whom", key, found), "keep one of them");
        return {};
      }
      found = key;
    }
    if (found.empty())
      issues_.error(fault_.fault.at,
                    fmt::format("fault \"{}\" does not say who is parted from whom", fault_.fault.name),
                    "add groups = [[\"a\", \"b\"], [\"c\"]], or shape = \"halves\" and on = [\"a\", \"b\", \"c\"]");
    else if (found != "shape" && !fault_.on.empty())
      issues_.error(fault_.on.front().at, fmt::format("on: \"{}\" names the members already", found),
                    "take \"on\" out");
    return found;
  }

  /// The member's number; it is the same one when it is named again. Nothing when it is no member: reported.
  std::optional<std::size_t> add(const Word& word, std::string_view key) {
    for (std::size_t i = 0; i < members_.size(); i++)
      if (members_[i].word.text == word.text) return i;
    const TargetDraft* found = find_(word, key);
    if (!found) return std::nullopt;
    const Target& target = found->target;
    if (target.where == Target::Where::link) {
      issues_.error(word.at, fmt::format("{}: \"{}\" is a link, and has no addresses", key, word.text),
                    "name the rooms or hosts behind it");
      return std::nullopt;
    }
    if (target.where == Target::Where::none && target.addresses.empty()) {
      issues_.error(word.at,
                    fmt::format("{}: \"{}\" is a port or a protocol, not a place or an address", key, word.text),
                    "name whom it belongs to");
      return std::nullopt;
    }
    members_.push_back({word, &target});
    return members_.size() - 1;
  }

  void read_groups() {
    const auto words = fault_.groups.find("groups");
    if (words == fault_.groups.end()) return;  // a mistake already
    if (words->second.size() < 2)
      issues_.error(fault_.key_places.find("groups")->second, "groups: one group has no other to be parted from",
                    "write groups = [[\"a\", \"b\"], [\"c\"]]");
    std::vector<std::size_t> sizes;
    for (const auto& group : words->second) {
      std::size_t size = 0;
      for (const auto& word : group) {
        const std::size_t known = members_.size();
        const auto index = add(word, "groups");
        if (index && *index < known)
          issues_.error(word.at, fmt::format("groups: \"{}\" is there twice", word.text),
                        "a member is in one group; edges = [[\"a\", \"b\"]] parts pairs");
        size++;
      }
      sizes.push_back(size);
    }
    cuts_ = faults::cuts_of_groups(sizes);
  }

  void read_edges() {
    const auto words = fault_.groups.find("edges");
    if (words == fault_.groups.end()) return;
    if (words->second.empty())
      issues_.error(fault_.key_places.find("edges")->second, "edges: the array is empty",
                    "write edges = [[\"a\", \"c\"]]");
    for (const auto& edge : words->second) {
      if (edge.size() != 2 || edge[0].text == edge[1].text) {
        issues_.error(edge.front().at, "edges: an edge is between two members",
                      "write edges = [[\"a\", \"c\"]], a pair for each edge");
        continue;
      }
      const auto first = add(edge[0], "edges"), second = add(edge[1], "edges");
      if (first && second) cuts_.push_back({*first, *second});
    }
  }

  void read_shape() {
    const std::string shape = fault_.fault.params.text("shape");
    if (shape.empty()) return;
    for (const auto& word : fault_.on) {
      const std::size_t known = members_.size();
      const auto index = add(word, "on");
      if (index && *index < known)
        issues_.error(word.at, fmt::format("on: \"{}\" is there twice", word.text), "name each target once");
    }
    if (!fault_.on.empty() && fault_.on.size() < faults::least_members(shape))
      issues_.error(
          fault_.on.front().at,
          fmt::format("on: a partition of shape \"{}\" has at least {} members", shape, faults::least_members(shape)),
          shape == "ring" ? "of three members each sees a majority in a \"bridge\""
                          : "name more targets, each as a member of its own");
    cuts_ = faults::cuts_of_shape(shape, members_.size());
  }

  void check_direction(std::string_view form) {
    const std::string shape = form == "shape" ? fault_.fault.params.text("shape") : std::string();
    Direction& direction = fault_.fault.direction;
    if (shape == "one-way") {
      if (fault_.direction_at.line == 0)
        direction = Direction::egress;
      else if (direction == Direction::both)
        issues_.error(fault_.direction_at, "direction: \"both\" is not one way",
                      "egress: what the first half sends is lost; ingress: what it is sent");
    } else if (shape == "ring" && direction != Direction::both) {
      issues_.error(fault_.direction_at, "direction: a ring is the same from every side",
                    "take it out, or write edges");
    }
  }

  /// Members must not be in or among each other, and of two that are parted one must be a place.
  void check_members() {
    for (std::size_t i = 0; i < members_.size(); i++)
      for (std::size_t k = 0; k < members_.size(); k++)
        if (i != k && contains(*members_[i].target, *members_[k].target, i < k))
          issues_.error(members_[k].word.at,
                        fmt::format("\"{}\" is part of \"{}\"", members_[k].word.text, members_[i].word.text),
                        "members have nothing in common");
    for (const auto& [a, b] : cuts_) {
      if (members_[a].place() || members_[b].place()) continue;
      issues_.error(
          members_[b].word.at,
          fmt::format("neither \"{}\" nor \"{}\" is a place: nobody here sees what passes between two addresses",
                      members_[a].word.text, members_[b].word.text),
          "one of two parted members must be a netns, host or room");
      return;
    }
  }

  /// `or_same`: two names of one thing, reported once.
  bool contains(const Target& whole, const Target& part, bool or_same) const {
    if (!whole.ports.empty() || !part.ports.empty()) return false;  // told apart by more than the place
    if (whole.where == part.where && whole.where != Target::Where::none && whole.subject == part.subject)
      return or_same;
    if (whole.where != Target::Where::room || part.where != Target::Where::host || !draft_.lab) return false;
    const auto& hosts = draft_.lab->lab.hosts;
    return std::any_of(hosts.begin(), hosts.end(),
                       [&](const LabHost& host) { return host.name == part.subject && host.room == whole.subject; });
  }

  void make_legs() {
    const Direction direction = fault_.fault.direction;
    // from[i]: those that i's packets are lost to
    std::vector<std::vector<std::size_t>> from(members_.size());
    for (const auto& [a, b] : cuts_) {
      if (direction != Direction::ingress) from[a].push_back(b);
      if (direction != Direction::egress) from[b].push_back(a);
    }
    Fault& fault = fault_.fault;
    fault.common.set("on_any", true);  // members that nothing is sent to meet nothing
    for (std::size_t i = 0; i < members_.size(); i++) {
      const std::string& name = members_[i].word.text;
      (members_[i].place() ? fault.on : fault.peer).push_back(name);
      if (!members_[i].place()) continue;
      Leg sends{{name}, {}, Direction::egress}, receives{{name}, {}, Direction::ingress};
      for (const std::size_t k : from[i]) add_peer(sends, k);
      for (std::size_t k = 0; k < members_.size(); k++)
        if (!members_[k].place() && std::find(from[k].begin(), from[k].end(), i) != from[k].end())
          add_peer(receives, k);
      for (Leg* leg : {&sends, &receives})
        if (!leg->peer.empty()) fault.legs.push_back(std::move(*leg));
    }
  }

  /// An edge may be there twice.
  void add_peer(Leg& leg, std::size_t member) const {
    const std::string& name = members_[member].word.text;
    if (std::find(leg.peer.begin(), leg.peer.end(), name) == leg.peer.end()) leg.peer.push_back(name);
  }

  FaultDraft& fault_;
  Draft& draft_;
  Issues& issues_;
  const std::function<const TargetDraft*(const Word&, std::string_view)>& find_;
  std::size_t before_;
  std::vector<Member> members_;
  std::vector<faults::Cut> cuts_;
};

}  // namespace

void resolve_partition(FaultDraft& fault, Draft& draft,
                       const std::function<const TargetDraft*(const Word&, std::string_view)>& find) {
  Parting(fault, draft, find).run();
}

}  // namespace faultline::plan
