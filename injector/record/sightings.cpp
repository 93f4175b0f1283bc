#include "injector/record/sightings.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/record/recording.h"
#include "injector/record/traffic.h"
#include "injector/record/verdict.h"
#include "injector/record/windows.h"

namespace faultline::record {
namespace {

auto from(const std::vector<events::Seen>& seen, Ns start) {
  return std::lower_bound(seen.begin(), seen.end(), start, [](const events::Seen& one, Ns t) { return one.when < t; });
}

Finding judge_count(const EventRecord& record, const plan::Bound& bound, const Phase& window) {
  const std::uint64_t count = record.count_in(window.start, window.end);
  const std::string observed = fmt::format("seen {}", thousands(count));
  const std::string lack = lack_of(record);
  const bool held = bound.holds(static_cast<double>(count));
  // More may have been there: that changes nothing where enough was seen, or too much.
  const bool settled =
      bound.op == plan::Bound::Op::eq ? static_cast<double>(count) > bound.value : held != bound.is_upper();
  if (!lack.empty() && !settled) return {{}, observed, lack};
  return {held, observed, "seen"};
}

Finding judge_first(const Recording& r, const EventRecord& record, Ns within, const Phase& fault,
                    const std::string& stop_text) {
  const Ns observed_until = r.observed_until();
  if (const auto* first = record.first_in(fault.start, r.duration)) {
    const Ns after = first->when - fault.start;
    return {after <= within, "first seen after " + short_duration(after), "detection", after};
  }
  const Ns looked = std::max<Ns>(0, observed_until - fault.start);
  const std::string observed = fmt::format("not seen in {}", short_duration(looked));
  if (looked < within) return {{}, observed, not_over_text(stop_text, "that time")};
  if (const std::string lack = lack_of(record); !lack.empty() && stop_text.empty()) return {{}, observed, lack};
  return {false, observed, "detection"};
}

}  // namespace

std::string lack_of(const EventRecord& record) {
  if (!record.watched) return fmt::format("the log of \"{}\" was not read to the end", record.event.name);
  return record.watched->trouble.value_or("");
}

std::uint64_t EventRecord::count_in(Ns start, Ns end) const {
  std::uint64_t count = 0;
  for (auto it = from(seen, start); it != seen.end() && it->when < end; ++it) count += it->count;
  return count;
}

const events::Seen* EventRecord::first_in(Ns start, Ns end) const {
  const auto it = from(seen, start);
  return it == seen.end() || it->when >= end ? nullptr : &*it;
}

const EventRecord* find_event(const Recording& r, const std::string& name) {
  for (const auto& record : r.events)
    if (record.event.name == name) return &record;
  return nullptr;
}

std::vector<Finding> judge_detection(const Recording& r, const plan::Hypothesis& h, const Phase& window,
                                     const std::string& stop_text) {
  std::vector<Finding> findings;
  if (!h.event) {
    for (const auto& fault : r.faults)
      if (fault.name == h.during) findings.push_back(judge_traffic(r, fault, *h.detects_within, stop_text));
    return findings;
  }
  const EventRecord* event = find_event(r, h.event.value_or(""));
  if (event == nullptr) return {{{}, "", fmt::format("there is no event \"{}\"", h.event.value_or(""))}};
  if (h.seen) {
    if (r.observed_until() < window.end)
      findings.push_back({{}, "", not_over_text(stop_text, "\"" + window.name + "\"")});
    else
      findings.push_back(judge_count(*event, *h.seen, window));
  }
  if (h.detects_within) findings.push_back(judge_first(r, *event, *h.detects_within, window, stop_text));
  return findings;
}

}  // namespace faultline::record
