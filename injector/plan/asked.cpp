#include "injector/plan/asked.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "faults/chance.h"
#include "faults/distribution.h"
#include "injector/plan/values.h"

namespace faultline::plan {
namespace {

std::string profile_text(const faults::Profile& profile) {
  std::string text;
  for (const auto& p : profile) {
    text += fmt::format("{}{{ at {}", text.empty() ? "" : ", ", format_duration(p.at));
    for (const auto& figure : faults::figures()) {
      const double value = p.*figure.value;
      if (value <= 0) continue;
      text += fmt::format(", {} ", figure.name);
      if (figure.unit == faults::Figure::Unit::time)
        text += format_duration(static_cast<Ns>(value));
      else if (figure.unit == faults::Figure::Unit::rate)
        text += format_rate(value);
      else
        text += fmt::format("{:g}%", value * 100);
    }
    text += " }";
  }
  return text;
}

std::string groups_text(const faults::Groups& groups) {
  std::string text;
  for (const auto& group : groups) text += fmt::format("{}{}", text.empty() ? "" : " | ", fmt::join(group, " "));
  return text;
}

std::string value_text(const faults::Key& key, const faults::Params& params) {
  using faults::ValueType;
  switch (key.type) {
    case ValueType::duration:
    case ValueType::timeline:
      return format_duration(params.duration(key.name));
    case ValueType::probability:
      return fmt::format("{:g}%", params.probability(key.name) * 100);
    case ValueType::choice:
      return params.text(key.name);
    case ValueType::boolean:
      return params.boolean(key.name) ? "true" : "false";
    case ValueType::rate:
      return format_rate(params.rate(key.name));
    case ValueType::queue:
      return format_queue(params.queue(key.name));
    case ValueType::texts:
      return fmt::format("{}", fmt::join(params.texts(key.name), ", "));
    case ValueType::profile:
      return profile_text(params.profile(key.name));
    case ValueType::trace:
      return params.trace(key.name).file;
    case ValueType::samples:
      return params.samples(key.name).file;
    case ValueType::groups:
      return groups_text(params.groups(key.name));
  }
  return {};
}

}  // namespace

std::map<std::string, std::string> asked(const Fault& fault) {
  std::map<std::string, std::string> values;
  if (!fault.kind) return values;
  for (const auto& key : fault.kind->keys)
    if (fault.params.has(key.name)) values.emplace(key.name, value_text(key, fault.params));
  return values;
}

std::vector<Given> given(const Fault& fault) {
  std::vector<Given> all;
  if (!fault.kind) return all;
  for (const auto& key : fault.kind->keys) {
    if (!fault.params.has(key.name)) continue;
    std::string value = value_text(key, fault.params);
    std::string_view fallback = key.fallback;
    if (fallback.size() >= 2 && fallback.front() == '"') fallback = fallback.substr(1, fallback.size() - 2);
    if (value != fallback && value != "0s" && value != "0%") all.push_back({&key, std::move(value)});
  }
  // A fault of which the plan says nothing but its kind is what that kind's first choice makes it: "mode silent".
  if (const auto& keys = fault.kind->keys; all.empty() && !keys.empty() && !keys.front().choices.empty())
    all.push_back({&keys.front(), value_text(keys.front(), fault.params)});
  return all;
}

std::string asked_text(const Fault& fault) {
  std::string text;
  for (const auto& [key, value] : given(fault))
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key->name, value);
  return text;
}

std::map<std::string, nlohmann::json> common_values(const Fault& fault) {
  std::map<std::string, nlohmann::json> values;
  for (const auto& key : fault_keys()) {
    if (!fault.common.has(key.name)) continue;
    values[std::string(key.name)] = key.type == faults::ValueType::boolean
                                        ? nlohmann::json(fault.common.boolean(key.name))
                                        : nlohmann::json(value_text(key, fault.common));
  }
  return values;
}

Ns asked_delay(const Fault& fault) { return static_cast<Ns>(faults::greatest(fault.params, "delay")); }

std::uint64_t seed_of(const Plan& plan, const Fault& fault) {
  return fl_fault_seed(plan.seed, fl_text_key(fault.name.data(), fault.name.size()));
}

namespace {

/// Delays that a channel asks of packets, in microseconds, each as probable as the others: at instants that are even
/// over the time in which it asks for any.
void add_delays(const faults::Channel& channel, std::vector<double>& values) {
  constexpr int kInstants = 200, kDraws = 50;
  const auto deviation = [&](double p) {
    if (channel.shape == faults::JitterShape::uniform) return 2 * p - 1;
    if (channel.shape != faults::JitterShape::table) return faults::quantile(channel.shape, p);
    return channel.table->at(static_cast<std::size_t>(p * static_cast<double>(channel.table->size())));
  };
  const auto spans = channel.active();
  Ns whole = 0;
  for (const auto& span : spans) whole += span.end - span.start;
  auto span = spans.begin();
  Ns before = 0;  // of `whole`: what lies before `span`
  for (int i = 0; i < kInstants && whole >= kInstants; i++) {
    const Ns at = whole / kInstants * i + whole / kInstants / 2;
    while (at - before >= span->end - span->start) before += span->end - span->start, ++span;
    const Ns t = span->start + at - before;
    const double delay = faults::value_at(channel.delay, t), jitter = faults::value_at(channel.jitter, t);
    if (delay <= 0 && jitter <= 0) continue;
    for (int k = 0; k < kDraws; k++) {
      const double moved = jitter > 0 ? jitter * deviation((k + 0.5) / kDraws) : 0;
      values.push_back(std::max(0.0, delay + moved) / kMicrosecond);
    }
  }
}

}  // namespace

std::vector<faults::Channel> channels_at(const Plan& plan, const Fault& fault, const std::vector<std::string>& links) {
  constexpr std::size_t kMostLinks = 32;
  std::vector<faults::Channel> channels;
  if (!fault.kind) return channels;
  for (std::size_t i = 0; i < std::min(links.size(), kMostLinks); i++)
    channels.push_back(fault.kind->compile({fault.params, {fault.start, fault.end}, seed_of(plan, fault), links[i]}));
  return channels;
}

std::optional<AskedDelay> asked_delays(const std::vector<faults::Channel>& channels) {
  std::vector<double> values;
  for (const auto& channel : channels) {
    if (!channel.rate.empty()) return {};
    if (!channel.delay.empty() || !channel.jitter.empty()) add_delays(channel, values);
  }
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double p) {
    return values[std::min(values.size() - 1, static_cast<std::size_t>(p * static_cast<double>(values.size())))];
  };
  return AskedDelay{quantile(0.5), quantile(0.9), quantile(0.99), values.back()};
}

std::vector<faults::Window> acting(const std::vector<faults::Channel>& channels) {
  std::vector<faults::Window> all;
  for (const auto& channel : channels)
    for (const auto& one : channel.active()) all.push_back(one);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  std::vector<faults::Window> merged;
  for (const auto& one : all) {
    if (merged.empty() || one.start > merged.back().end)
      merged.push_back(one);
    else
      merged.back().end = std::max(merged.back().end, one.end);
  }
  return merged;
}

double asked_loss(const Fault& fault) { return fault.kind ? fault.kind->greatest_loss(fault.params) : 0; }

}  // namespace faultline::plan
