#include "injector/explain/together.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/values.h"
#include "injector/record/text.h"

namespace faultline::explain {
namespace {

std::vector<std::string> targets_of(const plan::Fault& fault) {
  std::vector<std::string> names = fault.on;
  for (const auto& leg : fault.legs) names.insert(names.end(), leg.on.begin(), leg.on.end());
  return names;
}

bool share_a_target(const plan::Fault& a, const plan::Fault& b) {
  const auto one = targets_of(a), other = targets_of(b);
  return std::any_of(one.begin(), one.end(), [&](const std::string& name) { return std::find(other.begin(), other.end(), name) != other.end(); });
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
    if (effect.loss > 0 && !effect.cuts) {
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
    if (cuts > 0) parts.emplace_back("what one cuts or answers, the others do not meet");
    if (delays > 1) parts.push_back(fmt::format("delays add: {} for a round trip", text_of(round_trip)));
    if (losses > 1) parts.push_back(fmt::format("losses multiply: {} of the packets", record::percent(1 - survives)));
    if (rates > 1) parts.push_back(fmt::format("the lowest rate holds: {}", plan::format_rate(rate)));
    return fmt::format("{}", fmt::join(parts, "; "));
  }
};

}  // namespace

void say_together(const plan::Plan& plan, std::vector<Effect>& effects) {
  for (std::size_t i = 0; i < plan.faults.size(); i++) {
    const auto& fault = plan.faults[i];
    Sum sum;
    sum.add(effects[i]);
    std::string others;
    std::size_t count = 0;
    Ns from = fault.start, to = fault.end;  // when all of them are under way
    for (std::size_t j = 0; j < plan.faults.size(); j++) {
      const auto& other = plan.faults[j];
      if (i == j || other.start >= to || other.end <= from || !share_a_target(fault, other)) continue;
      from = std::max(from, other.start);
      to = std::min(to, other.end);
      sum.add(effects[j]);
      constexpr std::size_t kShown = 4;
      if (++count <= kShown) others += (others.empty() ? "" : ", ") + other.name;
      else if (count == kShown + 1) others += ", …";
    }
    if (const std::string text = sum.text(); count > 0 && !text.empty())
      effects[i].lines.push_back({"Together", fmt::format("with {} ({} to {}), for packets that meet {}: {}", others, record::short_duration(from), record::short_duration(to),
                                                          count == 1 ? "both" : "all", text)});
  }
}

}  // namespace faultline::explain
