#include "injector/explain/together.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/plan/values.h"

namespace faultline::explain {
namespace {

std::vector<std::string> targets_of(const plan::Fault& fault) {
  std::vector<std::string> names = fault.on;
  for (const auto& leg : fault.legs) names.insert(names.end(), leg.on.begin(), leg.on.end());
  return names;
}

bool share(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  return std::any_of(one.begin(), one.end(), [&](const std::string& name) {
    return std::find(other.begin(), other.end(), name) != other.end();
  });
}

/// What several faults amount to.
struct Sum {
  Added round_trip;
  int delays = 0, losses = 0, rates = 0, cuts = 0;
  double survives = 1, rate = 0;

  void add(const Effect& effect) {
    if (effect.cuts) cuts++;
    if (effect.packet.most > 0) {
      const Added more = effect.round_trip();
      delays++;
      round_trip = {round_trip.least + more.least, round_trip.middle + more.middle, round_trip.most + more.most};
    }
    if (effect.loss > 0 && !effect.cuts && effect.of.empty()) {  // else of few packets, or of all: who knows
      losses++;
      survives *= 1 - effect.loss;
    }
    if (effect.rate > 0) {
      rates++;
      rate = rate > 0 ? std::min(rate, effect.rate) : effect.rate;
    }
  }

  std::string text() const {
    std::vector<std::string> parts;
    if (cuts > 0) parts.emplace_back("packets that one of them cuts or answers do not meet the others");
    if (delays > 1) parts.push_back(fmt::format("delays add: {} for a round trip", text_of(round_trip)));
    if (losses > 1) parts.push_back(fmt::format("losses multiply: {} of the packets", percent(1 - survives)));
    if (rates > 1) parts.push_back(fmt::format("the lowest rate holds: {}", plan::format_rate(rate)));
    return fmt::format("{}", fmt::join(parts, "; "));
  }
};

}  // namespace

void say_together(const plan::Plan& plan, std::vector<Effect>& effects) {
  const auto under_way = [&](std::size_t i, Ns t) { return plan.faults[i].start <= t && t < plan.faults[i].end; };
  std::vector<std::vector<std::string>> targets;
  for (const auto& fault : plan.faults) targets.push_back(targets_of(fault));
  for (std::size_t i = 0; i < plan.faults.size(); i++) {
    const auto& fault = plan.faults[i];
    std::vector<std::size_t> others;  // that may meet the same packets
    for (std::size_t j = 0; j < plan.faults.size(); j++)
      if (i != j && plan.faults[j].start < fault.end && plan.faults[j].end > fault.start &&
          share(targets[i], targets[j]))
        others.push_back(j);
    // The instant with most of them: one at which one of them begins.
    std::vector<std::size_t> most;
    for (const std::size_t first : others) {
      const Ns t = std::max(fault.start, plan.faults[first].start);
      std::vector<std::size_t> now;
      for (const std::size_t j : others)
        if (under_way(j, t)) now.push_back(j);
      if (now.size() > most.size()) most = std::move(now);
    }
    Sum sum;
    sum.add(effects[i]);
    std::string names;
    Ns from = fault.start, to = fault.end;
    for (std::size_t n = 0; n < most.size(); n++) {
      const auto& other = plan.faults[most[n]];
      sum.add(effects[most[n]]);
      from = std::max(from, other.start);
      to = std::min(to, other.end);
      constexpr std::size_t kShown = 4;
      if (n < kShown)
        names += (names.empty() ? "" : ", ") + other.name;
      else if (n == kShown)
        names += ", …";
    }
    if (const std::string text = sum.text(); !most.empty() && !text.empty())
      effects[i].lines.push_back(
          {"Together", fmt::format("with {} ({} to {}), for packets that meet {}: {}", names, short_duration(from),
                                   short_duration(to), most.size() == 1 ? "both" : "all", text)});
  }
}

}  // namespace faultline::explain
