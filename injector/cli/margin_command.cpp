// `faultline margin PLAN --vary FAULT.KEY --from A --to B`: how much of a fault the service bears. Each run is a
// process of its own, as an arm is.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "injector/base/secrets.h"
#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/margin.h"
#include "injector/cli/terminal.h"
#include "injector/cli/words.h"
#include "injector/plan/values.h"
#include "injector/record/json_fields.h"
#include "injector/report/arms.h"
#include "injector/report/derive.h"
#include "injector/report/margin.h"
#include "injector/run/arms.h"
#include "injector/run/folder.h"
#include "injector/run/margin_search.h"
#include "injector/run/preflight.h"

namespace faultline::cli {
namespace {

/// What is varied: a duration, a probability or a rate, all of one sort.
struct Quantity {
  std::optional<double> (*read)(const std::string& text);
  std::string (*written)(double value);
};

template <class T, Read<T> (*reader)(std::string_view)>
std::optional<double> read_as(const std::string& text) {
  const auto read = reader(text);
  return read.value ? std::optional(static_cast<double>(*read.value)) : std::nullopt;
}

constexpr Quantity kQuantities[] = {
    {read_as<Ns, plan::read_duration>, [](double value) { return plan::format_duration(static_cast<Ns>(value)); }},
    {read_as<double, plan::read_probability>, [](double value) { return plan::format_probability(value); }},
    {read_as<double, plan::read_rate>, [](double value) { return plan::format_rate(value); }}};

const Quantity& quantity_of(const MarginArguments& arguments) {
  for (const auto& quantity : kQuantities)
    if (quantity.read(arguments.from) && quantity.read(arguments.to)) return quantity;
  throw Failure(Exit::invalid, fmt::format("--from {} --to {}: write two durations, two probabilities or two rates: "
                                           "--from 10ms --to 2s, --from 0% --to 30%, --from 100mbit --to 1mbit",
                                           arguments.from, arguments.to));
}

/// What one run says of its value.
report::MarginRun judged(const std::filesystem::path& folder, double value, const std::string& text, Exit exit) {
  report::MarginRun run;
  run.value = value;
  run.text = text;
  run.folder = folder.filename();
  run.exit_code = static_cast<int>(exit);
  run.verdict = report::kNotPlayed;
  if (!std::filesystem::exists(folder / "journal.jsonl")) return run;
  const report::Summary s = report::derive(folder).summary;
  run.verdict = s.verdict;
  for (const auto& h : s.hypotheses)
    if (h.held == false) run.broken.push_back(h.name);  // whatever an arm is expected to break
  const bool by_guard = exit == Exit::aborted && s.abort && s.abort->by == "guard";
  if (by_guard) run.broken.push_back(s.abort->reason);
  const bool told = exit == Exit::passed || exit == Exit::deviated || by_guard;
  run.tried = !told ? "unknown" : run.broken.empty() ? "held" : "broken";
  for (const auto& probe : s.probes)
    for (const auto& phase : probe.phases) {
      if (phase.phase == "baseline" || phase.phase == "recovery" || phase.sent == 0) continue;
      const double success = static_cast<double>(phase.ok) / static_cast<double>(phase.sent);
      run.success = std::min(run.success.value_or(1), success);
    }
  return run;
}

run::Tried tried(const report::MarginRun& run) {
  return run.tried == "held" ? run::Tried::held : run.tried == "broken" ? run::Tried::broken : run::Tried::unknown;
}

const char* word_of(run::MarginSearch::End end) {
  using End = run::MarginSearch::End;
  switch (end) {
    case End::found:
      return "found";
    case End::none_held:
      return "none held";
    case End::all_held:
      return "all held";
    case End::unknown:
      break;
  }
  return "unknown";
}

class MarginPlayer {
 public:
  MarginPlayer(const MarginArguments& arguments, const CLI::App& sub)
      : arguments_(arguments),
        quantity_(quantity_of(arguments)),
        from_(*quantity_.read(arguments.from)),
        to_(*quantity_.read(arguments.to)),
        search_(from_, to_, read_share("--within", arguments.within, true)),
        words_(given_words(sub, kOfTheSearch)) {
    if (from_ == to_) throw Failure(Exit::invalid, "--from and --to are equal: nothing is between them");
    least_ = arguments.least.empty() ? std::nullopt : quantity_.read(arguments.least);
    if (!arguments.least.empty() && !least_)
      throw Failure(Exit::invalid, fmt::format("--min {}: write it as --from and --to are", arguments.least));
  }

