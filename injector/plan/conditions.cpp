// What hypotheses and guards have in common: bounds on what a probe's requests, or a target's connections, come to.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "injector/plan/passes.h"

namespace faultline::plan {

std::span<const Conditions::Key> Conditions::keys() {
  static constexpr Key kKeys[] = {
      {"success", &Conditions::success, Of::share, 0, true},
      {"p50", &Conditions::p50, Of::all, 500, true},
      {"p90", &Conditions::p90, Of::all, 900, true},
      {"p95", &Conditions::p95, Of::all, 950},
      {"p99", &Conditions::p99, Of::all, 990, true},
      {"p999", &Conditions::p999, Of::all, 999},
      {"max", &Conditions::max, Of::all, 1000, true},
      {"ok.p50", &Conditions::ok_p50, Of::ok, 500},
      {"ok.p90", &Conditions::ok_p90, Of::ok, 900},
      {"ok.p95", &Conditions::ok_p95, Of::ok, 950},
      {"ok.p99", &Conditions::ok_p99, Of::ok, 990},
      {"ok.p999", &Conditions::ok_p999, Of::ok, 999},
      {"ok.max", &Conditions::ok_max, Of::ok, 1000},
      {"failed.p50", &Conditions::failed_p50, Of::failed, 500},
      {"failed.p90", &Conditions::failed_p90, Of::failed, 900},
      {"failed.p95", &Conditions::failed_p95, Of::failed, 950},
      {"failed.p99", &Conditions::failed_p99, Of::failed, 990},
      {"failed.p999", &Conditions::failed_p999, Of::failed, 999},
      {"failed.max", &Conditions::failed_max, Of::failed, 1000},
      {"requests", &Conditions::requests, Of::requests},
      {"failures", &Conditions::failures, Of::failures},
      {"throughput", &Conditions::throughput, Of::throughput},
      {"connections.opened", &Conditions::opened, Of::series, 0, false, Series::opened},
      {"connections.accepted", &Conditions::accepted, Of::series, 0, false, Series::accepted},
      {"connections.failed", &Conditions::connections_failed, Of::series, 0, false, Series::failed},
      {"connections.closed", &Conditions::closed, Of::series, 0, false, Series::closed},
      {"retransmits", &Conditions::retransmits, Of::series, 0, false, Series::retransmits},
      {"retransmits_ours", &Conditions::retransmits_ours, Of::series, 0, false, Series::retransmits_ours},
      {"timeouts", &Conditions::timeouts, Of::series, 0, false, Series::timeouts},
      {"resets.sent", &Conditions::resets_sent, Of::series, 0, false, Series::resets_sent},
      {"resets.received", &Conditions::resets_received, Of::series, 0, false, Series::resets_received},
      {"bytes.sent", &Conditions::bytes_sent, Of::series, 0, false, Series::bytes_sent},
      {"bytes.received", &Conditions::bytes_received, Of::series, 0, false, Series::bytes_received},
      {"packets.sent", &Conditions::packets_sent, Of::series, 0, false, Series::packets_sent},
      {"packets.received", &Conditions::packets_received, Of::series, 0, false, Series::packets_received},
      {"turns.answered", &Conditions::answered, Of::series, 0, false, Series::answered},
      {"turns.unanswered", &Conditions::unanswered, Of::series, 0, false, Series::unanswered},
      {"rtt.p50", &Conditions::rtt_p50, Of::rtt, 500},
      {"rtt.p90", &Conditions::rtt_p90, Of::rtt, 900},
      {"rtt.p95", &Conditions::rtt_p95, Of::rtt, 950},
      {"rtt.p99", &Conditions::rtt_p99, Of::rtt, 990},
      {"rtt.p999", &Conditions::rtt_p999, Of::rtt, 999},
      {"rtt.max", &Conditions::rtt_max, Of::rtt, 1000},
      {"turns.p50", &Conditions::turns_p50, Of::turns, 500},
      {"turns.p90", &Conditions::turns_p90, Of::turns, 900},
      {"turns.p95", &Conditions::turns_p95, Of::turns, 950},
      {"turns.p99", &Conditions::turns_p99, Of::turns, 990},
      {"turns.p999", &Conditions::turns_p999, Of::turns, 999},
      {"turns.max", &Conditions::turns_max, Of::turns, 1000}};
  return kKeys;
}

bool Conditions::any() const {
  return errors || std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return this->*key.bound; });
}

