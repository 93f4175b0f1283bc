#include "injector/record/subject.h"

#include <fmt/format.h>

namespace faultline::record {

const Latencies& Seen::latencies(const plan::Conditions::Key& key) const {
  if (key.of == plan::Conditions::Of::rtt) return connections.rtt;
  return key.of == plan::Conditions::Of::turns ? connections.turns : latency;
}

Subject::Subject(const Recording& r, const plan::Hypothesis& hypothesis) : hypothesis_(hypothesis) {
  if (!hypothesis.telemetry) {
    probe_ = r.find_probe(hypothesis.probe);
    return;
  }
  for (const auto& record : r.telemetry)
    if (record.target == *hypothesis.telemetry) telemetry_ = &record;
}

std::string Subject::missing() const {
  if (probe_ || telemetry_) return {};
  if (hypothesis_.telemetry) return fmt::format("the connections of \"{}\" were not counted", *hypothesis_.telemetry);
  return fmt::format("there is no probe \"{}\"", hypothesis_.probe);
}

Seen Subject::in(Ns start, Ns end) const {
  Seen seen;
  if (probe_) {
    static_cast<PhaseStats&>(seen) = stats_in(*probe_, start, end);
    seen.anything = seen.sent > 0;
    return seen;
  }
  seen.connections = stats_in(*telemetry_, start, end, hypothesis_.peer);
  seen.length = end - start;
  seen.ok = seen.connections.opened;
  seen.sent = seen.ok + seen.connections.all_failed();
  seen.by_error = seen.connections.failed;
  seen.anything = seen.connections.buckets > 0;
  return seen;
}

std::string Subject::uncounted(const plan::Conditions& asked, Ns start, Ns end) const {
  if (!telemetry_) return {};
  for (const auto& lack : telemetry_->uncounted) {
    if (lack.from.value_or(start) >= end || lack.until.value_or(end) <= start) continue;
    if (concerns(lack, hypothesis_, asked)) return fmt::format("telemetry of \"{}\": {}", telemetry_->target, lack.why);
  }
  return {};
}

std::string Subject::nothing_in(const std::string& window) const {
  if (probe_) return fmt::format("no request of \"{}\" was due in \"{}\"", probe_->name, window);
  return fmt::format("nothing was seen of {} in \"{}\"", plan::subject_text(hypothesis_), window);
}

std::optional<Ns> Subject::first_holding(const plan::Conditions& settled, const Phase& window,
                                         std::optional<Ns> stays) const {
  if (probe_) return record::first_holding(*probe_, settled, window, stays, hypothesis_);
  return record::first_holding(*telemetry_, hypothesis_.peer, settled, window, stays);
}

}  // namespace faultline::record
