// `faultline new`: a first plan from a few answers, with comments that say what could be changed. It passes `check` as
// written: it is checked before it is.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "faults/kind.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/output_file.h"
#include "injector/plan/parse.h"
#include "injector/plan/values.h"
#include "injector/probe/kind.h"
#include "injector/sketch/sketch.h"

namespace faultline::cli {
namespace {

using sketch::toml_text;

struct NewArguments {
  std::string kind, target, peer, probe, output, title;
  std::vector<std::string> set;  ///< key=value of the kind
  bool force = false;
};

constexpr const char* kLab =
    R"(# ---- The lab: made for the run, in network namespaces, and gone after it (docs/lab.md). ----

[lab.rooms.east]
[lab.rooms.west]
[lab.links.cable]
between = ["east", "west"]

[lab.hosts.web]
room = "east"
command = ["python3", "-m", "http.server", "8080"]   # your service
user = "nobody"
ready = { tcp = 8080, within = "10s" }              # the run begins when it answers

[lab.hosts.client]              # no command: a host to ask from
room = "west"
)";

/// Asks on the terminal; an empty answer is the default. The end of the input ends the command.
std::string ask(const std::string& question, const std::string& standard) {
  print(stderr, shown("{}{}: ", question, standard.empty() ? "" : " [" + standard + "]"));
  std::string answer;
  if (!std::getline(std::cin, answer)) throw Failure(Exit::aborted, "no answer: nothing was written");
  return answer.empty() ? standard : answer;
}

/// It is about one service's traffic, such as lookups, which nobody in the lab that is written here offers.
bool needs_a_server(const faults::Kind& kind) { return kind.port != 0; }

void ask_what_is_missing(NewArguments& a) {
  if (a.kind.empty()) {
    print(stderr, shown("What should happen to the traffic?\n"));
    for (const auto& kind : faults::catalogue()) print(stderr, shown("  {:<22} {}\n", kind.name, kind.summary));
    a.kind = ask("Kind", std::string(faults::usual_kind().name));
  }
  const auto* chosen = faults::find_kind(a.kind);
  if (a.target.empty())
    a.target = ask("To whose traffic? netns=NAME, unit=NAME.service, ...; or lab, for a test bed inside the run",
                   chosen != nullptr && needs_a_server(*chosen) ? "netns=shop" : "lab");
  if (a.probe.empty() && a.target != "lab") {
    print(stderr, shown("What would a user ask? A URL, HOST:PORT, a host to ping, or one of\n"));
    for (const auto& kind : probe::catalogue())
      print(stderr, shown("  {:<22} {}\n", fmt::format("{}={}", kind.name(), kind.value), kind.request));
    a.probe = ask("Probe", "http://127.0.0.1:8080/");
  }
  if (a.output.empty()) a.output = ask("Write the plan to", a.kind + ".toml");
}

/// The kind's keys: `given` are set, all others stand there as comments.
std::vector<sketch::Line> key_lines(const faults::Kind& kind, const std::vector<std::string>& on,
                                    const std::vector<std::pair<std::string, std::string>>& given) {
  std::vector<sketch::Line> lines;
  for (const auto& key : kind.keys) {
    const auto set = std::find_if(given.begin(), given.end(), [&](const auto& pair) { return pair.first == key.name; });
    const bool is_on = key.required || set != given.end() || std::find(on.begin(), on.end(), key.name) != on.end();
    const std::string value = set != given.end()
                                  ? sketch::toml_value(set->second, key.example)
                                  : std::string(!is_on && !key.fallback.empty() ? key.fallback : key.example);
    lines.push_back({std::string(key.name), value, std::string(key.doc), !is_on});
  }
  std::stable_partition(lines.begin(), lines.end(), [](const sketch::Line& l) { return !l.off; });
  return lines;
}

/// The keys of the probe's kind that are not `given`, as comments.
std::vector<sketch::Line> optional_lines(const probe::Kind& kind, const std::vector<sketch::Line>& given) {
  std::vector<sketch::Line> lines;
  for (const auto& key : kind.keys) {
    if (std::any_of(given.begin(), given.end(), [&](const auto& line) { return line.key == key.name; })) continue;
    std::string comment(key.doc);
    if (!key.otherwise.empty()) comment += fmt::format(" Default: {}.", key.otherwise);
    lines.push_back({std::string(key.name), key.fallback ? probe::written(*key.fallback) : std::string(key.example),
                     std::move(comment), true});
  }
  return lines;
}

std::string plan_text(const NewArguments& a, const faults::Kind& kind, const std::vector<std::string>& on) {
  std::vector<std::pair<std::string, std::string>> given;
  for (const auto& text : a.set) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Failure(Exit::invalid, fmt::format("--set {}: write --set key=value", text));
    given.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  const bool lab = a.target == "lab";
  const std::string peer = a.peer.empty() || a.peer.find('=') == std::string::npos ? a.peer : "others";
  const bool parts = kind.parts && given.empty();
  if (parts) {
    if (!lab && peer.empty())
      throw Failure(Exit::invalid,
                    "--peer is needed: from whom is the target parted? For example --peer address=10.0.0.0/8");
    given.emplace_back("groups", lab ? R"([["client"], ["web"]])" : fmt::format(R"([["service"], ["{}"]])", peer));
  }
  if (lab && needs_a_server(kind))
    throw Failure(Exit::invalid,
                  fmt::format("--kind {}: the lab that `new` writes asks no name server, so there is nothing for the "
                              "fault to meet; say whose lookups, for example --on netns=shop",
                              kind.name));
  sketch::Sketch plan;
  plan.tables.push_back(
      {"",
       fmt::format("{}\n\n    faultline check PLAN           every mistake, with its line\n    faultline explain PLAN  "
                   "       what it would do, in words\n"
                   "    sudo faultline run PLAN\n\nAll keys: docs/plan.md. Lines that begin with \"# key =\" show the "
                   "other keys that there are.",
                   a.title.empty() ? fmt::format("A first plan: {}.", kind.name) : a.title),
       {{"title", toml_text(a.title.empty() ? fmt::format("What {} does to us", kind.name) : a.title)},
        {"seed", "1", "the same seed gives the same faults"},
        {"duration", toml_text("40s"), "of the run; default: the last fault's end and 10 s", true},
        {"telemetry", toml_text(lab ? "web" : "service"), "whose TCP connections are counted in the kernel", true}}});
  if (!lab) {
    auto lines = sketch::target_lines("--on", a.target);
    if (lines.empty())
      throw Failure(Exit::invalid,
                    fmt::format("--on {0}: write how to find it, for example --on netns={0}, or --on lab", a.target));
    plan.tables.push_back({"[targets.service]", "---- Where the fault is. ----", std::move(lines)});
  }
  if (!a.peer.empty()) {
    auto lines = sketch::target_lines("--peer", a.peer);
    if (lines.empty() && !lab)
      throw Failure(Exit::invalid,
                    fmt::format("--peer {0}: write how to find it, for example --peer address=10.0.0.0/8", a.peer));
    if (!lines.empty())
      plan.tables.push_back(
          {"[targets.others]", "---- Only traffic with these meets the fault. ----", std::move(lines)});
  }
  sketch::Table probe{"[probes.user]", "---- What a user does, whether or not the last answer has come. ----", {}};
  probe.lines = sketch::probe_lines(a.probe.empty() ? "http://web:8080/" : a.probe);
  if (lab) probe.lines.push_back({"from", toml_text("client"), "a host of the lab"});
  probe.lines.push_back({"every", toml_text("200ms")});
  probe.lines.push_back({"timeout", toml_text("2s"), "later answers count as failed"});
  for (auto& line : optional_lines(*probe::find_kind(probe.lines.front().key), probe.lines))
    probe.lines.push_back(std::move(line));
  plan.tables.push_back(std::move(probe));

  sketch::Table fault{
      "[[faults]]",
      fmt::format("---- The fault. Before it lies the baseline, which the rest is compared with. ----\n{}: {}",
                  kind.name, kind.summary),
      {{"name", toml_text("trouble")}, {"kind", toml_text(kind.name)}}};
  if (!parts) {
    fault.lines.push_back({"on", toml_text(lab ? "web" : "service")});
    if (!peer.empty()) fault.lines.push_back({"peer", toml_text(peer)});
    fault.lines.push_back({"direction", toml_text("both"), "or egress, ingress: seen from `on`", true});
  }
  fault.lines.push_back({"start", toml_text("10s"), "since the run's start"});
  fault.lines.push_back({"for", toml_text("20s")});
  for (auto& line : key_lines(kind, on, given)) fault.lines.push_back(std::move(line));
  for (const auto& [key, value] : given)  // a key that the kind has not: the plan's own error says so
    if (std::none_of(kind.keys.begin(), kind.keys.end(), [&, &name = key](const auto& k) { return k.name == name; }))
      fault.lines.push_back({key, sketch::toml_value(value, "")});
  plan.tables.push_back(std::move(fault));

  plan.tables.push_back({"[[hypotheses]]",
                         "---- What we believe. If one is wrong, the verdict is DEVIATED and the exit status 1. ----",
                         {{"name", toml_text("all is well before")},
                          {"probe", toml_text("user")},
                          {"during", toml_text("baseline")},
                          {"success", toml_text(">= 99%")}}});
  plan.tables.push_back({"[[hypotheses]]",
                         "",
                         {{"name", toml_text("users hardly notice the trouble")},
                          {"probe", toml_text("user")},
                          {"during", toml_text("trouble")},
                          {"success", toml_text(">= 95%"), "what do you promise?"},
                          {"p99", toml_text("<= 1s"), "of the answers that came", true}}});
  plan.tables.push_back({"[[hypotheses]]",
                         "",
                         {{"name", toml_text("all is well again soon")},
                          {"probe", toml_text("user")},
                          {"recovers_within", toml_text("5s")}}});
  std::string text = plan.write();
  if (lab) text.insert(text.find("# ---- What a user does"), std::string(kLab) + "\n");
  return text;
}

/// The text with as many of the kind's optional keys as it takes to be a fault at all.
std::string valid_plan(const NewArguments& a) {
  const auto* kind = faults::find_kind(a.kind);
  if (kind == nullptr) {
    std::vector<std::string> names;
    for (const auto& k : faults::catalogue()) names.emplace_back(k.name);
    const std::string meant = plan::did_you_mean(a.kind, names);
    throw Failure(Exit::invalid, fmt::format("--kind {}: unknown kind{}", a.kind,
                                             meant.empty() ? fmt::format("; kinds are {}", fmt::join(names, ", "))
                                                           : "; did you mean `" + meant + "`?"));
  }
  std::vector<std::string> on;
  const std::string path = a.output.empty() ? "new.toml" : a.output;
  std::string first = plan_text(a, *kind, on);
  auto parsed = plan::parse_text(first, path);
  if (parsed.ok()) return first;
  for (const auto& key : kind->keys) {
    if (key.required || !key.fallback.empty()) continue;
    on = {std::string(key.name)};
    std::string text = plan_text(a, *kind, on);
    if (plan::parse_text(text, path).ok()) return text;
  }
  throw Failure(Exit::invalid,
                fmt::format("{}These answers do not make a plan{}", plan::render(parsed),
                            a.set.empty() ? "; `--set key=value` gives a key of the fault a value" : ""));
}

Exit make_plan(NewArguments a) {
  const bool asks = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
  if (asks) ask_what_is_missing(a);
  if (a.kind.empty()) a.kind = faults::usual_kind().name;
  if (a.target.empty()) a.target = "lab";
  if (a.probe.empty() && a.target != "lab")
    throw Failure(Exit::invalid, "--probe is needed: what would a user ask? A URL, HOST:PORT, or a host to ping");
  const std::string text = valid_plan(a);
  if (a.output.empty() || a.output == "-") {
    print(stdout, text);
    return Exit::passed;
  }
  write_output(a.output, text, a.force);
  print(stderr, shown("Wrote {0}. Next: faultline explain {0}\n", a.output));
  return Exit::passed;
}

}  // namespace

