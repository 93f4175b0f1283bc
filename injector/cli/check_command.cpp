#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/mistakes.h"
#include "injector/cli/plan_arguments.h"
#include "injector/cli/playing.h"
#include "injector/cli/terminal.h"
#include "injector/lab/lacking.h"
#include "injector/plan/values.h"
#include "injector/report/checked_plan.h"

namespace faultline::cli {
namespace {

struct CheckArguments {
  std::vector<std::string> plans;
  PlanArguments reading;
  std::string annotate, junit;
  bool json = false, here = false;
};

/// A plan as each of its arms: the first that is wrong, or the first of all; and what any of them lacks here.
struct Checked {
  plan::Parsed parsed;
  std::vector<lab::Lack> lacks;
};
Checked check_arms(const std::string& path, const PlanArguments& reading, bool here) {
  auto arms = reading.read_arms(path);
  if (!arms.back().ok()) return {std::move(arms.back()), {}};
  Checked checked{arms.front(), {}};
  const auto add = [](auto& all, auto& more) {
    for (auto& one : more) {
      const auto same = [&](const auto& other) { return other.at.line == one.at.line && other.message == one.message; };
      if (std::none_of(all.begin(), all.end(), same)) all.push_back(std::move(one));
    }
  };
  for (auto& arm : arms) {
    add(checked.parsed.remarks, arm.remarks);
    if (!here) continue;
    auto lacks = lab::lacking(arm.plan);
    add(checked.lacks, lacks);
  }
  return checked;
}

/// "shop.toml: ok: 2 probes, …"
std::string summary_of(const std::string& path, const plan::Plan& p) {
  return shown("{}: ok: {} probe{}, {} fault{}, {} hypothes{}s, {}{} long\n", path, p.probes.size(),
               p.probes.size() == 1 ? "" : "s", p.faults.size(), p.faults.size() == 1 ? "" : "s", p.hypotheses.size(),
               p.hypotheses.size() == 1 ? "i" : "e",
               p.arms.empty() ? "" : fmt::format("{} arm{}, each ", p.arms.size(), p.arms.size() == 1 ? "" : "s"),
               plan::format_duration(p.duration))
      .bytes();
}

report::CheckedPlan found_in(const std::string& path, const Checked& checked) {
  report::CheckedPlan found{path, checked.parsed.diagnostics, {}, {}};
  if (!checked.parsed.ok()) found.told = plan::render(checked.parsed);
  const std::string& own = checked.parsed.bound ? checked.parsed.judged_by() : path;  // bound, it has no lab
  for (const auto& lack : checked.lacks) {
    found.lacks.push_back({lack.at, lack.message, lack.help, false, own == path ? "" : own});
    found.told +=
        shown("{}:{}: {}{}\n", own, lack.at.line, lack.message, lack.help.empty() ? "" : " (hint: " + lack.help + ")")
            .bytes();
  }
  return found;
}

/// For a CI server. A file that cannot be written is an error: somebody waits for it.
void tell_ci(const CheckArguments& arguments, const std::vector<report::CheckedPlan>& all) {
  if (!arguments.annotate.empty())
    for (const auto& plan : all) print(arguments.json ? stderr : stdout, Visible(report::github_annotations(plan)));
  if (arguments.junit.empty()) return;
  std::ofstream file(arguments.junit, std::ios::binary | std::ios::trunc);
  file << report::junit_xml(all);
  file.close();
  if (!file) throw Failure(Exit::cannot_run, fmt::format("--junit {}: it cannot be written", arguments.junit));
}

Exit check_plans(const CheckArguments& arguments) {
  Exit status = Exit::passed;
  nlohmann::json json = nlohmann::json::array();
  std::vector<report::CheckedPlan> all;
  for (const auto& path : arguments.plans) {
    Checked checked;
    try {
      checked = check_arms(find_plan(path), arguments.reading, arguments.here);
    } catch (const Failure& failure) {  // unreadable: the other plans are still looked at
      status = Exit::invalid;
      const std::string why = failure.what();
      all.push_back({path, {{{}, why, {}, false, {}}}, {}, why + "\n"});
      if (arguments.json)
        json.push_back({{"plan", path}, {"ok", false}, {"diagnostics", {{{"message", why}}}}});
      else
        print(stderr, why + "\n");
      continue;
    }
    const bool ok = checked.parsed.ok();
    if (!ok) status = Exit::invalid;
    if (!checked.lacks.empty() && status == Exit::passed) status = Exit::cannot_run;
    all.push_back(found_in(path, checked));
    if (arguments.json) {
      json.push_back(findings_json(checked.parsed, path));
      for (const auto& lack : checked.lacks)
        json.back()["lacking"].push_back({{"line", lack.at.line}, {"message", lack.message}, {"hint", lack.help}});
      continue;
    }
    if (ok) {
      print(stdout, summary_of(path, checked.parsed.plan));
      print(stdout, plan::render_remarks(checked.parsed));
    }
    print(stderr, all.back().told);
  }
  if (arguments.json) print_json(json);
  tell_ci(arguments, all);
  return status;
}

}  // namespace

void setup_check(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* sub = app.add_subcommand("check", "Check plans without touching anything; needs no privilege");
  sub->add_option("PLAN", arguments->plans, "Plans to check, or names of shipped experiments")->required();
  arguments->reading.add_to(*sub);
  sub->add_flag("--json", arguments->json, "Print the findings as JSON");
  sub->add_flag("--here", arguments->here,
                "Look on this machine, too, for the programs, users and files that labs and exec probes need");
  add_annotate(*sub, arguments->annotate, "Mark mistakes for a CI server as well: github prints workflow commands");
  sub->add_option("--junit", arguments->junit, "Write what was found as JUnit, too")->type_name("FILE");
  sub->footer("Exit status: 0 all are valid, 3 one is not; with --here 4 when something is not on this machine.");
  sub->callback([arguments, &context] { context.chosen = [arguments] { return check_plans(*arguments); }; });
}

}  // namespace faultline::cli
