#include "injector/cli/plan_arguments.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <limits>

#include "injector/base/error.h"
#include "injector/base/file_text.h"
#include "injector/base/secrets.h"
#include "injector/plan/values.h"

namespace faultline::cli {

void PlanArguments::add_to(CLI::App& app) {
  app.add_option("--seed", seed, "Seed of every random decision; default: the plan's, else a new one that is recorded")
      ->type_name("N");
  app.add_option("--scale", scale,
                 "Compress the timeline: 1:30 makes 30 minutes one; delays, rates and timeouts stay as they are")
      ->type_name("1:N");
  app.add_option("--var", variables, "Replace ${key} in the plan's strings; its default stands in [vars]")
      ->type_name("key=value")
      ->allow_extra_args(false);  // or it would swallow the plan that follows
  app.add_option("--var-file", variable_files,
                 "The same with what a file holds, without its last line's end: a secret, which --var would show to "
                 "everybody on this machine; it is masked as one")
      ->type_name("key=FILE")
      ->allow_extra_args(false);
  app.add_option("--set", settings, "Give a fault another value than the plan does: --set jitter.delay=300ms")
      ->type_name("FAULT.KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--arm", arm, "Of a plan with [arms]: which of them; default: for run all, one after another")
      ->type_name("NAME");
  app.add_option("--bind", bindings.given,
                 "Put the plan's faults on services of yours, without its lab: payment=unit=pay.service, ... "
                 "(docs/own-services.md); may be repeated")
      ->type_name("NAME=KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--with", bindings.with, "With --bind: your own probes, hypotheses, guards and events")
      ->type_name("FILE");
  app.add_flag("--bound-only", bindings.bound_only,
               "With --bind: leave out what is not bound, of a fault and as a whole");
}

namespace {

/// A variable's value, which may be a secret: nothing of it is told. The file is read again for each arm and each run
/// of a series, which a pipe does not bear.
std::string value_in(const std::string& path) {
  constexpr std::size_t kLongest = 64 << 10;
  const auto refuse = [&](const std::string& why) -> Failure {
    return {Exit::invalid, fmt::format("--var-file: {} {}", path, why)};
  };
  std::string text;
  if (const std::string why = read_file(path, Readable::regular_file, text); !why.empty())
    throw refuse("cannot be read: " + why);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) throw refuse("is empty: it is to hold the variable's value");
  if (text.size() > kLongest) throw refuse("is longer than 64 KiB: is it the right file?");
  if (text.find('\0') != std::string::npos) throw refuse("holds a NUL character: is it the right file?");
  return text;
}

}  // namespace

plan::Parsed PlanArguments::read(const std::string& path, const plan::ParseOptions& options) const {
  return bindings.empty() ? plan::parse_file(path, options) : sketch::parse_bound(path, options, bindings);
}

std::vector<plan::Parsed> PlanArguments::read_arms(const std::string& path) const {
  auto as = options();
  std::vector<plan::Parsed> all{read(path, as)};
  if (!as.arm.empty()) return all;
  const auto arms = all.front().plan.arms;  // it was read as the first
  for (std::size_t i = 1; i < arms.size() && all.back().ok(); i++) {
    as.arm = arms[i].name;
    all.push_back(read(path, as));
  }
  return all;
}

plan::ParseOptions PlanArguments::options() const {
  plan::ParseOptions options;
  options.arm = arm;
  if (!seed.empty()) {
    std::int64_t number = 0;  // what a plan's `seed` takes as well, so that one can be written into the plan
    const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), number);
    if (error != std::errc() || end != seed.data() + seed.size() || number < 0)
      throw Failure(Exit::invalid, fmt::format("--seed {}: write a whole number from 0 to {}", seed,
                                               std::numeric_limits<std::int64_t>::max()));
    options.seed = static_cast<std::uint64_t>(number);
  }
  if (!scale.empty()) {
    const auto read = plan::read_scale(scale);
    if (!read.value)
      throw Failure(Exit::invalid,
                    fmt::format("--scale {}: {}{}", scale, read.error, read.hint.empty() ? "" : "; " + read.hint));
    options.scale = *read.value;
  }
  const auto read_pairs = [](const std::vector<std::string>& texts, const char* option, const char* example,
                             auto& into) {
    for (const auto& text : texts) {
      const auto equals = text.find('=');
      if (equals == std::string::npos || equals == 0)
        throw Failure(Exit::invalid,
                      fmt::format("{} {}: write {} {}", option, without_secrets_in(text), option, example));
      into[text.substr(0, equals)] = text.substr(equals + 1);
    }
  };
  read_pairs(variables, "--var", "name=value", options.variables);
  std::map<std::string, std::string> files;
  read_pairs(variable_files, "--var-file", "name=FILE", files);
  for (const auto& [name, path] : files) {
    if (options.variables.contains(name))
      throw Failure(Exit::invalid, fmt::format("--var-file {}: --var gives it a value as well; leave one out", name));
    options.variables[name] = value_in(path);
    options.from_files.insert(name);
  }
  read_pairs(settings, "--set", "FAULT.KEY=VALUE", options.settings);
  return options;
}

}  // namespace faultline::cli
