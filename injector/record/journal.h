// The journal: one JSON object a line, append-only, the only truth about a run. summary.json, junit.xml and reports are
// derived from it and can be made again (derive.h). Every line has "at" (RFC 3339 UTC, microseconds), "mono" (CLOCK_MONOTONIC
// ns), "t" (ns since T0, once T0 is known) and "event". docs/journal.md lists the events.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "injector/base/clock.h"
#include "injector/base/fd.h"
#include "injector/probe/probe.h"

namespace faultline::record {

class Journal {
 public:
  /// Creates FOLDER/journal.jsonl; it must not exist.
  explicit Journal(const std::filesystem::path& folder);
  ~Journal();

  void set_epoch(Ns epoch);
  /// Thread-safe; buffered, written by a thread of its own so that no caller waits for a disk.
  void event(const std::string& name, nlohmann::json fields = nlohmann::json::object());
  /// {"event":"sample","probe":"pay","due":…,"late":…,"latency":…,"ok":true|false,"error":"…"}
  void sample(const std::string& probe_name, const probe::Sample& sample);
  /// Writes everything out. Throws what went wrong, e.g. ENOSPC, once and for all.
  void flush();
  /// True once a write failed: the run must heal and end with Exit::failed. Cheap, for polling.
  bool failed() const;
  std::string failure() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string rfc3339(Ns wall);

}  // namespace faultline::record
