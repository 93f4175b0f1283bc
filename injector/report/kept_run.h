// A run as a comparison needs it: its summary, and of each probe and phase the requests by *blocks*, short spans of
// time one after another. Requests that follow one another share a fate, so that chance is in how blocks differ and not
// in how requests do. Made from a journal, or read back from a baseline, a small file in which runs are kept.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "injector/record/recording.h"
#include "injector/report/summary.h"

namespace faultline::report {

/// The requests that were due in one block, of any of its length.
struct KeptBlock {
  std::uint64_t sent = 0;
  std::vector<double> latency_ms;      ///< ascending, each once, within 0.8 %
  std::vector<std::uint64_t> answers;  ///< how many of each

  static constexpr auto fields =
      std::tuple{field("sent", &KeptBlock::sent, "requests that were due in it"),
                 field("latency_ms", &KeptBlock::latency_ms, "of those that succeeded, ascending, each value once"),
                 field("answers", &KeptBlock::answers, "how many had each of these latencies")};
};

struct KeptPhase {
  std::string phase;
  double length_s = 0;
  std::vector<KeptBlock> blocks;  ///< of equal length

  static constexpr auto fields = std::tuple{field("phase", &KeptPhase::phase, "its name"),
                                            field("length_s", &KeptPhase::length_s, "how long it lasted"),
                                            field("blocks", &KeptPhase::blocks, "equal parts of it, in their order")};
};

struct KeptProbe {
  std::string name;
  std::vector<KeptPhase> phases;

  static constexpr auto fields =
      std::tuple{field("name", &KeptProbe::name, "its name"),
                 field("phases", &KeptProbe::phases, "the requests of each phase, and of the whole `run`")};
};

/// What was counted of a target's connections in a phase, by blocks of time as requests are.
struct KeptConnections {
  std::string phase;
  double length_s = 0;
  std::vector<KeptBlock> rtt;    ///< of values
  std::vector<KeptBlock> turns;  ///< of turns; those that were not answered are among the sent
  std::map<std::string, std::vector<std::uint64_t>> numbers;

  static constexpr auto fields = std::tuple{
      field("phase", &KeptConnections::phase, "its name"),
      field("length_s", &KeptConnections::length_s, "how long it lasted"),
      field("rtt", &KeptConnections::rtt, "smoothed round-trip times, by equal parts of it, in their order"),
      field("turns", &KeptConnections::turns, "how long answers took, likewise; empty: not asked for"),
      field("numbers", &KeptConnections::numbers,
            "{series: [number in each of these parts]} of what goes wrong; what was not counted is not there")};
};

struct KeptTarget {
  std::string target;
  std::vector<KeptConnections> phases;

  static constexpr auto fields =
      std::tuple{field("target", &KeptTarget::target, "whose connections"),
                 field("phases", &KeptTarget::phases, "what became of them in each phase, and in the whole `run`")};
};

struct KeptRun {
  Summary summary;
  std::vector<KeptProbe> probes;      ///< empty: only its summary was kept
  std::string where;                  ///< as it was given on the command line; not kept
  std::vector<KeptTarget> telemetry;  ///< of targets whose connections were counted

  static constexpr const char* shape = "kept run";
  static constexpr auto fields =
      std::tuple{field("summary", &KeptRun::summary, "as in its [summary.json](summary.md)"),
                 field("probes", &KeptRun::probes, "what each probe saw, by blocks of time"),
                 field("telemetry", &KeptRun::telemetry, "what became of each target's connections, likewise")};

  const KeptPhase* find(const std::string& probe, const std::string& phase) const;
  const KeptConnections* find_connections(const std::string& target, const std::string& phase) const;
};

/// The file of a baseline.
struct Baseline {
  unsigned version = 1;
  std::vector<KeptRun> runs;

  static constexpr auto fields = std::tuple{field("version", &Baseline::version, "of this file's fields: 1"),
                                            field("runs", &Baseline::runs, "what is kept, in the order given")};
};

/// A block lasts half a second, or two of the probe's requests, and a phase has at most 40 of them.
inline constexpr Ns kLeastBlock = 500 * kMillisecond;
inline constexpr std::size_t kMostBlocks = 40;

/// Kept beside its phases: in the whole of a run, less of a change is told from chance.
inline constexpr const char* kWholeRun = "run";

/// Numbers of connections that are kept: of each it is known that more of it is worse.
struct KeptNumber {
  const char* name;  ///< as a plan has it
  plan::Series series;
};
inline constexpr KeptNumber kKeptNumbers[] = {{"connections.failed", plan::Series::failed},
                                              {"retransmits", plan::Series::retransmits},
                                              {"timeouts", plan::Series::timeouts},
                                              {"resets.sent", plan::Series::resets_sent},
                                              {"resets.received", plan::Series::resets_received},
                                              {"turns.unanswered", plan::Series::unanswered}};

KeptRun keep(const record::Recording& recording);
/// A run's folder, judged anew; a baseline with all of its runs; or a summary.json as it stands. Throws
/// Failure(invalid) for what is none of these.
std::vector<KeptRun> read_kept(const std::filesystem::path& path);
/// The text of a baseline's file.
std::string baseline_document(const std::vector<KeptRun>& runs);

}  // namespace faultline::report
