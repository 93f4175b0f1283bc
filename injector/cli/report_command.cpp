// `faultline report RUN` and `faultline compare RUN RUN`: a record looked at again. Neither needs privilege.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "injector/base/text.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/terminal.h"
#include "injector/cli/words.h"
#include "injector/record/json_fields.h"
#include "injector/report/arms.h"
#include "injector/report/compare.h"
#include "injector/report/derive.h"
#include "injector/report/margin.h"
#include "injector/report/margin_map.h"
#include "injector/report/summary.h"

namespace faultline::cli {
namespace {

struct ReportArguments {
  std::string run;
  bool json = false;
};

struct CompareArguments {
  std::vector<std::string> runs, baseline;
  std::string keep, html, markdown, least;
  bool json = false;
};

Exit report_arms(const ReportArguments& arguments) {
  const auto outcome = report::derive_arms(arguments.run);
  if (arguments.json)
    print_json(record::to_json(outcome.arms));
  else
    print(stdout, report::render_arms(outcome, arguments.run, look_of_stdout().color));
  return Exit::passed;
}

/// Its own record; the runs' folders are those of runs.
Exit report_margin(const ReportArguments& arguments, const report::Margin& margin) {
  report::write_margin(arguments.run, margin);
  if (arguments.json)
    print_json(record::to_json(margin));
  else
    print(stdout, report::render_margin(margin, arguments.run, look_of_stdout().color));
  return Exit::passed;
}

Exit report_margin_map(const ReportArguments& arguments, report::MarginMap map) {
  report::write_margin_map(arguments.run, map);
  if (arguments.json)
    print_json(record::to_json(map));
  else
    print(stdout, report::render_margin_map(map, arguments.run, look_of_stdout().color));
  return Exit::passed;
}

Exit report(const ReportArguments& arguments) {
  report::Outcome outcome;
  try {
    if (std::filesystem::exists(std::filesystem::path(arguments.run) / report::kArmsFile))
      return report_arms(arguments);
    if (const auto margin = report::read_margin(arguments.run)) return report_margin(arguments, *margin);
    if (const auto map = report::read_margin_map(arguments.run)) return report_margin_map(arguments, *map);
    outcome = report::derive(arguments.run);
  } catch (const std::system_error& e) {
    throw Failure(e.code() == std::errc::no_space_on_device ? Exit::failed : Exit::cannot_run,
                  fmt::format("the record cannot be made anew: {}", e.what()));
  }
  if (arguments.json)
    print_json(record::to_json(outcome.summary));
  else
    print(stdout, report::render_outcome(outcome, arguments.run, look_of_stdout().color));
  return Exit::passed;
}

/// Of all the paths, in the order given.
std::vector<report::KeptRun> kept_runs(const std::vector<std::string>& paths) {
  std::vector<report::KeptRun> all;
  for (const auto& path : paths)
    for (auto& run : report::read_kept(path)) all.push_back(std::move(run));
  return all;
}

void put(const std::string& file, const std::string& text) {
  try {
    report::replace_file(file, text);
  } catch (const std::system_error& e) {
    throw Failure(Exit::cannot_run, fmt::format("the comparison cannot be written: {}", e.what()));
  }
}

report::CompareRules rules_of(const CompareArguments& arguments) {
  report::CompareRules rules;
  if (arguments.least.empty()) return rules;
  rules.least_change = read_share("--least", arguments.least, true);
  return rules;
}

Exit compare(const CompareArguments& arguments) {
  const auto rules = rules_of(arguments);
  auto before = kept_runs(arguments.baseline), after = kept_runs(arguments.runs);
  if (!arguments.keep.empty()) {
    if (!before.empty()) throw Failure(Exit::invalid, "--keep keeps the runs that are given; leave out --baseline");
    put(arguments.keep, report::baseline_document(after));
    if (!arguments.json)
      print(stdout, shown("{} kept in {}\n", after.size() == 1 ? "1 run" : fmt::format("{} runs", after.size()),
                          arguments.keep));
    return Exit::passed;
  }
  if (before.empty()) {
    if (after.size() < 2) throw Failure(Exit::invalid, "one run alone: give another to compare it with, or --baseline");
    before.assign(after.begin(), after.end() - 1);
    after.erase(after.begin(), after.end() - 1);
  }
  const auto comparison = report::compare(before, after, rules);
  if (!arguments.html.empty()) put(arguments.html, report::comparison_page(comparison));
  if (!arguments.markdown.empty()) put(arguments.markdown, report::comparison_markdown(comparison));
  if (arguments.json)
    print_json(record::to_json(comparison));
  else
    print(stdout, for_locale(report::render_comparison(comparison), look_of_stdout().utf8));
  return static_cast<Exit>(comparison.exit_code);
}

constexpr const char* kReportFooter =
    "Exit status: 0, whatever the verdict; 3 no run folder, or no journal in it; 4 the folder cannot be written.";

}  // namespace

void setup_report(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* sub = app.add_subcommand(
      "report",
      "Judge a recorded run again, and make its summary.json, junit.xml and report.html anew from its record");
  sub->add_option("RUN", arguments->run, "The folder of a run, of several arms, or of a margin")->required();
  sub->add_flag("--json", arguments->json, "Print the summary as JSON");
  sub->footer(kReportFooter);
  sub->callback([&context, arguments] { context.chosen = [arguments] { return report(*arguments); }; });
}

void setup_compare(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* sub = app.add_subcommand(
      "compare", "Tell whether runs got better or worse, or whether it is noise; exit status 1 if worse");
  sub->add_option(
         "RUN", arguments->runs,
         "A run's folder, which is judged anew; a baseline; or a summary.json. Of several, the last is compared "
         "with all before it")
      ->required();
  sub->add_option("--baseline", arguments->baseline,
                  "What to compare every RUN with: another, or a file made by --keep. Once for each")
      ->type_name("RUN")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->add_option("--keep", arguments->keep, "Keep the runs as a baseline in this file, instead of comparing them")
      ->type_name("FILE");
  sub->add_option("--least", arguments->least, "What changed by less is noise; default 10%")->type_name("SHARE");
  sub->add_option("--html", arguments->html, "Write the comparison as a page to this file")->type_name("FILE");
  sub->add_option("--markdown", arguments->markdown, "Write it for a pull request to this file")->type_name("FILE");
  sub->add_flag("--json", arguments->json, "Print the comparison as JSON");
  sub->footer(
      "Exit status: 0 better, or noise; 1 worse; 2 nothing could be judged, such as of inconclusive runs; 3 no run "
      "folder; 4 a file cannot be written.");
  sub->callback([&context, arguments] { context.chosen = [arguments] { return compare(*arguments); }; });
}

}  // namespace faultline::cli