  Exit play() {
    if (const Exit wrong = check_plan(); wrong != Exit::passed) return wrong;
    run::check_privileges();
    take_up();
    while (const auto value = search_.next()) {
      const auto stopped = try_value(*value);
      if (stopped) return told(*stopped);
    }
    const auto found = search_.margin();
    margin_.end = word_of(found.end);
    if (found.held) margin_.held = quantity_.written(*found.held);
    if (found.broken) margin_.broken = quantity_.written(*found.broken);
    return told(verdict(found));
  }

 private:
  /// Both ends must be values that the fault takes.
  Exit check_plan() {
    const std::string path = find_plan(arguments_.plan);
    auto options = arguments_.reading.options();
    for (const auto& end : {arguments_.from, arguments_.to}) {
      options.settings[arguments_.vary] = end;
      const auto parsed = arguments_.reading.read(path, options);
      if (!parsed.ok()) return tell_mistakes(parsed, arguments_.playing);
      if (options.arm.empty() && !parsed.plan.arms.empty())
        throw Failure(Exit::invalid, "the plan has several arms: choose one with --arm");
      if (parsed.plan.hypotheses.empty())
        throw Failure(Exit::invalid, "the plan has no [[hypotheses]]: nothing says what the service must bear");
      margin_.title = parsed.plan.title;
      margin_.plan = std::filesystem::absolute(path).lexically_normal();
      margin_.fingerprint = report::fingerprint_of(parsed.plan);
      name_ = parsed.plan.name;
      margin_.seed = parsed.plan.seed_given ? parsed.plan.seed : new_seed();
    }
    margin_.vary = arguments_.vary;
    margin_.from = arguments_.from;
    margin_.to = arguments_.to;
    margin_.within = arguments_.within;
    margin_.options = played_options(words_);
    return Exit::passed;
  }

  /// A new folder, or one in which the same search was broken off.
  void take_up() {
    if (const auto before =
            arguments_.playing.out.empty() ? std::nullopt : report::read_margin(arguments_.playing.out)) {
      refuse_another_search(arguments_, *before, margin_, "search");
      margin_ = *before;
      margin_.end.clear();
      folder_ = arguments_.playing.out;
      for (const auto& run : margin_.runs) search_.add(run.value, tried(run));
      return;
    }
    folder_ = run::make_arms_folder(name_ + "-margin", arguments_.playing.out);
    report::write_margin(folder_, margin_);
  }

  /// The status to end with, where no more can be tried.
  std::optional<Exit> try_value(double value) {
    const std::string text = quantity_.written(value);
    std::size_t number = margin_.runs.size() + 1;
    while (std::filesystem::exists(folder_ / fmt::format("{:03}", number))) number++;  // one that was broken off
    const auto own = folder_ / fmt::format("{:03}", number);
    if (!arguments_.playing.quiet)
      print(stderr, shown("\nRun {}: {} = {}\n", margin_.runs.size() + 1, arguments_.vary, text));
    const auto played = run::play_arm(child_words(
        "run", words_,
        {"--set", arguments_.vary + "=" + text, "--seed", std::to_string(margin_.seed), "--out", own.string()}));
    auto run = judged(own, value, text, played.exit);
    if (played.stopped) return Exit::aborted;
    if (run.tried.empty() || (run.tried == "unknown" && played.exit > Exit::inconclusive)) return played.exit;
    search_.add(value, tried(run));
    margin_.runs.push_back(std::move(run));
    report::write_margin(folder_, margin_);
    return {};
  }

