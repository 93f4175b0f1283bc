// `faultline margin … --against FAULT.KEY=VALUE,VALUE`: the margin for each of these values. Each is a search of its
// own, by the command that one would type for it alone, so that one that was broken off goes on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "injector/cli/experiments.h"
#include "injector/cli/margin.h"
#include "injector/cli/terminal.h"
#include "injector/cli/words.h"
#include "injector/plan/values.h"
#include "injector/record/json_fields.h"
#include "injector/report/margin_map.h"
#include "injector/run/arms.h"
#include "injector/run/folder.h"
#include "injector/run/preflight.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostRows = 50;

struct Against {
  std::string path;  ///< "jitter.loss"
  std::vector<std::string> values;
};

Against read_against(const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    return Failure(Exit::invalid, fmt::format("--against {}: {}; write --against jitter.loss=0%,1%,5%", text, why));
  };
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw wrong("it has no =");
  Against against{text.substr(0, equals), {}};
  std::string_view rest = std::string_view(text).substr(equals + 1);
  while (true) {
    const auto comma = rest.find(',');
    const std::string value(plan::trim(rest.substr(0, comma)));
    if (value.empty()) throw wrong("a value is empty");
    if (std::find(against.values.begin(), against.values.end(), value) != against.values.end())
      throw wrong(value + " is there twice");
    against.values.push_back(value);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (against.values.size() > kMostRows) throw wrong(fmt::format("these are more than {} values", kMostRows));
  return against;
}

/// The plan must take every value; what it is called.
report::MarginMap check_plan(const MarginArguments& arguments, const Against& against, std::string& name) {
  report::MarginMap map;
  const std::string path = find_plan(arguments.plan);
  for (const auto& value : against.values) {
    auto options = arguments.reading.options();
    options.settings[against.path] = value;
    const auto parsed = arguments.reading.read(path, options);
    if (!parsed.ok()) {
      tell_mistakes(parsed, arguments.playing);
      throw Failure(Exit::invalid, fmt::format("--against {}: the plan does not take {}", arguments.against, value));
    }
    name = parsed.plan.name;
    map.title = parsed.plan.title;
    map.fingerprint = report::fingerprint_of(parsed.plan);
    map.seed = parsed.plan.seed_given ? parsed.plan.seed : new_seed();
  }
  map.plan = fs::absolute(path).lexically_normal();
  map.vary = arguments.vary;
  map.from = arguments.from;
  map.to = arguments.to;
  map.within = arguments.within;
  map.against = against.path;
  for (std::size_t i = 0; i < against.values.size(); i++)
    map.rows.push_back({against.values[i], fmt::format("{:02}", i + 1), {}, {}, {}});
  return map;
}

/// A new folder, or that of the same map, which was broken off.
fs::path folder_of(const MarginArguments& arguments, const std::string& name, report::MarginMap& map) {
  const fs::path& out = arguments.playing.out;
  const auto before = out.empty() ? std::nullopt : report::read_margin_map(out);
  if (!before) return run::make_arms_folder(name + "-margin", out);
  refuse_another_search(arguments, *before, map, "map");
  const auto of_rows = [](const report::MarginMap& one) {
    std::vector<std::string> values;
    for (const auto& row : one.rows) values.push_back(row.value);
    return fmt::format("{}={}", one.against, fmt::join(values, ","));
  };
  if (of_rows(*before) != of_rows(map))
    throw Failure(Exit::invalid,
                  fmt::format("--out {}: it has the record of another map: it was --against {}, and is --against {}; "
                              "give the same, or another folder",
                              out.string(), of_rows(*before), of_rows(map)));
  map.seed = before->seed;
  return out;
}

}  // namespace

Exit play_margin_map(const MarginArguments& arguments, const CLI::App& sub) {
  const Against against = read_against(arguments.against);
  std::string name;
  report::MarginMap map = check_plan(arguments, against, name);
  map.options = played_options(given_words(sub, kOfTheSearch));
  run::check_privileges();
  const fs::path folder = folder_of(arguments, name, map);
  report::write_margin_map(folder, map);
  const auto given = given_words(sub, {"--seed", "--out", "--json", "--against"});
  Exit worst = Exit::passed;
  for (const auto& row : map.rows) {
    if (!arguments.playing.quiet) print(stderr, shown("\n{} = {}\n", against.path, row.value));
    const auto played = run::play_arm(child_words("margin", given,
                                                  {"--set", against.path + "=" + row.value, "--seed",
                                                   std::to_string(map.seed), "--out", (folder / row.folder).string()}));
    report::write_margin_map(folder, map);
    worst = std::max(worst, played.exit);
    if (played.stopped || played.exit > Exit::inconclusive) break;
  }
  run::give_to_user(folder);
  if (arguments.playing.json)
    print_json(record::to_json(map));
  else
    print(stdout, report::render_margin_map(map, folder, look_of_stdout().color));
  return worst;
}

}  // namespace faultline::cli
