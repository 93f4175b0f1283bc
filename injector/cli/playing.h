// Running a plan that has been read: the options that say how, and what is printed at the end. Shared by `run`, whose
// plan comes from a file, and `inject`, whose plan is made from options.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/error.h"
#include "injector/plan/parse.h"
#include "injector/report/derive.h"
#include "injector/run/run.h"

namespace CLI {
class App;
}

namespace faultline::cli {

/// --engine, for whatever depends on how programs are attached.
void add_engine(CLI::App& app, std::string& engine);
/// Nothing: it was not given.
std::optional<pen::Engine> engine_named(const std::string& name);

/// --annotate, for whatever says something that is worth a mark where code is reviewed.
void add_annotate(CLI::App& app, std::string& annotate, const std::string& doc);

struct Playing {
  std::string out, engine, tolerance, tolerance_of_loss;
  std::string annotate, notify;
  bool json = false, quiet = false;

  void add_to(CLI::App& app);
  void add_notify_to(CLI::App& app);
  void add_annotate_to(CLI::App& app);  ///< for what plays runs whose verdict is its own
};

/// For a CI server, where --annotate asks for it. A summary that cannot be written is said, and fails nothing.
void annotate(const Playing& how, const std::vector<report::Summary>& summaries,
              const std::vector<std::string>& not_played, const std::string& plan);
/// Prints a run's verdict, as `how` asks; its status.
Exit tell(const report::Outcome& outcome, const std::filesystem::path& folder, const Playing& how,
          const std::string& plan);
/// Of a run that was given none.
std::uint64_t new_seed();

/// Whom --notify or FAULTLINE_NOTIFY names. The answer has the mistakes in that file.
plan::Parsed read_notify(const Playing& how, notify::Destinations& to);

/// Prints the mistakes of a plan that has some, as `how` asks; Exit::invalid.
Exit tell_mistakes(const plan::Parsed& parsed, const Playing& how);
/// Prints the mistakes of a plan that has some (Exit::invalid); else runs it and prints the verdict. `options` holds
/// what is not in `how`: the instant, the variables, argv.
Exit play(plan::Parsed parsed, const Playing& how, run::RunOptions options);

}  // namespace faultline::cli
