#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "faults/kind.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/list_runs.h"
#include "injector/cli/terminal.h"
#include "injector/nursery/nursery.h"
#include "injector/plan/parse.h"
#include "injector/plan/programs.h"
#include "injector/plan/values.h"

namespace faultline::cli {
namespace {

using nlohmann::json;

struct ListArguments {
  std::string what;
  bool json = false, names = false;
};

json experiments() {
  json all = json::array();
  for (const auto& path : shipped_experiments()) {
    const auto parsed = plan::parse_file(path);
    json one{{"path", path}, {"ok", parsed.ok()}};
    const auto& plan = parsed.plan;
    one["name"] = plan.name;
    one["title"] = plan.title;
    if (parsed.ok()) {
      std::set<std::string_view> kinds;
      for (const auto& fault : plan.faults) kinds.insert(fault.kind->name);
      one["duration"] = plan::format_duration(plan.duration);
      one["duration_s"] = static_cast<double>(plan.duration) / kSecond;
      one["needs"] = plan::programs_of(plan, nursery::is_known);
      one["kinds"] = kinds;
    }
    all.push_back(std::move(one));
  }
  return all;
}

json kinds() {
  json all = json::array();
  for (const auto& kind : faults::catalogue()) {
    json keys = json::array();
    for (const auto& key : kind.keys)
      keys.push_back({{"name", key.name},
                      {"doc", key.doc},
                      {"example", key.example},
                      {"required", key.required},
                      {"default", key.fallback},
                      {"choices", key.choices}});
    all.push_back({{"name", kind.name}, {"summary", kind.summary}, {"keys", std::move(keys)}});
  }
  return all;
}

void print_experiments(const json& all, const screen::Look& look) {
  if (all.empty()) {
    print(stdout, shown("  none were found beside this binary\n"));
    return;
  }
  for (const auto& one : all) {
    const std::string name = one.value("name", ""), title = one.value("title", "");
    constexpr int kAt = 34;
    print(stdout, beside("  " + styled(look, "1", name), 2 + screen::columns(name), title, look.width, kAt));
    const auto below = [&](const std::string& text) { print(stdout, beside("", 0, text, look.width, kAt)); };
    if (!one.value("ok", false)) {
      below("not valid: faultline check " + name);
      continue;
    }
    const auto needs = one.at("needs").get<std::vector<std::string>>();
    below(fmt::format("{}; needs {}", one.value("duration", ""),
                      needs.empty() ? "nothing else" : fmt::format("{}", fmt::join(needs, ", "))));
  }
}

void print_kinds(const json& all, const screen::Look& look) {
  for (const auto& one : all) {
    const std::string name = one.value("name", "");
    print(stdout,
          beside("  " + styled(look, "1", name), 2 + screen::columns(name), one.value("summary", ""), look.width, 26));
  }
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
  json out = json::object();
  if (wants("experiments")) out["experiments"] = experiments();
  if (wants("kinds")) out["kinds"] = kinds();
  if (wants("runs") && arguments.json) out["runs"] = runs_json();
  if (arguments.json) {
    print_json(everything ? out : out.front());
    return Exit::passed;
  }
  const auto look = look_of_stdout();
  auto section = [&, first = true](const char* title) mutable {
    if (everything) print(stdout, shown("{}{}\n", first ? "" : "\n", styled(look, "1", title)));
    first = false;
  };
  if (out.contains("experiments")) {
    section("Experiments (faultline run NAME)");
    print_experiments(out["experiments"], look);
  }
  if (out.contains("kinds")) {
    section("Fault kinds (faultline inject KIND --help tells their keys)");
    print_kinds(out["kinds"], look);
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