bool Conditions::any_of_turns() const {
  return std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return key.of_turns() && this->*key.bound; });
}

std::string Conditions::text() const {
  std::string text;
  const auto add = [&](const std::string& name, const Bound& bound) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, bound.text);
  };
  for (const Key& key : keys())
    if (const auto& bound = this->*key.bound) add(key.name, *bound);
  if (errors)
    for (const auto& [error, bound] : *errors) add("errors." + error, bound);
  return text;
}

namespace {

std::string joined(const std::string& a, const std::string& b) { return a.empty() || b.empty() ? a + b : a + ", " + b; }

}  // namespace

std::string condition_text(const Guard& guard) {
  std::string text = joined(guard.text(), guard.values_text());
  if (guard.seen) text = joined("seen " + guard.seen->text, text);
  return guard.window > 0 ? fmt::format("{} for {}", text, format_duration(guard.window)) : text;
}

std::string condition_text(const Hypothesis& hypothesis) {
  std::string text = joined(joined(hypothesis.text(), hypothesis.values_text()), detection_text(hypothesis));
  if (hypothesis.eventually) text += fmt::format(", after {} at the latest", format_duration(*hypothesis.eventually));
  if (hypothesis.stays) text += fmt::format(", for {}", format_duration(*hypothesis.stays));
  if (hypothesis.recovers_within)
    text = joined(text, "recovers within " + format_duration(*hypothesis.recovers_within));
  return text;
}

std::string window_text(const Hypothesis& hypothesis) {
  std::string text = hypothesis.during;
  if (hypothesis.after_event)
    text +=
        fmt::format(", from {}event \"{}\"", hypothesis.after > 0 ? format_duration(hypothesis.after) + " after " : "",
                    *hypothesis.after_event);
  else if (hypothesis.after > 0 || hypothesis.length)
    text += fmt::format(", from {}", format_duration(hypothesis.after));
  if (hypothesis.length) text += fmt::format(" for {}", format_duration(*hypothesis.length));
  return text;
}

namespace {

/// Reads the bounds of one hypothesis or guard.
class ConditionReader {
 public:
  ConditionReader(Table& table, Conditions& conditions, const ConditionStyle& style)
      : table_(table), conditions_(conditions), style_(style) {}

  bool read() {
    for (const auto& key : Conditions::keys()) read_key(key);
    read_errors();
    for (auto& [name, group] : groups_)
      if (group) group->finish();
    return any_;
  }

