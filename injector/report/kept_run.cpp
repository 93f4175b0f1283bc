#include "injector/report/kept_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "injector/base/file_text.h"
#include "injector/record/json_fields.h"
#include "injector/record/sample_batch.h"
#include "injector/report/derive.h"

namespace faultline::report {
namespace {

/// A phase cut into blocks, of which none is shorter than `least`.
class Cut {
 public:
  Cut(const record::Phase& phase, Ns least)
      : phase_(phase),
        count_(std::clamp<std::size_t>(static_cast<std::size_t>((phase.end - phase.start) / least), 1, kMostBlocks)) {}
  std::size_t count() const { return count_; }
  /// The block that an instant of the phase belongs to.
  std::size_t at(Ns when) const {
    const double share = static_cast<double>(when - phase_.start) / static_cast<double>(phase_.end - phase_.start);
    return std::min(static_cast<std::size_t>(share * static_cast<double>(count_)), count_ - 1);
  }

 private:
  const record::Phase& phase_;
  std::size_t count_;
};

/// Times by the blocks that they belong to.
class Times {
 public:
  explicit Times(std::size_t blocks) : blocks_(blocks), times_(blocks) {}
  void sent(std::size_t block, std::uint64_t count) { blocks_[block].sent += count; }
  void took(std::size_t block, Ns time, std::uint64_t count) { times_[block][record::rounded(time)] += count; }
  std::vector<KeptBlock> kept() && {
    for (std::size_t i = 0; i < blocks_.size(); i++)
      for (const auto& [time, count] : times_[i]) {
        blocks_[i].latency_ms.push_back(milliseconds(time));
        blocks_[i].answers.push_back(count);
      }
    return std::move(blocks_);
  }
  bool any() const {
    return std::any_of(blocks_.begin(), blocks_.end(), [](const KeptBlock& one) { return one.sent > 0; });
  }

