#include "injector/cli/playing.h"
#include "injector/base/visible_text.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "injector/cli/mistakes.h"
#include "injector/cli/terminal.h"
#include "injector/cli/words.h"
#include "injector/record/json_fields.h"
#include "injector/report/checked_plan.h"
#include "injector/report/markdown.h"

namespace faultline::cli {
std::uint64_t new_seed() {
  std::uint32_t seed = 0;  // 32 bits: short enough to type again
  check("draw a seed", getrandom(&seed, sizeof seed, 0));
  return seed;
}

void add_engine(CLI::App& app, std::string& engine) {
  app.add_option("--engine", engine, "How programs are attached; default: the best this kernel has (docs/kernels.md)")
      ->check(CLI::IsMember({"tcx", "clsact"}).description(""))
      ->type_name("tcx|clsact");
}

std::optional<pen::Engine> engine_named(const std::string& name) {
  if (name == "tcx") return pen::Engine::tcx;
  if (name == "clsact") return pen::Engine::clsact;
  return {};
}

void Playing::add_to(CLI::App& app) {
  app.add_option("--out", out, "Run folder; default runs/<UTC time>-<plan>. It must be new or empty")->type_name("DIR");
  add_engine(app, engine);
  app.add_option("--tolerance", tolerance,
                 "Share of a fault's packets that may go astray with a warning alone; default: the plan's, else 0.1%")
      ->type_name("SHARE");
  app.add_option("--tolerance-of-loss", tolerance_of_loss,
                 "The same as a share of the loss that was asked; default: the plan's, else 10%")
      ->type_name("SHARE");
  app.add_flag("--json", json, "Print the record as JSON instead of the verdict for people");
  app.add_flag("--quiet", quiet, "No progress on stderr");
}

void add_annotate(CLI::App& app, std::string& annotate, const std::string& doc) {
  app.add_option("--annotate", annotate, doc)->check(CLI::IsMember({"github"}).description(""))->type_name("github");
}

void Playing::add_notify_to(CLI::App& app) {
  app.add_option(
         "--notify", notify,
         "Tell chats, Grafana and OpenTelemetry of the run, as this file says (docs/notify.md). Or FAULTLINE_NOTIFY")
      ->type_name("FILE");
}

plan::Parsed read_notify(const Playing& how, notify::Destinations& to) {
  std::string path = how.notify;
  if (const char* given = std::getenv("FAULTLINE_NOTIFY"); path.empty() && given != nullptr) path = given;
  return path.empty() ? plan::Parsed{} : notify::read_destinations(path, to);
}

void Playing::add_annotate_to(CLI::App& app) {
  add_annotate(
      app, annotate,
      "Mark what broke for a CI server as well: github prints workflow commands, and adds to the step's summary");
}

void annotate(const Playing& how, const std::vector<report::Summary>& summaries,
              const std::vector<std::string>& not_played, const std::string& plan) {
  if (how.annotate.empty()) return;
  std::FILE* to = how.json ? stderr : stdout;  // a job's log has both
  for (const auto& summary : summaries) print(to, Visible(report::github_annotations(summary, plan)));
  for (const auto& arm : not_played) print(to, Visible(report::github_not_played(arm, plan)));
  const char* path = std::getenv("GITHUB_STEP_SUMMARY");
  if (path == nullptr || *path == '\0') return;
  std::ofstream file(path, std::ios::app);
  file << report::markdown(summaries, not_played) << "\n";
  if (!file) print(stderr, shown("faultline: the step's summary could not be written to {}\n", path));
}

Exit tell(const report::Outcome& outcome, const std::filesystem::path& folder, const Playing& how,
          const std::string& plan) {
  annotate(how, {outcome.summary}, {}, plan);
  if (how.json) {
    if (outcome.exit == Exit::cannot_run)
      for (const auto& reason : outcome.summary.reasons) print(stderr, shown("faultline: {}\n", reason));
    print_json(record::to_json(outcome.summary));
  } else {
    print(stdout, report::render_outcome(outcome, folder, look_of_stdout().color));
  }
  return outcome.exit;
}

Exit tell_mistakes(const plan::Parsed& parsed, const Playing& how) {
  const Exit exit = tell_mistakes(parsed, how.json);
  if (!how.annotate.empty())
    print(how.json ? stderr : stdout,
          Visible(report::github_annotations({parsed.plan.path, parsed.diagnostics, {}, {}})));
  return exit;
}

Exit play(plan::Parsed parsed, const Playing& how, run::RunOptions options) {
  if (!parsed.ok()) return tell_mistakes(parsed, how);
  if (!how.tolerance.empty()) parsed.plan.tolerance.packets = read_share("--tolerance", how.tolerance);
  if (!how.tolerance_of_loss.empty())
    parsed.plan.tolerance.of_loss = read_share("--tolerance-of-loss", how.tolerance_of_loss);
  if (!parsed.plan.seed_given) parsed.plan.seed = new_seed();
  options.out = how.out;
  options.quiet = how.quiet;
  options.engine = engine_named(how.engine);
  if (const auto read = read_notify(how, options.notify); !read.ok()) return tell_mistakes(read, how);
  for (const auto& name : options.notify.from_environment) ::unsetenv(name.c_str());
  ::unsetenv("FAULTLINE_NOTIFY");
  const auto result = run::run(parsed.plan, options);
  for (const auto& remark : result.remarks) print(stderr, shown("faultline: {}\n", remark));
  return tell(result.outcome, result.folder, how, parsed.judged_by());
}

}  // namespace faultline::cli
