#include "injector/run/compose.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "faults/chance.h"
#include "injector/base/error.h"
#include "injector/plan/asked.h"
#include "injector/plan/rule_count.h"
#include "injector/site/masks.h"

namespace faultline::run {
namespace {

std::uint64_t text_key(std::string_view text) { return fl_text_key(text.data(), text.size()); }

/// Whose the rules are, and to whom of a fault's targets its other targets may send.
void tell_targets(faults::Score& score, const std::vector<site::Site>& sites) {
  std::set<std::uint32_t> faults;
  for (const auto& site : sites) {
    for (const auto& rule : site.rules) {
      auto& targets = score.targets.emplace_back(rule.also);
      if (!rule.target.empty()) targets.insert(targets.begin(), rule.target);
      for (const auto& address : rule.met_at_sender) {
        const fl_mate key{site::learned_key(address), rule.fault, 0};
        const auto known = std::find_if(score.mates.begin(), score.mates.end(), [&](const faults::Mate& mate) {
          return mate.key.fault == key.fault && mate.key.address.high == key.address.high &&
                 mate.key.address.low == key.address.low;
        });
        if (known == score.mates.end()) score.mates.push_back({key, targets});
        faults.insert(rule.fault);
      }
    }
  }
  for (auto& rule : score.rules)
    if (faults.contains(rule.fault)) rule.flags |= FL_RULE_MATES;
}

/// Rules that match the same packets, now and whatever becomes of their targets and names, get the same number.
class Alike {
 public:
  std::uint32_t number(const site::Rule& rule, const faults::Answer& answer) {
    for (std::size_t i = 0; i < known_.size(); i++)
      if (is_alike(*known_[i].rule, rule) && known_[i].filter == answer.filter && known_[i].names == answer.names)
        return static_cast<std::uint32_t>(i);
    known_.push_back({&rule, answer.filter, answer.names});
    return static_cast<std::uint32_t>(known_.size() - 1);
  }

 private:
  struct Known {
    const site::Rule* rule;
    decltype(faults::Answer::filter) filter;
    decltype(faults::Answer::names) names;
  };
  static bool is_alike(const site::Rule& a, const site::Rule& b) {
    return a.target == b.target && a.also == b.also && a.match == b.match;
  }
  std::vector<Known> known_;
};

}  // namespace

Composition compose(const plan::Plan& plan, const std::vector<site::Site>& sites) {
  Composition composition;
  composition.onsets.resize(plan.faults.size());
  std::vector<faults::RuleSource> sources;
  for (std::uint32_t i = 0; i < sites.size(); i++) {
    Alike alike;
    for (const auto& rule : sites[i].rules) {
      faults::RuleSource source;
      source.site = i;
      source.fault = rule.fault;
      if (rule.fault < plan.faults.size()) {
        const plan::Fault& fault = plan.faults[rule.fault];
        const std::uint64_t seed = plan::seed_of(plan, fault);
        source.window = {fault.start, fault.end};
        source.seed = fl_rule_seed(seed, text_key(rule.link));
        source.fault_seed = seed;
        source.channel = fault.kind->compile({fault.params, source.window, seed, rule.link});
        source.channel.turns_out = fault.direction != plan::Direction::ingress;
        source.channel.turns_in = fault.direction != plan::Direction::egress;
        const auto active = source.channel.active();
        auto& onset = composition.onsets[rule.fault];
        if (!active.empty() && (!onset || active.front().start < *onset)) onset = active.front().start;
      } else {
        const auto& link = plan.lab->links[rule.fault - plan.faults.size()];
        source.window = {0, plan.duration + 10 * kSecond};
        source.seed = fl_rule_seed(fl_fault_seed(plan.seed, text_key(link.name)), text_key(rule.link));
        faults::add_step(source.channel.delay, source.window, static_cast<double>(link.delay));
      }
      source.match = alike.number(rule, source.channel.answer);
      sources.push_back(std::move(source));
    }
  }
  try {
    composition.score = faults::flatten(sources, static_cast<std::uint32_t>(sites.size()));
  } catch (const faults::TooManyRules& e) {
    throw Failure(Exit::cannot_run, fmt::format("{} {}: {}", sites.at(e.site).name, e.what(), plan::kFewerRules));
  }
  composition.score.notes_losses = !plan.telemetry.empty();
  tell_targets(composition.score, sites);
  return composition;
}

}  // namespace faultline::run