  Exit verdict(const run::MarginSearch::Margin& found) const {
    using End = run::MarginSearch::End;
    if (found.end == End::unknown) return Exit::inconclusive;
    if (!least_) return Exit::passed;
    if (!found.held) return Exit::deviated;
    const bool enough = from_ < to_ ? *found.held >= *least_ : *found.held <= *least_;
    return enough ? Exit::passed : Exit::deviated;
  }

  Exit told(Exit exit) {
    report::write_margin(folder_, margin_);
    run::give_to_user(folder_);
    if (arguments_.playing.json)
      print_json(record::to_json(margin_));
    else
      print(stdout, report::render_margin(margin_, folder_, look_of_stdout().color));
    return exit;
  }

  const MarginArguments& arguments_;
  const Quantity& quantity_;
  double from_, to_;
  std::optional<double> least_;
  run::MarginSearch search_;
  std::vector<std::string> words_;
  report::Margin margin_;
  std::string name_;
  std::filesystem::path folder_;
};

}  // namespace

std::string played_options(const std::vector<std::string>& given) {
  std::vector<std::string> told(given.begin() + 1, given.end());
  std::erase(told, "--quiet");  // says nothing of what is played
  return command_without_secrets(std::move(told));
}

void refuse_another_search(const MarginArguments& arguments, const report::MarginAsked& before,
                           const report::MarginAsked& now, const char* what) {
  if (const std::string other = report::asked_otherwise(before, now); !other.empty())
    throw Failure(Exit::invalid, fmt::format("--out {}: it has the record of another {}: {}; give the same, or another "
                                             "folder",
                                             arguments.playing.out, what, other));
  if (!arguments.reading.seed.empty() && before.seed != now.seed)
    throw Failure(Exit::invalid,
                  fmt::format("--seed {}: the {} that is there has seed {}", now.seed, what, before.seed));
}

void setup_margin(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<MarginArguments>();
  CLI::App* sub = app.add_subcommand("margin", "Find the largest fault at which all hypotheses hold, by halving");
  sub->add_option("PLAN", arguments->plan, "The plan, or the name of a shipped experiment")->required();
  sub->add_option("--vary", arguments->vary, "Which value of which fault, such as jitter.delay")
      ->type_name("FAULT.KEY")
      ->required();
  sub->add_option("--from", arguments->from, "The mild end, at which all hypotheses should hold")
      ->type_name("VALUE")
      ->required();
  sub->add_option("--to", arguments->to, "The severe end")->type_name("VALUE")->required();
  sub->add_option("--within", arguments->within,
                  "How near the value that holds and the one that does not must be; default 5%")
      ->type_name("SHARE");
  sub->add_option("--against", arguments->against,
                  "Search once for each of these values of another key as well, such as jitter.loss=0%,1%,5%")
      ->type_name("FAULT.KEY=VALUE,…");
  sub->add_option("--min", arguments->least, "Exit status 1 if the service bears less than this")->type_name("VALUE");
  arguments->reading.add_to(*sub);
  arguments->playing.add_to(*sub);
  sub->footer(
      "Each value is a run of the plan; both ends are tried twice. With --out of a search that was broken off, it goes "
      "on there.\nExit status: 0 the margin is told, and not below --min; 1 it is; 2 the runs do not tell; 3 to 6 as "
      "for run.");
  sub->callback([arguments, sub, &context] {
    context.chosen = [arguments, sub] {
      ::unsetenv("FAULTLINE_NOTIFY");  // it plays dozens of runs, and nobody wants to hear of each
      return arguments->against.empty() ? MarginPlayer(*arguments, *sub).play() : play_margin_map(*arguments, *sub);
    };
  });
}

}  // namespace faultline::cli
