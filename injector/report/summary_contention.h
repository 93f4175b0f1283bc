// How busy the machine was that a run was on, as the summary has it.
#pragma once

#include <optional>
#include <tuple>

#include "injector/record/contention_fields.h"
#include "injector/record/recording.h"

namespace faultline::report {

struct Waits {
  double ran_s = 0, waited_s = 0;
  std::optional<double> mean_ms, worst_ms;

  static constexpr const char* shape = "waits for a CPU";
  static constexpr auto fields = std::tuple{
      record::field("ran_s", &Waits::ran_s, "how long they had a CPU, all threads together"),
      record::field("waited_s", &Waits::waited_s, "how long they had something to do and no CPU, likewise"),
      record::field("mean_ms", &Waits::mean_ms, "how long they waited each time, on average; null: they did nothing"),
      record::field("worst_ms", &Waits::worst_ms, "the same in the worst second")};
};

struct Contention {
  Waits own, programs;
  std::optional<double> cpu, io, memory;

  static constexpr const char* shape = "contention";
  static constexpr auto fields = std::tuple{
      record::field("own", &Contention::own, "Faultline's threads"),
      record::field("programs", &Contention::programs, "what it started: the lab's services, programs of probes"),
      record::field("cpu", &Contention::cpu,
                    "share of the run in which anything on this machine waited for a CPU (`/proc/pressure/cpu`); null: "
                    "not known"),
      record::field("io", &Contention::io, "likewise for a disk"),
      record::field("memory", &Contention::memory, "likewise for memory")};
};

/// Nothing where the journal has nothing of it.
std::optional<Contention> contention_of(const record::Recording& recording);

}  // namespace faultline::report
