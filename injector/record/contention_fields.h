// How long programs waited for a CPU, as the journal has it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>

#include "injector/base/units.h"
#include "injector/record/fields.h"

namespace faultline::record {

/// What the scheduler did for some threads (run queue latency): /proc/PID/task/TID/schedstat,
/// Documentation/scheduler/sched-stats.rst.
struct CpuWaits {
  std::uint64_t turns = 0;
  Ns ran = 0, waited = 0, longest = 0;

  void add(const CpuWaits& other) {
    turns += other.turns;
    ran += other.ran;
    waited += other.waited;
    longest = std::max(longest, other.longest);
  }
  /// Of a journal, which may be anybody's: what a run of days and thousands of threads can have come to.
  bool plausible() const {
    constexpr Ns kMost = Ns{1} << 52;
    const auto fits = [](Ns time) { return time >= 0 && time <= kMost; };
    return fits(ran) && fits(waited) && fits(longest);
  }
  /// How long a thread that had something to do waited for a CPU, on average, ns; 0: none had.
  double mean() const { return turns == 0 ? 0 : static_cast<double>(waited) / static_cast<double>(turns); }

  static constexpr const char* shape = "waits for a CPU";
  static constexpr auto fields =
      std::tuple{field("turns", &CpuWaits::turns, "how often a thread of theirs got a CPU"),
                 field("ran", &CpuWaits::ran, "for how long they had one, ns, all threads together"),
                 field("waited", &CpuWaits::waited, "how long they had something to do and none, likewise"),
                 field("longest", &CpuWaits::longest, "of that, what the one thread waited that waited longest")};
};

namespace events {

struct Contention {
  Ns from = 0, length = 0;
  CpuWaits own = {}, programs = {};
  std::optional<Ns> cpu = {}, io = {}, memory = {};

  static constexpr const char* event = "contention";
  static constexpr const char* means =
      "how long threads waited for a CPU meanwhile, about once a second; a program that lived for less than that is "
      "not "
      "in it";
  static constexpr auto fields = std::tuple{
      field("from", &Contention::from, "since when"),
      field("length", &Contention::length, "for how long, ns"),
      field("own", &Contention::own, "Faultline's own threads"),
      field("programs", &Contention::programs, "what it has started: services of the lab, programs of probes"),
      seldom("cpu", &Contention::cpu,
             "ns of it in which anything on this machine waited for a CPU: \"some\" of /proc/pressure/cpu; absent "
             "where the kernel does not say"),
      seldom("io", &Contention::io, "likewise for a disk"),
      seldom("memory", &Contention::memory, "likewise for memory")};
};

}  // namespace events
}  // namespace faultline::record
