// `faultline inject KIND`: one fault by hand. A subcommand per kind, whose options are made from the kind's table of
// keys; the plan that they amount to is written as text and goes through the parser, so that it is checked, kept and
// reported like any other.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "faults/kind.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/explaining.h"
#include "injector/cli/playing.h"
#include "injector/cli/words.h"
#include "injector/plan/values.h"
#include "injector/probe/kind.h"
#include "injector/sketch/sketch.h"

namespace faultline::cli {
namespace {

using sketch::Line;
using sketch::toml_text;

struct InjectArguments {
  const faults::Kind* kind = nullptr;
  std::vector<std::string> on, peer;
  std::string start, length, direction, seed;
  std::map<std::string, std::string> probes;  ///< by kind
  std::string probe_every, probe_timeout, probe_from;
  bool telemetry = false;
  std::string success, p99;
  std::map<std::string, std::string> keys;  ///< of the kind and of every fault, as typed
  std::map<std::string, bool> flags;        ///< of every fault: "yes loopback", "no loopback"
  bool until_stopped = false, dry_run = false, look = false, print_plan = false;
  Playing playing;

  /// A key says itself whom it is about (the groups of a partition): --on tells where they are.
  bool names_members() const {
    return std::any_of(kind->keys.begin(), kind->keys.end(), [&](const faults::Key& key) {
      const auto given = keys.find(std::string(key.name));
      return key.type == faults::ValueType::groups && given != keys.end() && !given->second.empty();
    });
  }
  /// The target that the probe asks from, where no option says so and a plan would want to know.
  std::string from() const {
    if (!probe_from.empty()) return probe_from;
    const bool others = std::any_of(peer.begin(), peer.end(), [](const std::string& spec) {
      return !spec.starts_with("address=") && !spec.starts_with("port=");
    });
    return on.size() > 1 ? "on1" : others ? "on" : "";
  }
  /// As "kind=what"; empty: none.
  std::string probe() const {
    std::string one, first;
    for (const auto& [kind, what] : probes) {
      if (what.empty()) continue;
      if (!one.empty())
        throw Failure(
            Exit::invalid,
            fmt::format(
                "--probe-{} and --probe-{}: inject has one probe; write a plan for more, beginning with --print-plan",
                first, kind));
      one = kind + "=" + what;
      first = kind;
    }
    return one;
  }
};

/// Adds a target per spec, and returns the value that names them: "on1", or an array.
std::string add_targets(sketch::Sketch& plan, const char* option, const std::string& stem,
                        const std::vector<std::string>& specs) {
  std::string list;
  for (std::size_t i = 0; i < specs.size(); i++) {
    auto lines = sketch::target_lines(option, specs[i]);
    if (lines.empty())
      throw Failure(Exit::invalid,
                    fmt::format("{0} {1}: write how to find it, for example {0} netns={1} or {0} unit={1}.service",
                                option, specs[i]));
    const std::string name = specs.size() == 1 ? stem : fmt::format("{}{}", stem, i + 1);
    plan.tables.push_back({fmt::format("[targets.{}]", name), "", std::move(lines)});
    list += (list.empty() ? "" : ", ") + toml_text(name);
  }
  return specs.size() == 1 ? list : "[" + list + "]";
}

/// How long the run must be when no probe watches the recovery: a second more than the fault. Empty when that cannot be
/// told.
std::string duration_for(const std::string& start, const std::string& length) {
  const auto a = plan::read_duration(start), b = plan::read_duration(length);
  return a.value && b.value ? plan::format_duration(*a.value + *b.value + kSecond) : "";
}

/// Those of the keys that were given.
void add_keys(sketch::Table& fault, std::span<const faults::Key> keys,
              const std::map<std::string, std::string>& typed) {
  for (const auto& key : keys)
    if (const auto given = typed.find(std::string(key.name)); given != typed.end() && !given->second.empty())
      fault.lines.push_back({given->first, key.type == faults::ValueType::texts
                                               ? sketch::toml_texts(given->second)
                                               : sketch::toml_value(given->second, key.example)});
}

std::string plan_of(const InjectArguments& a) {
  if (a.length.empty() && !a.until_stopped)
    throw Failure(Exit::invalid,
                  "a fault needs an end: give --for 60s, or --until-stopped (Ctrl-C then ends it, exit 5)");
  const std::string probe = a.probe();
  if (probe.empty() && !(a.success + a.p99 + a.probe_every + a.probe_timeout + a.probe_from).empty())
    throw Failure(Exit::invalid, "--success, --p99 and --probe-* need a probe, such as --probe-http or --probe-tcp");
  const std::string start = !a.start.empty() ? a.start : probe.empty() ? "0s" : "5s";

  sketch::Sketch plan;
  sketch::Table top{
      "", "Written by `faultline inject`.", {{"title", toml_text(fmt::format("{} by hand", a.kind->name))}}};
  if (!a.seed.empty()) top.lines.push_back({"seed", a.seed});
  if (a.until_stopped)
    top.lines.push_back({"duration", toml_text("8760h")});
  else if (const auto duration = probe.empty() ? duration_for(start, a.length) : ""; !duration.empty())
    top.lines.push_back({"duration", toml_text(duration)});
  plan.tables.push_back(std::move(top));
  const std::string on = add_targets(plan, "--on", "on", a.on),
                    peer = a.peer.empty() ? "" : add_targets(plan, "--peer", "peer", a.peer);
  if (a.telemetry) plan.tables.front().lines.push_back({"telemetry", on});
  if (!probe.empty()) {
    sketch::Table table{"[probes.probe]", "", sketch::probe_lines(probe)};
    table.lines.push_back({"every", toml_text(a.probe_every.empty() ? "200ms" : a.probe_every)});
    if (!a.probe_timeout.empty()) table.lines.push_back({"timeout", toml_text(a.probe_timeout)});
    if (const std::string from = a.from(); !from.empty()) table.lines.push_back({"from", toml_text(from)});
    plan.tables.push_back(std::move(table));
  }
  sketch::Table fault{"[[faults]]", "", {{"kind", toml_text(a.kind->name)}}};
  if (!a.names_members()) fault.lines.push_back({"on", on});
  if (!peer.empty()) fault.lines.push_back({"peer", peer});
  if (!a.direction.empty()) fault.lines.push_back({"direction", toml_text(a.direction)});
  for (const auto& [key, yes] : a.flags)
    if (yes) fault.lines.push_back({key.substr(key.find(' ') + 1), key.starts_with("no ") ? "false" : "true"});
  add_keys(fault, plan::fault_keys(), a.keys);
  fault.lines.push_back({"start", toml_text(start)});
  fault.lines.push_back({"for", toml_text(a.until_stopped ? "run" : a.length)});
  add_keys(fault, a.kind->keys, a.keys);
  plan.tables.push_back(std::move(fault));
  if (!(a.success + a.p99).empty()) {
    sketch::Table hypothesis{
        "[[hypotheses]]", "", {{"probe", toml_text("probe")}, {"during", toml_text(a.kind->name)}}};
    if (!a.success.empty()) hypothesis.lines.push_back({"success", toml_text(a.success)});
    if (!a.p99.empty()) hypothesis.lines.push_back({"p99", toml_text(a.p99)});
    plan.tables.push_back(std::move(hypothesis));
  }
  return plan.write();
}

Exit inject(const InjectArguments& arguments, const CLI::App& sub, const std::vector<std::string>& command) {
  const std::string text = plan_of(arguments);
  const std::string path = fmt::format("inject-{}.toml", arguments.kind->name);
  auto parsed = plan::parse_text(text, path);
  if (arguments.print_plan) {
    print(stdout, text);
    if (parsed.ok()) return Exit::passed;
    print(stderr, plan::render(parsed));
    return Exit::invalid;
  }
  if (arguments.dry_run)
    return explain_parsed(parsed, arguments.playing.json, arguments.look, arguments.playing.engine);
  run::RunOptions options;
  options.command = command;
  options.repeat = given_words(sub, {"--seed", "--out", "--json", "--quiet", "--notify"});
  options.repeat.insert(options.repeat.begin(), {"faultline", "inject", std::string(arguments.kind->name)});
  return play(std::move(parsed), arguments.playing, std::move(options));
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

void add_kind(CLI::App& parent, const faults::Kind& kind, Context& context) {
  auto arguments = std::make_shared<InjectArguments>();
  arguments->kind = &kind;
  CLI::App* sub = parent.add_subcommand(std::string(kind.name), std::string(kind.summary));
  const auto text = [&](const char* name, std::string& to, const char* what, const char* type) {
    return sub->add_option(name, to, what)->type_name(type);
  };
  sub->add_option("--on", arguments->on,
                  "Where: netns=shop, unit=payment.service, ... (docs/plan.md, targets); may be repeated")
      ->type_name("KEY=VALUE")
      ->required()
      ->allow_extra_args(false);
  sub->add_option("--peer", arguments->peer, "Only traffic with: address=10.0.0.0/8,port=443, ...; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  auto* length = text("--for", arguments->length, "How long, such as 60s", "DURATION");
  sub->add_flag("--until-stopped", arguments->until_stopped, "No end: until Ctrl-C (exit 5)")->excludes(length);
  sub->add_flag("--telemetry", arguments->telemetry, "Count the TCP connections of --on meanwhile, in the kernel");
  text("--start", arguments->start, "When, since the start; default 0s, with a probe 5s (the baseline)", "DURATION");
  text("--direction", arguments->direction, "Seen from --on; default both", "both|egress|ingress");
  for (const auto& key : plan::fault_keys()) {
    const std::string name(key.name);
    std::string option = name;
    std::replace(option.begin(), option.end(), '_', '-');
    if (key.type != faults::ValueType::boolean) {
      sub->add_option("--" + option, arguments->keys[name], std::string(key.doc))->type_name(std::string(key.example));
      continue;
    }
    auto* yes = sub->add_flag("--" + option, arguments->flags["yes " + name], std::string(key.doc));
    if (key.fallback.empty())  // else not to say it is to say no
      sub->add_flag("--no-" + option, arguments->flags["no " + name], "The opposite of --" + option)->excludes(yes);
  }
  for (const auto& key : kind.keys) {
    std::string option = "--" + std::string(key.name);
    if (sub->get_option_no_throw(option) != nullptr) option = "--fault-" + std::string(key.name);
    std::string what(key.doc);
    if (key.required) what += " Required.";
    if (!key.fallback.empty()) what += fmt::format(" Default {}.", key.fallback);
    std::string type = key.choices.empty() ? std::string(key.example) : fmt::format("{}", fmt::join(key.choices, "|"));
    const bool whole = type.starts_with('[') || type.starts_with('{');  // TOML, to be typed with its quotes
    if (whole)
      type = "'" + type + "'";
    else
      std::erase(type, '"');
    if (key.type == faults::ValueType::groups) {
      for (const char* letter : {"a", "b", "c"})
        replace_all(type, fmt::format("\"{}\"", letter), fmt::format("\"on{}\"", letter[0] - 'a' + 1));
      what += " The first --on is on1, and so on.";
    }
    auto* added =
        sub->add_option(option, arguments->keys[std::string(key.name)], what)->type_name(type)->group("The fault");
    if (key.type == faults::ValueType::texts) added->join(',');
  }
  const auto probe = [&](const char* name, std::string& to, const char* what, const char* type) {
    return text(name, to, what, type)->group("Watching");
  };
  for (const auto& asked : probe::catalogue())
    probe(fmt::format("--probe-{}", asked.name()).c_str(), arguments->probes[std::string(asked.name())],
          std::string(asked.option).c_str(), std::string(asked.value).c_str());
  probe("--probe-every", arguments->probe_every, "How often; default 200ms", "DURATION");
  probe("--probe-timeout", arguments->probe_timeout, "When an answer counts as failed; default 1s", "DURATION");
  probe("--probe-from", arguments->probe_from,
        "Where it asks from: on (the target's namespace; of several on1, on2, ...), peer, or here", "on|peer|here");
  probe("--success", arguments->success, "What must hold meanwhile, such as \">= 99%\"", "BOUND");
  probe("--p99", arguments->p99, "What must hold meanwhile, such as \"<= 250ms\"", "BOUND");
  text("--seed", arguments->seed, "Seed of every random decision; default: a new one that is recorded", "N");
  arguments->playing.add_to(*sub);
  arguments->playing.add_notify_to(*sub);
  arguments->playing.add_annotate_to(*sub);
  auto* dry_run = sub->add_flag("--dry-run", arguments->dry_run, "Say what would be done, as explain does");
  sub->add_flag("--look", arguments->look, "With --dry-run: look the targets up as they are now")->needs(dry_run);
  sub->add_flag("--print-plan", arguments->print_plan, "Print the plan that this amounts to, and do nothing");
  sub->footer("The exit status tells the verdict: see `faultline --help`. The plan is kept in the run folder.");
  sub->callback([arguments, sub, &context] {
    context.chosen = [arguments, sub, &context] { return inject(*arguments, *sub, context.command); };
  });
}

}  // namespace

void setup_inject(CLI::App& app, Context& context) {
  CLI::App* sub = app.add_subcommand("inject", "Inject one fault by hand, without a plan");
  sub->require_subcommand(1);
  for (const auto& kind : faults::catalogue()) add_kind(*sub, kind, context);
  sub->footer(
      "For example: faultline inject degrade --on netns=shop --delay 100ms --jitter 20ms --for 60s\n"
      "`faultline inject KIND --help` tells each kind's options. Exit status: see `faultline --help`.");
}

}  // namespace faultline::cli
