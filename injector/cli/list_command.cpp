#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "faults/kind.h"
#include "injector/base/text.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/list_runs.h"
#include "injector/cli/plan_arguments.h"
#include "injector/cli/terminal.h"
#include "injector/nursery/nursery.h"
#include "injector/plan/parse.h"
#include "injector/plan/programs.h"
#include "injector/plan/values.h"
#include "injector/record/json_fields.h"

namespace faultline::cli {
namespace {

using record::field;
using record::seldom;

struct ListArguments {
  std::string what;
  bool json = false, names = false;
};

struct ListedArm {
  std::string name;
  std::vector<std::string> expect;
  double duration_s = 0;

  static constexpr auto fields = std::tuple{field("name", &ListedArm::name), field("expect", &ListedArm::expect),
                                            field("duration_s", &ListedArm::duration_s)};
};

struct ListedExperiment {
  std::string path, name, title;
  bool ok = false;
  std::optional<std::string> duration;  ///< this, and what follows, of one that is valid
  std::optional<double> duration_s;
  std::optional<std::vector<std::string>> needs, kinds;  ///< of all arms
  std::optional<std::vector<ListedArm>> arms;  ///< of a plan that has some; the durations above are the first's
  Ns whole = 0;                                ///< of all arms, one after another

  static constexpr auto fields =
      std::tuple{field("path", &ListedExperiment::path),          field("name", &ListedExperiment::name),
                 field("title", &ListedExperiment::title),        field("ok", &ListedExperiment::ok),
                 seldom("duration", &ListedExperiment::duration), seldom("duration_s", &ListedExperiment::duration_s),
                 seldom("needs", &ListedExperiment::needs),       seldom("kinds", &ListedExperiment::kinds),
                 seldom("arms", &ListedExperiment::arms)};
};

struct ListedKey {
  std::string name, doc, example, fallback;
  bool required = false;
  std::vector<std::string> choices;

  static constexpr auto fields =
      std::tuple{field("name", &ListedKey::name),         field("doc", &ListedKey::doc),
                 field("example", &ListedKey::example),   field("default", &ListedKey::fallback),
                 field("required", &ListedKey::required), field("choices", &ListedKey::choices)};
};

struct ListedKind {
  std::string name, summary;
  std::vector<ListedKey> keys;

