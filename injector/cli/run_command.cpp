#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "injector/base/clock.h"
#include "injector/base/file_text.h"
#include "injector/base/text.h"
#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/plan_arguments.h"
#include "injector/cli/playing.h"
#include "injector/cli/terminal.h"
#include "injector/cli/words.h"
#include "injector/explain/explain.h"
#include "injector/record/json_fields.h"
#include "injector/report/arms.h"
#include "injector/report/markdown.h"
#include "injector/run/arms.h"
#include "injector/run/folder.h"
#include "injector/run/preflight.h"
#include "injector/serve/serving.h"

namespace faultline::cli {
namespace {

struct RunArguments {
  std::string plan, at;
  bool steps = false;
  unsigned again = 0;  ///< how often an inconclusive run is tried again
  std::string serve, token_file;
  PlanArguments reading;
  Playing playing;
};

Ns read_instant(const std::string& text) {
  if (const auto wall = wall_of(text)) return *wall;
  throw Failure(Exit::invalid,
                fmt::format("--at {}: not an RFC 3339 instant; write for example 2026-11-22T10:00:00Z", text));
}

/// What starts this program wherever it is typed: a binary that was called by its path is found by nothing else.
std::string this_program() {
  const std::string called = program_invocation_name;
  if (called.find('/') == std::string::npos) return "faultline";
  return std::filesystem::absolute(called).lexically_normal().string();
}

/// What repeats the run: all that was given, but for its beginning and what it leaves behind. The plan by its full
/// path, so that the folder does not matter in which it is typed.
std::vector<std::string> repeating(const CLI::App& sub, const std::string& path) {
  auto words = given_words(sub, {"--seed", "--at", "--out", "--json", "--quiet", "--annotate", "--retry-inconclusive",
                                 "--serve", "--serve-token-file", "--notify"});
  const auto make_whole = [](std::string& word, std::size_t begin) {
    word.replace(begin, std::string::npos, std::filesystem::absolute(word.substr(begin)).lexically_normal());
  };
  if (!words.empty() && path == words.front()) make_whole(words.front(), 0);
  for (std::size_t i = 0; i + 1 < words.size(); i++)
    if (words[i] == "--with")
      make_whole(words[i + 1], 0);
    else if (words[i] == "--var-file")
      make_whole(words[i + 1], words[i + 1].find('=') + 1);  // name=FILE
  words.insert(words.begin(), {this_program(), "run"});
  return words;
}

/// Runs until a run says something, in a process for each: the last has the folder that was asked for, and those that
/// said nothing are kept beside it.
Exit run_until_conclusive(const RunArguments& arguments, const CLI::App& sub, const plan::Parsed& parsed) {
  namespace fs = std::filesystem;
  if (!arguments.at.empty())
    throw Failure(Exit::invalid, "--at is the instant of one run: it does not go with --retry-inconclusive");
  run::check_privileges();
  fs::path out = arguments.playing.out;
  if (!out.empty()) out = fs::absolute(out / "").lexically_normal().parent_path();  // "out/" and "." have no name
  const fs::path folder = run::make_arms_folder(parsed.plan.name, out);
  const auto words = child_words("run", given_words(sub, {"--out", "--json", "--annotate", "--retry-inconclusive"}),
                                 {"--out", folder.string()});
  for (unsigned left = arguments.again;; left--) {
    const auto played = run::play_arm(words);
    if (!fs::exists(folder / "journal.jsonl"))
      throw Failure(played.exit, "there is no record of the run, for the reason that stands above");
    const auto outcome = report::derive(folder);
    run::give_to_user(folder);
    if (outcome.exit != Exit::inconclusive || left == 0 || played.stopped)
      return tell(outcome, folder, arguments.playing, parsed.judged_by());
    fs::path kept;
    for (int number = 1; kept.empty() || fs::exists(kept); number++)
      kept = fmt::format("{}.inconclusive-{}", folder.string(), number);
    fs::rename(folder, kept);
    fs::create_directory(folder);
    for (const auto& reason : outcome.summary.reasons) print(stderr, shown("inconclusive: {}\n", reason));
    print(stderr, shown("Tried again, {} more at most. Its record: {}\n", left, kept.string()));
  }
}

/// Every arm in a process and a folder of its own, under one seed.
Exit run_arms(const RunArguments& arguments, const CLI::App& sub, plan::Parsed parsed) {
  if (!arguments.at.empty())
    throw Failure(Exit::invalid,
                  "--at is the instant of one run, and this plan has several arms: choose one with --arm");
  report::Arms arms;
  arms.name = parsed.plan.name;
  arms.title = parsed.plan.title;
  arms.seed = parsed.plan.seed_given ? parsed.plan.seed : new_seed();
  const std::string path = parsed.plan.path;
  const auto read = arguments.reading.read_arms(path);
  if (!read.back().ok()) return tell_mistakes(read.back(), arguments.playing);  // before the first is played
  std::vector<std::string> names;
  for (const auto& arm : parsed.plan.arms) {
    names.push_back(arm.name);
    arms.arms.emplace_back().arm = arm.name;
  }
  run::check_privileges();
  const auto folder = run::make_arms_folder(arms.name, arguments.playing.out);
  report::begin_arms(folder, arms);
  const auto words = given_words(sub, {"--seed", "--out", "--arm", "--json", "--annotate"});
  for (std::size_t i = 0; i < names.size(); i++) {
    if (!arguments.playing.quiet) print(stderr, shown("\nArm {} ({} of {})\n", names[i], i + 1, names.size()));
    const auto played = run::play_arm(child_words(
        "run", words, {"--arm", names[i], "--seed", std::to_string(arms.seed), "--out", (folder / names[i]).string()}));
    const bool recorded = std::filesystem::exists(folder / names[i] / "journal.jsonl");
    if (!recorded) {
      arms.arms[i].exit_code = static_cast<int>(played.exit);
      report::begin_arms(folder, arms);
    }
    // What a guard stopped says something of its arm alone. The rest would keep the next arm from being played as well.
    const bool by_guard = recorded && played.exit == Exit::aborted && report::stopped_by_guard(folder / names[i]);
    if (played.stopped || (played.exit >= Exit::invalid && !by_guard)) break;
  }
  const auto outcome = report::derive_arms(folder);
  run::give_to_user(folder);
  annotate(arguments.playing, outcome.summaries, outcome.not_played, path);
  if (arguments.playing.json)
    print_json(record::to_json(outcome.arms));
  else
    print(stdout, report::render_arms(outcome, folder, look_of_stdout().color));
  return outcome.exit;
}

constexpr const char* kMakeOne = "`openssl rand -hex 16` makes a token";

/// From the file, or the environment; empty: there is none.
std::string serve_token(const RunArguments& arguments) {
  std::string token;
  if (!arguments.token_file.empty()) {
    if (const auto why = read_file(arguments.token_file, Readable::anything, token); !why.empty())
      throw Failure(Exit::invalid, fmt::format("--serve-token-file {}: {}", arguments.token_file, why));
  } else if (const char* given = std::getenv("FAULTLINE_SERVE_TOKEN")) {
    token = given;
  }
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back()))) token.pop_back();
  if (token.empty() && !arguments.token_file.empty())
    throw Failure(Exit::invalid, fmt::format("--serve-token-file {}: it is empty; {}", arguments.token_file, kMakeOne));
  return token;
}