 private:
  std::vector<KeptBlock> blocks_;
  std::vector<std::map<Ns, std::uint64_t>> times_;
};

KeptPhase kept_phase(const record::ProbeRecord& probe, const record::Phase& phase) {
  const Cut cut(phase, std::max(kLeastBlock, 2 * probe.every));
  Times latencies(cut.count());
  for (const record::Requests& one : record::due_in(probe, phase.start, phase.end)) {
    latencies.sent(cut.at(one.due), one.count);
    if (one.error == 0) latencies.took(cut.at(one.due), one.latency, one.count);
  }
  return {phase.name, seconds(phase.end - phase.start), std::move(latencies).kept()};
}

/// Whether a series of the target was not counted in all of the phase.
bool is_missing(const record::TelemetryRecord& record, const record::Phase& phase, std::string_view series) {
  return std::any_of(record.uncounted.begin(), record.uncounted.end(), [&](const record::events::Uncounted& lack) {
    if (lack.peer || lack.from.value_or(phase.start) >= phase.end || lack.until.value_or(phase.end) <= phase.start)
      return false;
    return lack.series.empty() || std::any_of(lack.series.begin(), lack.series.end(),
                                              [&](const std::string& one) { return series.starts_with(one); });
  });
}

KeptConnections kept_connections(const record::TelemetryRecord& record, const record::Phase& phase) {
  KeptConnections kept{phase.name, seconds(phase.end - phase.start), {}, {}, {}};
  const Cut cut(phase, kLeastBlock);
  Times rtt(cut.count()), turns(cut.count());
  for (const auto& number : kKeptNumbers)
    if (!is_missing(record, phase, number.name)) kept.numbers[number.name].resize(cut.count());
  for (const auto& bucket : record.buckets) {
    if (bucket.from < phase.start || bucket.from >= phase.end) continue;
    const std::size_t block = cut.at(bucket.from);
    for (const auto& [value, count] : bucket.rtt) {
      rtt.sent(block, count);
      rtt.took(block, value, count);
    }
    turns.sent(block, bucket.unanswered);
    if (bucket.turns)
      for (const auto& [took, count] : *bucket.turns) {
        turns.sent(block, count);
        turns.took(block, took, count);
      }
    for (const auto& number : kKeptNumbers)
      if (const auto found = kept.numbers.find(number.name); found != kept.numbers.end())
        found->second[block] += record::count_of(number.series, bucket, 0);
  }
  if (rtt.any() && !is_missing(record, phase, "rtt")) kept.rtt = std::move(rtt).kept();
  if (turns.any() && !is_missing(record, phase, "turns")) kept.turns = std::move(turns).kept();
  return kept;
}

/// Of a probe, or a target: its part in each phase, and in the whole run.
template <class Keep>
auto by_phase(const record::Recording& recording, Keep keep_one) {
  std::vector<decltype(keep_one(record::Phase()))> kept;
  for (const auto& phase : record::phases(recording)) kept.push_back(keep_one(phase));
  if (const auto whole = record::find_phase(recording, kWholeRun)) kept.push_back(keep_one(*whole));
  return kept;
}

std::vector<KeptRun> read_baseline(const std::filesystem::path& path, const std::string& text) {
  const auto refuse = [&](const char* why) -> Failure {
    return {Exit::invalid, fmt::format("{} is no baseline that can be read: {}", path.string(), why)};
  };
  Baseline baseline;
  try {
    const auto object = nlohmann::json::parse(text);
    // First: what another version means by a field, this one does not know.
    if (object.value("version", nlohmann::json()) != Baseline().version)
      throw refuse("it is of another version of Faultline; keep the runs again");
    baseline = record::from_json<Baseline>(object);
  } catch (const nlohmann::json::exception&) {
    throw refuse("it is damaged");
  }
  if (baseline.runs.empty()) throw refuse("it holds no run");
  const auto look_at = [&](const std::vector<KeptBlock>& blocks) {
    for (const auto& block : blocks)
      if (block.latency_ms.size() != block.answers.size() ||
          !std::is_sorted(block.latency_ms.begin(), block.latency_ms.end()))
        throw refuse("it is damaged");
  };
  for (const auto& run : baseline.runs) {
    for (const auto& probe : run.probes)
      for (const auto& phase : probe.phases) look_at(phase.blocks);
    for (const auto& target : run.telemetry)
      for (const auto& phase : target.phases) {
        look_at(phase.rtt);
        look_at(phase.turns);
      }
  }
  return std::move(baseline.runs);
}

/// By its first key, so that one that ends in the middle is told from a damaged summary, too.
bool is_baseline(const std::string& text) {
  const auto at = text.find_first_not_of(" \t\r\n{");
  return at != std::string::npos && text.compare(at, 6, "\"runs\"") == 0;
}

}  // namespace

const KeptPhase* KeptRun::find(const std::string& probe, const std::string& phase) const {
  for (const auto& one : probes)
    if (one.name == probe)
      for (const auto& part : one.phases)
        if (part.phase == phase) return &part;
  return nullptr;
}

const KeptConnections* KeptRun::find_connections(const std::string& target, const std::string& phase) const {
  for (const auto& one : telemetry)
    if (one.target == target)
      for (const auto& part : one.phases)
        if (part.phase == phase) return &part;
  return nullptr;
}

KeptRun keep(const record::Recording& recording) {
  KeptRun run;
  run.summary = summarize(recording, record::judge(recording));
  for (const auto& probe : recording.probes)
    run.probes.push_back(
        {probe.name, by_phase(recording, [&](const auto& phase) { return kept_phase(probe, phase); })});
  for (const auto& target : recording.telemetry)
    run.telemetry.push_back(
        {target.target, by_phase(recording, [&](const auto& phase) { return kept_connections(target, phase); })});
  return run;
}

std::vector<KeptRun> read_kept(const std::filesystem::path& path) {
  std::vector<KeptRun> runs;
  std::string text;
  if (!std::filesystem::is_regular_file(path))
    runs.push_back(keep(record::read_recording(path)));
  else if (read_file(path.string(), Readable::regular_file, text).empty() && is_baseline(text))
    runs = read_baseline(path, text);
  else
    runs.push_back({read_summary(path), {}, {}, {}});  // it says why, where the file cannot be read
  for (auto& run : runs) run.where = path.string();
  return runs;
}

std::string baseline_document(const std::vector<KeptRun>& runs) {
  Baseline baseline;
  baseline.runs = runs;
  std::string out;
  record::append_json(out, record::to_json(baseline));
  return out + "\n";
}

}  // namespace faultline::report
