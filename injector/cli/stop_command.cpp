#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/terminal.h"
#include "injector/run/running.h"
#include "injector/screen/row.h"

namespace faultline::cli {
namespace {

struct StopArguments {
  std::string run;
  bool all = false, json = false;
};

std::string sentence(const run::Running& run, const run::Stopped& stopped) {
  const std::string name = screen::clipped(describe(run)), folder = screen::clipped(run.folder);
  if (stopped.healed && stopped.ended)
    return fmt::format("{}: healed after {:.0f} ms; its record is complete, in {}", name, stopped.took_s * 1000,
                       folder);
  if (stopped.healed)
    return fmt::format("{}: healed after {:.0f} ms, but it has not ended yet; its record is in {}", name,
                       stopped.took_s * 1000, folder);
  if (stopped.ended)
    return fmt::format("{}: died while it was being stopped; its faults ended with it, its record in {} has no end",
                       name, folder);
  return fmt::format("{}: was asked to stop, and has not said that it healed", name);
}

struct Attempt : run::Stopped {
  Exit exit = Exit::failed;
  std::string text;
};

Attempt try_to_stop(const run::Running& run) {
  try {
    const run::Stopped stopped = run::stop(run);
    return {stopped, stopped.healed && stopped.ended ? Exit::passed : Exit::failed, sentence(run, stopped)};
  } catch (const Failure& failure) {
    return {{}, failure.status(), fmt::format("{}: {}", screen::clipped(describe(run)), failure.what())};
  }
}

Exit stop_runs(const StopArguments& arguments) {
  if (arguments.all != arguments.run.empty())
    throw Failure(Exit::invalid,
                  "say which run: `faultline stop RUN` (pid, plan or folder), or `faultline stop --all`");
  const auto runs = run::running();
  std::vector<run::Running> chosen;
  if (arguments.all)
    chosen = runs;
  else
    chosen.push_back(run::find_run(runs, arguments.run));
  Exit worst = Exit::passed;
  nlohmann::json all = nlohmann::json::array();
  for (const auto& run : chosen) {
    const Attempt attempt = try_to_stop(run);
    worst = std::max(worst, attempt.exit);
    if (!arguments.json) print(attempt.exit == Exit::passed ? stdout : stderr, shown("{}\n", attempt.text));
    all.push_back({{"pid", run.pid},
                   {"name", run.name},
                   {"folder", run.folder},
                   {"healed", attempt.healed},
                   {"ended", attempt.ended},
                   {"took_s", attempt.took_s},
                   {"message", attempt.text}});
  }
  if (arguments.json)
    print_json(all);
  else if (chosen.empty())
    print(stdout, shown("No run is under way.\n"));
  return worst;
}

}  // namespace

void setup_stop(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<StopArguments>();
  CLI::App* sub = app.add_subcommand(
      "stop", "Stop a run from another terminal: it heals at once, completes its record and ends with status 5");
  sub->add_option("RUN", arguments->run, "Its pid, the name of its plan, or its folder; see `faultline list --runs`");
  sub->add_flag("--all", arguments->all, "Every run under way that this user may stop");
  sub->add_flag("--json", arguments->json, "Print what was stopped as JSON");
  sub->footer(
      "Waits until it has healed and ended. Exit status: 0 stopped (or, with --all, there was none), 3 no such "
      "argument,\n"
      "4 no such run or no permission, 6 it died, or did not end within a minute.");
  sub->callback([arguments, &context] { context.chosen = [arguments] { return stop_runs(*arguments); }; });
}

}  // namespace faultline::cli
