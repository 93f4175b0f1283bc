// From round trips to rows. A fault acts on each way: what the two ways did together is shared between them, as two
// ways that are alike and know nothing of each other would have had it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "faults/limits.h"
#include "injector/base/error.h"
#include "injector/base/visible_text.h"
#include "injector/plan/values.h"
#include "injector/sketch/measured.h"

namespace faultline::sketch {
namespace {

constexpr std::size_t kTripsOfRow = 10;
constexpr std::size_t kMostRows = 100'000;  ///< that one fault plays (docs/faults/trace.md)

struct Row {
  Ns at = 0;
  double delay = 0, jitter = 0;  ///< ns
  double loss = 0;
};

/// Of the trips [begin, end), which began in one row.
Row row_of(const RoundTrip* begin, const RoundTrip* end, const TraceWish& wish, double least, double before) {
  std::vector<double> times;
  for (const RoundTrip* trip = begin; trip != end; ++trip)
    if (trip->rtt) times.push_back(static_cast<double>(*trip->rtt) - least);
  Row row;
  const auto sent = static_cast<double>(end - begin), answered = static_cast<double>(times.size());
  const double lost = 1 - answered / sent;
  row.loss = wish.round_trip ? lost : 1 - std::sqrt(1 - lost);
  row.delay = before;  // of a row without an answer nothing is known but that
  if (times.empty()) return row;
  const double mean = std::accumulate(times.begin(), times.end(), 0.0) / answered;
  double squares = 0;
  for (const double time : times) squares += (time - mean) * (time - mean);
  // The jitter is drawn evenly from a band: the half width that has the same standard deviation.
  const double width = std::sqrt(3 * squares / answered);
  row.delay = wish.round_trip ? mean : mean / 2;
  row.jitter = std::min(row.delay, wish.round_trip ? width : width / std::sqrt(2.0));
  return row;
}

/// In whole seconds.
Ns length_of_row(const std::vector<RoundTrip>& trips) {
  if (trips.size() < 2) return kSecond;
  const Ns between = (trips.back().at - trips.front().at) / static_cast<Ns>(trips.size() - 1);
  const Ns length = between * static_cast<Ns>(kTripsOfRow) + kSecond / 2;
  return std::max(kSecond, length / kSecond * kSecond);
}

std::string comments(const TraceWish& wish, Ns every, double least) {
  std::string out =
      fmt::format("# a row for each {}; jitter is the half width of what varies in it\n", plan::format_duration(every));
  out += wish.round_trip
             ? "# delay and loss are those of the round trip: for a fault with direction = \"egress\" or \"ingress\"\n"
             : "# delay is half of the round trip, and loss p such that 1 - (1 - p)^2 of the round trips are lost: "
               "assumed is "
               "that\n# both ways are alike. For a fault of both directions\n";
  if (wish.excess)
    out += fmt::format("# less the least of the file, a round trip of {:.3f} ms: what was added to the link\n",
                       least / 1e6);
  return out;
}

}  // namespace

MadeTrace make_trace(const Measured& measured, const TraceWish& wish, const std::string& source) {
  MadeTrace made;
  made.csv = fmt::format("# from {}, by `faultline trace from`\n", visible(source));
  if (!measured.rates.empty()) {
    made.csv += "time_ms,rate_kbit\n";
    for (const auto& point : measured.rates)
      made.csv += fmt::format("{:.3f},{:.3f}\n", static_cast<double>(point.at) / 1e6, point.rate / 1e3);
    made.rows = measured.rates.size();
    made.length = measured.rates.back().at;
    return made;
  }
  const auto& trips = measured.trips;
  const Ns every = wish.every.value_or(length_of_row(trips)), first = trips.front().at;
  made.trips = trips.size();
  made.length = trips.back().at - first;
  double least = 0;
  if (wish.excess) {
    Ns shortest = std::numeric_limits<Ns>::max();
    for (const auto& trip : trips) shortest = std::min(shortest, trip.rtt.value_or(shortest));
    least = static_cast<double>(shortest);
  }
  if (!measured.note.empty()) made.csv += fmt::format("# {}\n", visible(measured.note));
  made.csv += comments(wish, every, least) + "time_s,delay_ms,jitter_ms,loss_percent\n";
  double before = 0;
  for (const RoundTrip *begin = trips.data(), *all = begin + trips.size(); begin != all;) {
    const Ns number = (begin->at - first) / every;
    const RoundTrip* end =
        std::find_if(begin, all, [&](const RoundTrip& trip) { return (trip.at - first) / every != number; });
    Row row = row_of(begin, end, wish, least, before);
    before = row.delay;
    row.at = number * every;
    if (row.delay + row.jitter > static_cast<double>(faults::kMaxHold))
      throw Failure(Exit::invalid,
                    fmt::format("{}: {} after its beginning a packet would be held for longer than 100 s", source,
                                plan::format_duration(row.at)));
    made.csv += fmt::format("{:.3f},{:.4f},{:.4f},{:.4f}\n", static_cast<double>(row.at) / kSecond, row.delay / 1e6,
                            row.jitter / 1e6, row.loss * 100);
    made.rows++;
    made.lost += static_cast<std::size_t>(std::count_if(begin, end, [](const RoundTrip& t) { return !t.rtt; }));
    begin = end;
  }
  if (made.rows > kMostRows)
    throw Failure(Exit::invalid,
                  fmt::format("{}: these are {} rows, and a fault plays {}: make them longer with --every", source,
                              made.rows, kMostRows));
  return made;
}

}  // namespace faultline::sketch
