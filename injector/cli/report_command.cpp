// `faultline report RUN` and `faultline compare RUN RUN`: a record looked at again. Neither needs privilege.
#include <unistd.h>
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "injector/cli/app.h"
#include "injector/record/derive.h"
#include "injector/record/summary.h"
#include "injector/report/compare.h"

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

Exit report(const ReportArguments& arguments) {
  const auto outcome = record::derive(arguments.run);
  if (arguments.json) fmt::print("{}\n", outcome.summary.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else fmt::print("{}", record::render_outcome(outcome, arguments.run, isatty(STDOUT_FILENO) == 1));
  return Exit::passed;
}

nlohmann::json summary_of(const std::string& run) {
  const record::Recording recording = record::read_recording(std::filesystem::path(run));
  return record::summarize(recording, record::judge(recording));
}

Exit compare(const CompareArguments& arguments) {
  const auto comparison = report::compare(summary_of(arguments.first), summary_of(arguments.second));
  if (arguments.json) fmt::print("{}\n", comparison.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else fmt::print("{}", report::render_comparison(comparison));
  return Exit::passed;
}

}  // namespace

void setup_report(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command = app.add_subcommand("report", "Judges a recorded run again, and makes its summary.json, junit.xml and report.html anew from the journal");
  command->add_option("RUN", arguments->run, "the run's folder")->required();
  command->add_flag("--json", arguments->json, "prints the summary as JSON");
  command->callback([&context, arguments] { context.chosen = [arguments] { return report(*arguments); }; });
}

void setup_compare(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand("compare", "Puts two recorded runs side by side: hypotheses, success and latency by phase");
  command->add_option("A", arguments->first, "a run's folder")->required();
  command->add_option("B", arguments->second, "the other's")->required();
  command->add_flag("--json", arguments->json, "prints the comparison as JSON");
  command->callback([&context, arguments] { context.chosen = [arguments] { return compare(*arguments); }; });
}

}  // namespace faultline::cli
