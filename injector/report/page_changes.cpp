#include "injector/report/page_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"

namespace faultline::report {
namespace {

using record::ProbeRecord;
using record::Requests;

/// Requests on end that fared alike.
struct Stretch {
  const Requests* first;
  std::uint64_t count = 0;
  bool failed() const { return first->error != 0; }
};

std::vector<Stretch> stretches_of(const ProbeRecord& probe) {
  std::vector<Stretch> out;
  for (const Requests& one : probe.answers) {
    if (out.empty() || out.back().failed() != (one.error != 0)) out.push_back({&one});
    out.back().count += one.count;
  }
  return out;
}

PageMark outcome_mark(const ProbeRecord& probe, const Stretch& one, const std::string& more) {
  PageMark mark;
  mark.kind = one.failed() ? "fails" : "succeeds";
  mark.text = probe.name;
  if (one.failed()) mark.text += ": " + probe.errors.at(one.first->error);
  mark.text += ", " + more;
  mark.at_s = seconds(std::max<Ns>(one.first->due, 0));
  return mark;
}

/// What the only request came to: it lasted until it was answered.
PageMark only_mark(const ProbeRecord& probe, const Stretch& one) {
  PageMark mark = outcome_mark(probe, one, "asked once");
  if (one.first->value) mark.text += fmt::format(", value {}", *one.first->value);
  if (one.first->latency == Requests::kUnknown) return mark;
  mark.text += ", took " + short_duration(one.first->latency);
  mark.until_s = mark.at_s + seconds(one.first->latency);
  return mark;
}

void add_outcomes(const ProbeRecord& probe, std::vector<PageMark>& out) {
  const auto stretches = stretches_of(probe);
  if (stretches.empty()) return;
  if (stretches.size() == 1 && stretches[0].count == 1) return out.push_back(only_mark(probe, stretches[0]));
  const std::size_t from = stretches[0].failed() ? 0 : 1;  // that it succeeds at first is no change
  if (stretches.size() <= kMostChanges + 1) {
    for (std::size_t i = from; i < stretches.size(); i++)
      out.push_back(outcome_mark(probe, stretches[i], fmt::format("{} on end", thousands(stretches[i].count))));
    return;
  }
  const auto failing = static_cast<std::size_t>(
      std::count_if(stretches.begin(), stretches.end(), [](const Stretch& one) { return one.failed(); }));
  out.push_back(outcome_mark(probe, stretches[from], fmt::format("the first of {} times", thousands(failing))));
  if (!stretches.back().failed())
    out.push_back(outcome_mark(probe, stretches.back(), fmt::format("the last of {} times", thousands(failing))));
}

void add_values(const ProbeRecord& probe, std::vector<PageMark>& out) {
  std::vector<PageMark> changes;
  const Requests* before = nullptr;
  for (const Requests& one : probe.answers) {
    if (!one.value) continue;
    if (before != nullptr && *before->value != *one.value) {
      if (changes.size() == kMostChanges) return;
      changes.push_back({"value", fmt::format("{}: {}, after {}", probe.name, *one.value, *before->value),
                         seconds(std::max<Ns>(one.due, 0))});
    }
    before = &one;
  }
  out.insert(out.end(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
}

}  // namespace

std::vector<PageMark> changes_of(const ProbeRecord& probe) {
  std::vector<PageMark> out;
  if (probe.rate) return out;  // its journal has histograms: who came after whom is not known
  add_outcomes(probe, out);
  add_values(probe, out);
  std::stable_sort(out.begin(), out.end(), [](const PageMark& a, const PageMark& b) { return a.at_s < b.at_s; });
  return out;
}

}  // namespace faultline::report
