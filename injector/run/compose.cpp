#include "injector/run/compose.h"

#include "faults/chance.h"

namespace faultline::run {
namespace {

std::uint64_t text_key(std::string_view text) { return fl_text_key(text.data(), text.size()); }

}  // namespace

Composition compose(const plan::Plan& plan, const std::vector<site::Site>& sites) {
  Composition composition;
  composition.onsets.resize(plan.faults.size());
  std::vector<faults::RuleSource> sources;
  for (std::uint32_t i = 0; i < sites.size(); i++) {
    for (const auto& rule : sites[i].rules) {
      faults::RuleSource source;
      source.site = i;
      source.fault = rule.fault;
      if (rule.fault < plan.faults.size()) {
        const plan::Fault& fault = plan.faults[rule.fault];
        const std::uint64_t seed = fl_fault_seed(plan.seed, text_key(fault.name));
        source.window = {fault.start, fault.end};
        source.seed = fl_rule_seed(seed, text_key(rule.link));
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
      sources.push_back(std::move(source));
    }
  }
  composition.score = faults::flatten(sources, static_cast<std::uint32_t>(sites.size()));
  return composition;
}

}  // namespace faultline::run