std::optional<serve::Wish> serving(const RunArguments& arguments) {
  const std::string token = serve_token(arguments);
  if (arguments.serve.empty()) {
    if (!arguments.token_file.empty())
      throw Failure(Exit::invalid, "--serve-token-file is of --serve, which is not given");
    return {};
  }
  constexpr std::size_t kLeastToken = 16;
  const auto address = serve::read_address(arguments.serve);
  if (!address.value) throw Failure(Exit::invalid, fmt::format("--serve: {}; {}", address.error, address.hint));
  if (token.empty() && !address.value->loopback)
    throw Failure(
        Exit::invalid,
        fmt::format("--serve {}: others reach it there, and there is no token: give --serve-token-file FILE, or "
                    "FAULTLINE_SERVE_TOKEN in the environment",
                    arguments.serve));
  if (!token.empty() && token.size() < kLeastToken)
    throw Failure(Exit::invalid, fmt::format("--serve: the token has {} characters; {} are needed: {}", token.size(),
                                             kLeastToken, kMakeOne));
  return serve::Wish{*address.value, token};
}

/// What a run touches that was put on services of somebody's own is said before it touches them.
void tell_bound(const plan::Parsed& parsed, const Playing& how) {
  if (!parsed.ok() || !parsed.bound || how.quiet) return;
  for (const auto& line : explain::bound_names(parsed)) print(stderr, shown("Bound: {}\n", line));
  const auto engine = run::choose_engine(engine_named(how.engine), pen::probe_features());
  print(stderr, shown("Blast radius: {}\n", explain::explain(parsed.plan, engine, false).blast_radius));
  print(stderr, Visible(plan::render_remarks(parsed)));
}

