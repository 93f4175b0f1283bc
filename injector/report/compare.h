// Two runs side by side: what each hypothesis, fault and probe did in the one and in the other. For the question after
// every change: is it better now? Made from their summaries.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/base/visible_text.h"
#include "injector/report/summary.h"

namespace faultline::report {

/// What is told of each run as a whole.
struct ComparedRun {
  std::string verdict;
  int exit_code = 0;
  std::string name, title, started_at;
  std::uint64_t seed = 0;
  double scale = 1, duration_s = 0;
  std::string kernel, engine, version;

  static constexpr auto fields = std::tuple{field("verdict", &ComparedRun::verdict),
                                            field("exit_code", &ComparedRun::exit_code),
                                            field("name", &ComparedRun::name),
                                            field("title", &ComparedRun::title),
                                            field("started_at", &ComparedRun::started_at),
                                            field("seed", &ComparedRun::seed),
                                            field("scale", &ComparedRun::scale),
                                            field("duration_s", &ComparedRun::duration_s),
                                            field("kernel", &ComparedRun::kernel),
                                            field("engine", &ComparedRun::engine),
                                            field("version", &ComparedRun::version)};
};

struct ComparedHypothesis {
  std::optional<bool> held;
  std::string expected, observed;

  static constexpr auto fields =
      std::tuple{field("held", &ComparedHypothesis::held), field("expected", &ComparedHypothesis::expected),
                 field("observed", &ComparedHypothesis::observed)};
};

struct ComparedFault {
  std::string asked_text;
  std::uint64_t packets_matched = 0, packets_dropped = 0;
  TimeQuantiles applied_delay_us, lateness_us;

  static constexpr auto fields = std::tuple{
      field("asked_text", &ComparedFault::asked_text), field("packets_matched", &ComparedFault::packets_matched),
      field("packets_dropped", &ComparedFault::packets_dropped),
      field("applied_delay_us", &ComparedFault::applied_delay_us), field("lateness_us", &ComparedFault::lateness_us)};
};

struct ComparedPhase : Latency {
  std::uint64_t sent = 0;
  std::optional<double> success;

  static constexpr auto fields = std::tuple{field("sent", &ComparedPhase::sent),
                                            field("success", &ComparedPhase::success), record::Among<Latency>{}};
};

/// What has a name in either run; absent in the run that does not have it.
template <class Side>
struct Pair {
  std::string name;
  std::optional<Side> a, b;

  static constexpr auto fields = std::tuple{field("name", &Pair::name), field("a", &Pair::a), field("b", &Pair::b)};
};

struct ComparedProbe {
  std::string name;
  std::vector<Pair<ComparedPhase>> phases;

  static constexpr auto fields =
      std::tuple{field("name", &ComparedProbe::name), field("phases", &ComparedProbe::phases)};
};

struct Comparison {
  ComparedRun a, b;
  std::vector<Pair<ComparedHypothesis>> hypotheses;
  std::vector<Pair<ComparedFault>> faults;
  std::vector<ComparedProbe> probes;
  std::vector<std::string> remarks;

  static constexpr auto fields = std::tuple{field("a", &Comparison::a),
                                            field("b", &Comparison::b),
                                            field("hypotheses", &Comparison::hypotheses),
                                            field("faults", &Comparison::faults),
                                            field("probes", &Comparison::probes),
                                            field("remarks", &Comparison::remarks)};
};

Comparison compare(const Summary& a, const Summary& b);

/// The same for a terminal.
Visible render_comparison(const Comparison& comparison);

}  // namespace faultline::report