 private:
  /// "ok.p99" is the key "p99" of the table "ok".
  Table* owner_of(std::string_view& name) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) return &table_;
    const std::string group(name.substr(0, dot));
    auto it = groups_.find(group);
    if (it == groups_.end())
      it = groups_.emplace(group, table_.table(group, fmt::format("{{ p99 = {} }}", style_.latency))).first;
    name.remove_prefix(dot + 1);
    return it->second ? &*it->second : nullptr;
  }

  void read_key(const Conditions::Key& key) {
    std::string_view leaf = key.name;
    // Of what is asked of others, only what is there is a mistake; the rest is not among the keys that may be.
    const bool of_others = key.of_connections() != style_.connections;
    if (of_others && !table_.has(leaf.substr(0, leaf.find('.'))) && !table_.is_described()) return;
    Table* owner = owner_of(leaf);
    if (owner == nullptr) return;
    takes(*owner, leaf, key.of);
    const Entry* entry = owner->take(leaf);
    if (!entry) return;
    any_ = true;
    if (entry->value.type == Node::Type::table && key.per_mille == 990 && entry->value.find("9")) {
      owner->issues().error(entry->at, fmt::format("{}.9: a dot begins a table in TOML", key.name),
                            fmt::format("write {}9 = \"<= 1s\"", key.name));
      return;
    }
    if (of_others) {
      owner->issues().error(entry->at,
                            style_.connections ? fmt::format("{}: is asked of the requests of a probe", key.name)
                                               : fmt::format("{}: is counted of the connections of a target", key.name),
                            style_.connections ? "write probe = in place of telemetry ="
                                               : "write telemetry = \"web\", a target, in place of probe =");
      return;
    }
    conditions_.*key.bound = read_bound(*owner, key.name, entry->value, key.of);
  }

  /// What read_bound() takes.
  void takes(Table& owner, std::string_view name, Conditions::Of of) {
    using Of = Conditions::Of;
    switch (of) {
      case Of::share:
        owner.takes_text(name, style_.share, pattern_of(read_ratio_bound));
        break;
      case Of::requests:
        owner.takes_text(name, "\">= 100\"", pattern_of(read_count_bound));
        break;
      case Of::failures:
        owner.takes_text(name, style_.failures, pattern_of(read_count_bound));
        break;
      case Of::throughput:
        owner.takes_text(name, "\">= 100/s\"", pattern_of(read_throughput_bound));
        break;
      case Of::series:
        owner.takes_text(name, style_.failures, pattern_of(read_count_or_rate_bound));
        break;
      default:
        owner.takes_text(name, style_.latency, pattern_of(read_duration_bound));
    }
    if (style_.has_baseline && of != Of::requests && of != Of::failures)
      owner.takes_text(name, "\"<= 2x baseline\"", pattern_of(read_baseline_bound));
  }

  std::optional<Bound> read_bound(Table& owner, std::string_view name, const Node& value, Conditions::Of of) {
    using Of = Conditions::Of;
    if (value.type == Node::Type::string && is_baseline_bound(value.text)) return relative(owner, name, value, of);
    switch (of) {
      case Of::share:
        return owner.scalar(name, value, style_.share, read_ratio_bound);
      case Of::requests:
        return owner.scalar(name, value, "\">= 100\"", read_count_bound);
      case Of::failures:
        return owner.scalar(name, value, style_.failures, read_count_bound);
      case Of::throughput:
        return owner.scalar(name, value, "\">= 100/s\"", read_throughput_bound);
      case Of::series:
        return owner.scalar(name, value, style_.failures, read_count_or_rate_bound);
      default:
        return owner.scalar(name, value, style_.latency, read_duration_bound);
    }
  }

  /// "<= 2x baseline"
  std::optional<Bound> relative(Table& owner, std::string_view name, const Node& value, Conditions::Of of) {
    if (!style_.has_baseline) {
      owner.issues().error(value.at, fmt::format("{}: a guard has no baseline to compare with", name),
                           "write the limit itself");
      return {};
    }
    if (of == Conditions::Of::requests || of == Conditions::Of::failures) {
      owner.issues().error(value.at, fmt::format("{}: a number of requests depends on how long one looks", name),
                           "compare success, errors or throughput with the baseline");
      return {};
    }
    return owner.scalar(name, value, "\"<= 2x baseline\"", read_baseline_bound);
  }

  void read_errors() {
    std::optional<Table> table = table_.table("errors", "{ timeout = \"<= 1%\" }");
    if (!table) return;
    any_ = true;
    table->takes_text({}, style_.errors, pattern_of(read_share_or_count_bound));
    if (style_.has_baseline) table->takes_text({}, "\"<= 2x baseline\"", pattern_of(read_baseline_bound));
    for (const Entry& entry : table->entries()) {
      const std::string name = "errors." + entry.key;
      std::optional<Bound> bound;
      if (entry.value.type == Node::Type::string && is_baseline_bound(entry.value.text))
        bound = relative(*table, name, entry.value, Conditions::Of::share);
      else
        bound = table->scalar(name, entry.value, style_.errors, read_share_or_count_bound);
      if (!bound) continue;
      if (!conditions_.errors) conditions_.errors.emplace();
      conditions_.errors->emplace(entry.key, *bound);
    }
    if (table->entries().empty())
      table->issues().error(table->at(), "errors: no error is named", "write errors.timeout = \"<= 1%\"");
  }

  Table& table_;
  Conditions& conditions_;
  const ConditionStyle& style_;
  bool any_ = false;
  std::map<std::string, std::optional<Table>, std::less<>> groups_;
};

}  // namespace

bool read_conditions(Table& table, Conditions& conditions, const ConditionStyle& style) {
  return ConditionReader(table, conditions, style).read();
}

}  // namespace faultline::plan
