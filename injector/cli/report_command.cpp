// `faultline report RUN` and `faultline compare RUN RUN`: a record looked at again. Neither needs privilege.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "injector/base/text.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/terminal.h"
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
  std::string first, second;
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

report::Summary summary_of(const std::string& run) {
  if (std::filesystem::is_regular_file(run)) return report::read_summary(run);
  const record::Recording recording = record::read_recording(std::filesystem::path(run));
  return report::summarize(recording, record::judge(recording));
}

Exit compare(const CompareArguments& arguments) {
  const auto comparison = report::compare(summary_of(arguments.first), summary_of(arguments.second));
  if (arguments.json)
    print_json(record::to_json(comparison));
  else
    print(stdout, for_locale(report::render_comparison(comparison), look_of_stdout().utf8));
  return Exit::passed;
}

constexpr const char* kReportFooter =
    "Exit status: 0, whatever the verdict; 3 no run folder, or no journal in it; 4 the folder cannot be written.";

}  // namespace

void setup_report(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* sub = app.add_subcommand(
      "report",
      "Judge a recorded run again, and make its summary.json, junit.xml and report.html anew from the journal");
  sub->add_option("RUN", arguments->run, "The folder of a run, of several arms, or of a margin")->required();
  sub->add_flag("--json", arguments->json, "Print the summary as JSON");
  sub->footer(kReportFooter);
  sub->callback([&context, arguments] { context.chosen = [arguments] { return report(*arguments); }; });
}

void setup_compare(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* sub =
      app.add_subcommand("compare", "Put two recorded runs side by side: hypotheses, success and latency by phase");
  sub->add_option("A", arguments->first, "A run's folder, which is judged anew, or a summary.json as it stands")
      ->required();
  sub->add_option("B", arguments->second, "The other's")->required();
  sub->add_flag("--json", arguments->json, "Print the comparison as JSON");
  sub->footer(kReportFooter);
  sub->callback([&context, arguments] { context.chosen = [arguments] { return compare(*arguments); }; });
}

}  // namespace faultline::cli
