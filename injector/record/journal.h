// The journal: one JSON object a line, append-only, the only truth about a run. summary.json, junit.xml and reports are
// derived from it and can be made again (derive.h). Every line has "at" (RFC 3339 UTC, microseconds), "mono"
// (CLOCK_MONOTONIC ns), "t" (ns since T0, once T0 is known) and "event". schema.h has the events, docs/journal.md lists
// them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/fd.h"
#include "injector/probe/probe.h"
#include "injector/record/json_fields.h"

namespace faultline::record {

class Journal {
 public:
  /// What may wait for the disk, in bytes. Callers are never held up; beyond it the journal has failed.
  static constexpr std::size_t kDefaultLimit = 256u << 20;

  /// Creates FOLDER/journal.jsonl; it must not exist.
  explicit Journal(const std::filesystem::path& folder, std::size_t limit = kDefaultLimit);
  ~Journal();  ///< writes out what is left; never throws

  void set_epoch(Ns epoch);
  /// From `t` after T0 on the run's clock stands still, as the kernel's does (fl_control.hold_at); empty: it goes on.
  void hold_at(std::optional<Ns> t);
  /// Instants since T0 at which a phase begins or ends, and the probes too fast to be journalled request by request:
  /// theirs go out as "samples", a histogram per 100 ms that never crosses an edge. Before the first sample.
  void set_batching(std::vector<Ns> edges, std::vector<std::string> fast_probes);
  /// Texts that what is said to probes must not show, each as "***".
  void set_secrets(std::vector<std::string> secrets);
  /// A text with "***" for these.
  std::string without_secrets(std::string text) const;
  /// Hears of each line as it is written, at this CLOCK_REALTIME. Called with the journal's lock held: quick, and no
  /// call of the journal. Empty: nobody listens any more.
  using Listener = std::function<void(const char* event, std::string_view line, Ns wall)>;
  void listen(Listener listener);
  /// An event of schema.h. Thread-safe; buffered, written by a thread of its own so that no caller waits for a disk.
  /// Once the journal has failed it does nothing.
  template <class Event>
  void write(const Event& event) {
    std::string fields;
    append_fields(fields, event);
    write_line(Event::event, fields);
  }
  /// A request, at once or in a batch.
  void sample(const std::string& probe_name, const probe::Sample& sample);
  /// Writes everything out, to the disk itself (fdatasync). Throws what went wrong, e.g. ENOSPC, once and for all.
  void flush();
  /// True once a write failed: the run must heal and end with Exit::failed. Cheap, for polling.
  bool failed() const;
  std::string failure() const;

 private:
  void write_line(const char* event, const std::string& fields);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::record
