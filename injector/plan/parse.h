// From a TOML file to a Plan, or to every mistake in it. Parsing never stops at the first mistake: each is a Diagnostic
// with its place, what is wrong and what would be right. (A TOML syntax error is reported alone: nothing after it can
// be trusted.) One pass per concern, a file each: document, targets, probes, faults, hypotheses, lab, names.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::plan {

struct ParseOptions {
  std::optional<std::uint64_t> seed = {};             ///< --seed
  std::optional<double> scale = {};                   ///< --scale 1:30 is 30; absent: scaled values as written
  std::map<std::string, std::string> variables = {};  ///< --var key=value, --var-file key=FILE
  std::set<std::string> from_files = {};              ///< of these: whose value nobody else is to see (--var-file)
  std::map<std::string, std::string> settings = {};   ///< --set FAULT.KEY=VALUE
  std::string arm = {};                               ///< --arm; empty: the first that the plan has
};

struct Diagnostic {
  SourcePlace at;
  std::string message;    ///< what is wrong, in one sentence, naming the key
  std::string hint;       ///< what would be right; may be empty
  bool not_yet = false;   ///< the language reserves it, this version cannot do it
  std::string file = {};  ///< that the place is in; empty: the plan
};

/// What became of a plan whose faults were put on targets of the user's own (injector/sketch/bound.h).
struct Binding {
  /// Each name of the outage that is bound, and the target that stands for it; several for a name bound to several.
  std::vector<std::pair<std::string, std::string>> names;
  std::vector<std::string> left_out;  ///< faults whose ends are not bound
  std::string with;                   ///< the file that probes, hypotheses, guards and events are from; may be empty
};

struct Parsed {
  Plan plan;                             ///< meaningful only if there are no diagnostics
  std::vector<Diagnostic> diagnostics;   ///< in order of place
  std::vector<Diagnostic> remarks = {};  ///< not mistakes, but worth knowing
  /// The texts that diagnostics are about, by file (empty: the plan's own), where that is not plan.text alone.
  std::map<std::string, std::string> sources = {};
  std::optional<Binding> bound = {};  ///< of a plan that was bound
  bool ok() const { return diagnostics.empty(); }
  /// The file that what judges the run is from: hypotheses, guards, and the probes that they ask.
  const std::string& judged_by() const { return bound && !bound->with.empty() ? bound->with : plan.path; }
};

/// Reads and checks a file. Throws Failure(invalid) only if it cannot be read at all.
Parsed parse_file(const std::string& path, const ParseOptions& options = {});
/// The same for a text; `path` is used in messages and for ${plan_dir}.
Parsed parse_text(std::string text, const std::string& path, const ParseOptions& options = {});

/// "plan.toml:12:7: error: …\n    hint: …" for each diagnostic, then a count. With the source line and a caret below.
std::string render(const Parsed& parsed);
/// "plan.toml:12:1: remark: …" for each remark.
std::string render_remarks(const Parsed& parsed);

}  // namespace faultline::plan
