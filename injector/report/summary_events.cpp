#include "injector/report/summary_events.h"

namespace faultline::report {

constexpr std::size_t kShownLines = 100;

Event event_of(const record::EventRecord& record) {
  Event event;
  event.name = record.event.name;
  event.log = record.event.log;
  event.file = record.event.file;
  event.match = record.event.match;
  event.probe = record.event.probe;
  for (const auto& seen : record.seen) {
    event.seen += seen.count;
    if (event.lines.size() < kShownLines) event.lines.push_back({seconds(seen.when), seen.count, seen.line});
  }
  if (!record.seen.empty()) {
    event.first_s = seconds(record.seen.front().when);
    event.last_s = seconds(record.seen.back().when);
  }
  event.trouble =
      record.watched ? record.watched->trouble : std::optional<std::string>("it was not read to the run's end");
  return event;
}

}  // namespace faultline::report