Exit run_plan(const RunArguments& arguments, const CLI::App& sub, const std::vector<std::string>& command) {
  run::RunOptions options;
  options.serve = serving(arguments);
  if (!arguments.at.empty()) options.at = read_instant(arguments.at);
  notify::Destinations to;  // each arm reads it again; all must be right before the first is played
  if (const auto read = read_notify(arguments.playing, to); !read.ok()) return tell_mistakes(read, arguments.playing);
  const std::string path = find_plan(arguments.plan);
  auto parsed = arguments.reading.read(path);
  if (parsed.ok() && arguments.reading.arm.empty() && !parsed.plan.arms.empty())
    return run_arms(arguments, sub, std::move(parsed));
  if (arguments.again == 0) tell_bound(parsed, arguments.playing);
  if (parsed.ok() && arguments.again > 0) return run_until_conclusive(arguments, sub, parsed);
  if (parsed.ok() && options.at && *options.at < wall_now())
    throw Failure(Exit::invalid, fmt::format("--at {}: that instant is in the past", arguments.at));
  options.repeat = repeating(sub, path);
  options.steps = arguments.steps;
  ::unsetenv("FAULTLINE_SERVE_TOKEN");  // nothing that the run starts shall see it; a process for each arm has to
  options.command = command;
  return play(std::move(parsed), arguments.playing, std::move(options));
}

}  // namespace

void setup_run(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* sub = app.add_subcommand("run", "Run an experiment plan: baseline, faults, recovery, verdict");
  sub->add_option("PLAN", arguments->plan, "The plan, a TOML file (docs/plan.md), or the name of a shipped experiment")
      ->required();
  sub->add_option("--at", arguments->at, "Begin at this instant, e.g. to start several machines together")
      ->type_name("RFC3339");
  sub->add_flag("--step", arguments->steps,
                "Wait before each fault until Enter is pressed; meanwhile the run's clock stands still");
  sub->add_option(
         "--serve", arguments->serve,
         fmt::format("While it runs, show a live page and /metrics for Prometheus at this address of this machine; "
                     "default {}",
                     serve::kDefaultAddress))
      ->expected(0, 1)
      ->default_str(serve::kDefaultAddress)
      ->type_name("ADDRESS");
  sub->add_option("--serve-token-file", arguments->token_file,
                  "Who asks must know what this file says; needed beyond loopback. Or FAULTLINE_SERVE_TOKEN")
      ->type_name("FILE");
  sub->add_option("--retry-inconclusive", arguments->again,
                  "Play an inconclusive run again, so many times at most; its record is kept")
      ->check(CLI::Range(0, 10).description(""))
      ->type_name("N");
  arguments->reading.add_to(*sub);
  arguments->playing.add_to(*sub);
  arguments->playing.add_notify_to(*sub);
  arguments->playing.add_annotate_to(*sub);
  sub->footer("The exit status tells the verdict: see `faultline --help`.");
  sub->callback([arguments, sub, &context] {
    context.chosen = [arguments, sub, &context] { return run_plan(*arguments, *sub, context.command); };
  });
}

}  // namespace faultline::cli