  static constexpr auto fields = std::tuple{field("name", &ListedKind::name), field("summary", &ListedKind::summary),
                                            field("keys", &ListedKind::keys)};
};

/// As a plan has it.
std::vector<std::string> expected_of(const plan::Arm& arm) {
  if (arm.fails.empty()) return {"passes"};
  std::vector<std::string> words;
  for (const auto& name : arm.fails) words.push_back("fails: " + name);
  return words;
}

ListedExperiment listed_experiment(const std::string& path) {
  const auto parsed = PlanArguments{}.read_arms(path);  // arms may differ in all that a variable says
  const auto& first = parsed.front().plan;
  ListedExperiment one;
  one.path = path;
  one.name = first.name;
  one.title = first.title;
  one.ok = parsed.back().ok();
  if (!one.ok) return one;
  std::set<std::string> kinds, needs;
  for (const auto& as_arm : parsed) {
    const plan::Plan& plan = as_arm.plan;
    for (const auto& fault : plan.faults) kinds.insert(std::string(fault.kind->name));
    for (const auto& program : plan::programs_of(plan, nursery::is_known)) needs.insert(program);
    one.whole += plan.duration;
    const plan::Arm* arm = plan.chosen_arm();
    if (arm == nullptr) continue;
    if (!one.arms) one.arms.emplace();
    one.arms->push_back({arm->name, expected_of(*arm), seconds(plan.duration)});
  }
  one.duration = plan::format_duration(first.duration);
  one.duration_s = seconds(first.duration);
  one.needs.emplace(needs.begin(), needs.end());
  one.kinds.emplace(kinds.begin(), kinds.end());
  return one;
}

std::vector<ListedExperiment> listed_experiments() {
  std::vector<ListedExperiment> all;
  for (const auto& path : shipped_experiments()) all.push_back(listed_experiment(path));
  return all;
}

/// "3 arms: careful, naive, control; "
std::string arms_text(const ListedExperiment& one) {
  if (!one.arms) return "";
  std::vector<std::string> names;
  for (const auto& arm : *one.arms) names.push_back(arm.name);
  return fmt::format("{} {}: {}; ", names.size(), names.size() == 1 ? "arm" : "arms", fmt::join(names, ", "));
}

std::vector<ListedKind> listed_kinds() {
  std::vector<ListedKind> all;
  for (const auto& kind : faults::catalogue()) {
    auto& one = all.emplace_back();
    one.name = kind.name;
    one.summary = kind.summary;
    for (const auto& key : kind.keys) {
      auto& listed = one.keys.emplace_back();
      listed.name = key.name;
      listed.doc = key.doc;
      listed.example = key.example;
      listed.fallback = key.fallback;
      listed.required = key.required;
      listed.choices.assign(key.choices.begin(), key.choices.end());
    }
  }
  return all;
}

void print_experiments(const std::vector<ListedExperiment>& all, const screen::Look& look) {
  if (all.empty()) {
    print(stdout, shown("  none were found beside this binary\n"));
    return;
  }
  for (const auto& one : all) {
    constexpr int kAt = 34;
    print(stdout,
          beside("  " + styled(look, "1", one.name), 2 + screen::columns(one.name), one.title, look.width, kAt));
    const auto below = [&](const std::string& text) { print(stdout, beside("", 0, text, look.width, kAt)); };
    if (!one.ok) {
      below("not valid: faultline check " + one.name);
      continue;
    }
    below(fmt::format("{}{}{}; needs {}", arms_text(one), plan::format_duration(one.whole),
                      one.arms && one.arms->size() > 1 ? " in all" : "",
                      one.needs->empty() ? "nothing else" : fmt::format("{}", fmt::join(*one.needs, ", "))));
  }
}

void print_kinds(const std::vector<ListedKind>& all, const screen::Look& look) {
  for (const auto& one : all)
    print(stdout,
          beside("  " + styled(look, "1", one.name), 2 + screen::columns(one.name), one.summary, look.width, 26));
}

Exit list(const ListArguments& arguments) {
  if (arguments.names) {
    if (arguments.what == "runs")
      throw Failure(Exit::invalid, "--names is about experiments and kinds; `list runs --json` is for programs");
    if (arguments.what == "kinds") {
      for (const auto& kind : faults::catalogue()) print(stdout, shown("{}\n", kind.name));
    } else {
      for (const std::filesystem::path path : shipped_experiments()) print(stdout, shown("{}\n", path.stem().string()));
    }
    return Exit::passed;
  }
  const bool everything = arguments.what.empty();
  const auto wants = [&](const char* what) { return everything || arguments.what == what; };
  if (arguments.json) {
    nlohmann::json out = nlohmann::json::object();
    if (wants("experiments")) out["experiments"] = record::to_json(listed_experiments());
    if (wants("kinds")) out["kinds"] = record::to_json(listed_kinds());
    if (wants("runs")) out["runs"] = runs_json();
    print_json(everything ? out : out.front());
    return Exit::passed;
  }
  const auto look = look_of_stdout();
  auto section = [&, first = true](const char* title) mutable {
    if (everything && !first) print(stdout, "\n");
    if (everything) print(stdout, shown("{}\n", styled(look, "1", title)));
    first = false;
  };
  if (wants("experiments")) {
    section("Experiments (faultline run NAME)");
    print_experiments(listed_experiments(), look);
  }
  if (wants("kinds")) {
    section("Fault kinds (faultline inject KIND --help tells their keys)");
    print_kinds(listed_kinds(), look);
  }
  if (wants("runs")) {
    section("Runs under way");
    print(stdout, runs_text());
  }
  return Exit::passed;
}

}  // namespace

void setup_list(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ListArguments>();
  CLI::App* sub = app.add_subcommand("list", "List shipped experiments, fault kinds, and runs under way");
  sub->add_option("WHAT", arguments->what, "Only one of the lists")
      ->check(CLI::IsMember({"experiments", "kinds", "runs"}).description(""))
      ->type_name("experiments|kinds|runs");
  sub->add_flag_callback(
      "--runs", [arguments] { arguments->what = "runs"; }, "The same as `list runs`");
  sub->add_flag("--json", arguments->json, "Print JSON: an array for one list, an object for all");
  sub->add_flag("--names", arguments->names,
                "Print names only, one a line: the experiments', or those of `list kinds`");
  sub->footer("Exit status: 0.");
  sub->callback([arguments, &context] { context.chosen = [arguments] { return list(*arguments); }; });
}

}  // namespace faultline::cli