void setup_new(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<NewArguments>();
  CLI::App* sub = app.add_subcommand("new", "Write a first plan, with comments, from a few answers");
  std::string kinds;
  for (const auto& kind : faults::catalogue()) kinds += fmt::format("{}{}", kinds.empty() ? "" : "|", kind.name);
  sub->add_option("--kind", arguments->kind,
                  fmt::format("What happens to the traffic; default {}", faults::usual_kind().name))
      ->type_name(kinds);
  sub->add_option("--on,--target", arguments->target,
                  "To whose: netns=shop, unit=payment.service, ...; or lab (the default), a test bed inside the run")
      ->type_name("KEY=VALUE");
  sub->add_option("--peer", arguments->peer, "Only traffic with: address=10.0.0.0/8, ...")->type_name("KEY=VALUE");
  std::string forms;
  for (const auto& kind : probe::catalogue())
    forms += fmt::format("{}{}={}", forms.empty() ? "" : ", ", kind.name(), kind.value);
  sub->add_option("--probe", arguments->probe,
                  fmt::format("What a user would ask: a URL, HOST:PORT, a host to ping; or one of {}", forms))
      ->type_name("WHAT");
  sub->add_option("--set", arguments->set, "A key of the fault, such as delay=300ms; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  sub->add_option("--title", arguments->title, "One line for the report")->type_name("TEXT");
  sub->add_option("--output", arguments->output, "The file to write; default: standard output")->type_name("FILE");
  sub->add_flag("--force", arguments->force, "Write over a file that exists");
  sub->footer("In a terminal it asks for what is not given. Exit status: 0 written, 3 the answers make no plan.");
  sub->callback([arguments, &context] { context.chosen = [arguments] { return make_plan(*arguments); }; });
}

}  // namespace faultline::cli
