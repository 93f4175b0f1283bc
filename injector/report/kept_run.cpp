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

KeptPhase kept_phase(const record::ProbeRecord& probe, const record::Phase& phase) {
  KeptPhase kept{phase.name, seconds(phase.end - phase.start), {}};
  const Ns length = phase.end - phase.start, block = std::max(kLeastBlock, 2 * probe.every);
  const auto count = std::clamp<std::size_t>(static_cast<std::size_t>(length / block), 1, kMostBlocks);
  std::vector<std::map<Ns, std::uint64_t>> latencies(count);
  kept.blocks.resize(count);
  for (const record::Requests& one : record::due_in(probe, phase.start, phase.end)) {
    const double share = static_cast<double>(one.due - phase.start) / static_cast<double>(length);
    const auto which = std::min(static_cast<std::size_t>(share * static_cast<double>(count)), count - 1);
    kept.blocks[which].sent += one.count;
    if (one.error == 0) latencies[which][record::rounded(one.latency)] += one.count;
  }
  for (std::size_t i = 0; i < count; i++)
    for (const auto& [latency, answers] : latencies[i]) {
      kept.blocks[i].latency_ms.push_back(milliseconds(latency));
      kept.blocks[i].answers.push_back(answers);
    }
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
  for (const auto& run : baseline.runs)
    for (const auto& probe : run.probes)
      for (const auto& phase : probe.phases)
        for (const auto& block : phase.blocks)
          if (block.latency_ms.size() != block.answers.size() ||
              !std::is_sorted(block.latency_ms.begin(), block.latency_ms.end()))
            throw refuse("it is damaged");
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

KeptRun keep(const record::Recording& recording) {
  KeptRun run;
  run.summary = summarize(recording, record::judge(recording));
  for (const auto& probe : recording.probes) {
    KeptProbe kept{probe.name, {}};
    for (const auto& phase : record::phases(recording)) kept.phases.push_back(kept_phase(probe, phase));
    if (const auto whole = record::find_phase(recording, kWholeRun)) kept.phases.push_back(kept_phase(probe, *whole));
    run.probes.push_back(std::move(kept));
  }
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
    runs.push_back({read_summary(path), {}, {}});  // it says why, where the file cannot be read
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
