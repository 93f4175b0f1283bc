// How late held packets are, by the record and by their receiver, and how far a fault's onset is from its plan. Between
// two namespaces of its own, on an idle machine: delay_bench [RUNS [MILLISECONDS]]. Of each setting the run with the
// least p99 counts, and the median of the runs says how much the machine disturbed.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdlib>

#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

struct Run {
  double late50, late99, late_max;  // µs, by the record
  double seen50, seen99;            // µs above the delay, by the receiver
  std::uint64_t wakeups;
  bool whole;  // everything arrived, nothing was let pass
};

Run one_run(Ns delay, const Stream& stream) {
  Bed bed;
  if (delay != 0) bed.play({{.delay = delay, .protocol = "udp", .ingress = false}});
  const auto got = send_stream(bed.near(5000), bed.far(7000), stream);
  Run run{};
  run.seen50 = static_cast<double>(got.quantile(0.5) - delay) / kMicrosecond;
  run.seen99 = static_cast<double>(got.quantile(0.99) - delay) / kMicrosecond;
  run.whole = got.all.size() == got.asked;
  if (delay == 0) return run;
  const auto c = bed.finish()[0];
  run.late50 = c.lateness.p50;
  run.late99 = c.lateness.p99;
  run.late_max = c.lateness.max;
  run.whole &= c.passed_by_safety == 0 && c.lateness.count == got.asked;
  run.wakeups = bed.line.wakeups;
  return run;
}

void lateness(const char* what, Ns delay, const Stream& stream, int runs) {
  std::vector<Run> all;
  for (int i = 0; i < runs; i++) all.push_back(one_run(delay, stream));
  std::erase_if(all, [](const Run& r) { return !r.whole; });
  if (all.empty()) return fmt::print("| {} | {} ms | no run was whole |\n", what, delay / kMillisecond);
  const auto by = [&](double Run::*value) {
    std::sort(all.begin(), all.end(), [=](const Run& a, const Run& b) { return a.*value < b.*value; });
  };
  by(delay == 0 ? &Run::seen99 : &Run::late99);
  const Run &best = all.front(), &middle = all[all.size() / 2];
  fmt::print("| {} | {} ms | {:.0f} / {:.0f} / {:.0f} | {:.0f} / {:.0f} | {:.0f} / {:.0f} | {} of {} |\n", what,
             delay / kMillisecond, best.late50, best.late99, best.late_max, best.seen50, best.seen99, middle.late50,
             middle.late99, all.size(), runs);
  fflush(stdout);
}

void onset(int runs) {
  std::vector<double> errors;
  for (int i = 0; i < runs; i++) {
    Bed bed;
    const faults::Window window{150 * kMillisecond, 400 * kMillisecond};
    bed.play({{.delay = 10 * kMillisecond, .protocol = "udp", .ingress = false, .window = window}});
    send_stream(bed.near(5000), bed.far(7000), {.count = 6000, .gap = 50 * kMicrosecond});
    const auto c = bed.finish()[0];
    if (c.first_affected) errors.push_back(static_cast<double>(*c.first_affected - window.start) / kMicrosecond);
  }
  std::sort(errors.begin(), errors.end());
  if (errors.empty()) return fmt::print("no onset was seen\n");
  fmt::print(
      "\nOnset, a packet each 50 µs: {:.0f} µs at best, {:.0f} µs in the median run, {:.0f} µs at worst, of {} runs\n",
      errors.front(), errors[errors.size() / 2], errors.back(), errors.size());
}

}  // namespace
}  // namespace faultline::test

int main(int argc, char** argv) {
  using namespace faultline;
  using namespace faultline::test;
  const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  const Ns only = argc > 2 ? std::atoi(argv[2]) * kMillisecond : -1;
  prctl(PR_SET_TIMERSLACK, 1);
  fmt::print(
      "| traffic | delay | late: p50 / p99 / max, µs | receiver, above the delay: p50 / p99, µs | median run: p50 / "
      "p99, µs | whole runs |\n"
      "|---|---|---|---|---|---|\n");
  for (const Ns delay : {Ns{0}, kMillisecond, 10 * kMillisecond, 100 * kMillisecond}) {
    if (only >= 0 && delay != only) continue;
    lateness("200 packets/s", delay, {.count = 300, .gap = 5 * kMillisecond}, runs);
    lateness("1,000 packets/s", delay, {.count = 1500, .gap = kMillisecond}, runs);
    lateness("10,000 packets/s", delay, {.count = 10000, .gap = 100 * kMicrosecond}, runs);
  }
  if (only < 0) onset(runs);
}
