#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "injector/base/text.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/explaining.h"
#include "injector/cli/mistakes.h"
#include "injector/cli/plan_arguments.h"
#include "injector/cli/playing.h"
#include "injector/cli/terminal.h"
#include "injector/explain/explain.h"
#include "injector/explain/timeline.h"
#include "injector/plan/values.h"
#include "injector/run/preflight.h"

namespace faultline::cli {
namespace {

using nlohmann::json;
using screen::Look;

struct ExplainArguments {
  std::string plan;
  PlanArguments reading;
  std::string engine;
  bool json = false, look = false;
};

class Page {
 public:
  Page(const plan::Parsed& parsed, const explain::Explanation& explanation, const Look& look)
      : parsed_(parsed), plan_(parsed.plan), all_(explanation), look_(look) {}

  Visible text() {
    const std::string title = plan_.title.empty() ? plan_.name : plan_.title;
    out_ += styled(look_, "1", wrapped(screen::clipped(title), look_.width, 0, 0)) + "\n";
    say(4, fmt::format("{}, {} long, {}", plan_.path, plan::format_duration(plan_.duration),
                       plan_.seed_given
                           ? fmt::format("seed {}", plan_.seed)
                           : "without a seed, chance falls differently in each run; here it is drawn with seed 0"));
    if (!plan_.arms.empty()) say(4, arms());
    say(4, "A dry run: nothing is touched. This is what `faultline run` would do.");
    bound();
    timeline();
    for (std::size_t i = 0; i < plan_.faults.size(); i++) fault(i);
    probes();
    telemetry();
    events();
    beliefs();
    section("Left alone");
    for (const auto& line : all_.exempt) item(line);
    section("What ends a fault: each of these is enough");
    for (const auto& line : all_.ends) item(line);
    section("Blast radius");
    say(4, all_.blast_radius);
    if (!all_.attaching.empty()) say(4, all_.attaching);
    return for_locale(std::move(out_), look_.utf8);
  }

 private:
  std::string arms() const {
    std::vector<std::string> others;
    for (const auto& arm : plan_.arms)
      if (arm.name != plan_.arm) others.push_back(arm.name);
    std::string text = fmt::format("Arm {}", plan_.arm);
    if (!others.empty()) text += fmt::format(" (--arm for another: {})", fmt::join(others, ", "));
    return text +
           (plan_.chosen_arm()->fails.empty() ? ", of which all must hold" : ", which must break what is said below");
  }
  /// Whom an outage was put on, and what of it was not.
  void bound() {
    if (!parsed_.bound) return;
    section("Bound, without the outage's lab");
    for (const auto& line : explain::bound_names(parsed_)) item(line);
    for (const auto& remark : parsed_.remarks) item(remark.message);
  }
  void section(const std::string& title) { out_ += "\n" + styled(look_, "1", title) + "\n"; }
  void say(int indent, const std::string& text) {
    out_ += std::string(static_cast<std::size_t>(indent), ' ') +
            wrapped(screen::clipped(text), look_.width, indent, indent) + "\n";
  }
  void item(const std::string& text) { out_ += "  - " + wrapped(screen::clipped(text), look_.width, 4, 4) + "\n"; }
  /// "    Label       text", the text hanging under itself.
  void row(const std::string& label, const std::string& text) {
    out_ += beside("    " + label, 4 + screen::columns(label), screen::clipped(text), look_.width, 16);
  }

  void timeline() {
    section("When");
    for (const auto& line : explain::draw(explain::spans(plan_, all_.effects), plan_.duration, look_, 4))
      out_ += line + "\n";
    say(4, explain::legend(look_));
  }

  void fault(std::size_t i) {
    const auto& fault = plan_.faults[i];
    const auto& effect = all_.effects[i];
    out_ += "\n" + styled(look_, "1;31", screen::clipped(fault.name, look_.width / 2));
    out_ += shown("  {}, {} to {}\n", fault.kind->name, plan::format_duration(fault.start),
                  plan::format_duration(fault.end));
    row("What", std::string(fault.kind->summary) + ".");
    row("Where", explain::describe_scope(plan_, fault));
    if (fault.source) row("Known", *fault.source);
    reach(all_.reach[i]);
    for (const auto& asked : effect.asked)
      row(std::string(asked.key->name), fmt::format("{}. {}", asked.value, asked.key->doc));
    if (fault.idle) row("Nothing", "It asks for nothing: all of its values are zero.");
    for (const auto& line : effect.lines) row(line.what, line.then);
    if (!effect.steady && !effect.active.empty())
      row("Episodes", fmt::format("{}, the first at {}, {} in all", effect.active.size(),
                                  short_duration(effect.active.front().start), short_duration(total(effect.active))));
  }

  static Ns total(const std::vector<faults::Window>& windows) {
    Ns sum = 0;
    for (const auto& window : windows) sum += window.end - window.start;
    return sum;
  }

  void reach(const explain::Reach& reach) {
    if (!reach.looked) {
      const bool would = !reach.missing && !reach.would_look.empty();
      row("Now", would ? fmt::format("not looked at; --look would look up {}", fmt::join(reach.would_look, "; "))
                       : (reach.missing ? "A run would be refused: " : "not looked at: ") + reach.why_not);
      return;
    }
    for (const auto& place : reach.places)
      row("Devices", fmt::format("{}: {}", place.name, fmt::join(place.devices, ", ")));
    for (const auto& other : reach.before) row("Before it", other);
    for (const auto& other : reach.left_out) row("Left out", other);
    row("Hits now", fmt::format("{} connection{} of {} process{}", reach.flow_count, reach.flow_count == 1 ? "" : "s",
                                reach.process_count, reach.process_count == 1 ? "" : "es"));
    if (!reach.exempt_ports.empty())
      row("Left alone", fmt::format("port {}: this session came in by it", fmt::join(reach.exempt_ports, ", ")));
    constexpr std::size_t kShown = 6;
    for (std::size_t i = 0; i < std::min(reach.flows.size(), kShown); i++) {
      const auto& [socket, process] = reach.flows[i];
      say(18, fmt::format("{} {} - {}{}", socket.protocol, site::endpoint(socket.local, socket.local_port),
                          site::endpoint(socket.peer, socket.peer_port),
                          process.pid == 0 ? "" : fmt::format("  {} ({})", process.name, process.pid)));
    }
    if (reach.flow_count > kShown) say(18, fmt::format("and {} more (--json lists them)", reach.flow_count - kShown));
  }

  void probes() {
    if (plan_.probes.empty()) return;
    section("Asked meanwhile");
    for (const auto& probe : plan_.probes) {
      item(fmt::format("{}: {} from {}, {}, given up after {}{}", probe.name, probe.shown(), probe.from, pace_of(probe),
                       plan::format_duration(probe.timeout), window_of(probe)));
    }
  }

  void telemetry() {
    if (plan_.telemetry.empty()) return;
    section("Counted in the kernel");
    const auto& options = plan_.telemetry_options;
    item(fmt::format("the TCP connections of {}, each 100 ms{}{}", fmt::join(plan_.telemetry, ", "),
                     options.peers > 0 ? fmt::format(", by {} peers at most", options.peers) : "",
                     options.turns ? ", with how long answers take" : ""));
  }

  static std::string pace_of(const plan::Probe& probe) {
    if (!probe.is_load()) return "every " + plan::format_duration(probe.every);
    return (probe.rate.size() == 1 ? "" : "by a rate of ") + probe::rate_text(probe.rate);
  }
  /// When it asks, where that is not all the time.
  std::string window_of(const plan::Probe& probe) const {
    const Ns end = probe.end(plan_.duration);
    if (probe.start == 0 && end == plan_.duration) return "";
    return fmt::format(", from {} to {}", plan::format_duration(probe.start), plan::format_duration(end));
  }

  void events() {
    if (plan_.events.empty()) return;
    section("Looked for meanwhile");
    for (const auto& event : plan_.events)
      item(fmt::format("{}: {} in {}", event.name, event.match, plan::source_text(event)));
  }

  void beliefs() {
    const auto one = [&](const std::string& name, const std::string& probe, const std::string& during,
                         const std::string& condition) {
      // A name that the plan did not give is the condition itself.
      item(name.ends_with(condition)
               ? name
               : fmt::format("{}: {}: {}", name, during.empty() ? probe : probe + " during " + during, condition));
    };
    if (!plan_.hypotheses.empty()) section("What must hold, or the verdict is DEVIATED");
    for (const auto& h : plan_.hypotheses) one(h.name, subject_text(h), window_text(h), condition_text(h));
    if (const plan::Arm* arm = plan_.chosen_arm(); arm != nullptr && !arm->fails.empty()) {
      section(fmt::format("What arm {} must break, these and no other", arm->name));
      for (const auto& name : arm->fails) item(name);
    }
    if (!plan_.guards.empty()) section("What ends the run at once, with every fault healed");
    for (const auto& g : plan_.guards) one(g.name, subject_text(g), g.during, condition_text(g));
  }

  const plan::Parsed& parsed_;
  const plan::Plan& plan_;
  const explain::Explanation& all_;
  const Look look_;
  Visible out_;
};

json added_json(const explain::Added& added) {
  return {{"least", static_cast<double>(added.least) / kMillisecond},
          {"middle", static_cast<double>(added.middle) / kMillisecond},
          {"most", static_cast<double>(added.most) / kMillisecond}};
}

json fault_json(const plan::Plan& plan, std::size_t i, const explain::Effect& effect, const explain::Reach& reach) {
  const auto& fault = plan.faults[i];
  json out{{"name", fault.name},
           {"kind", fault.kind->name},
           {"on", fault.on},
           {"peer", fault.peer},
           {"scope", explain::describe_scope(plan, fault)},
           {"source", fault.source ? json(*fault.source) : json(nullptr)},
           {"start_s", seconds(fault.start)},
           {"end_s", seconds(fault.end)},
           {"ways", effect.ways},
           {"steady", effect.steady},
           {"packet_ms", added_json(effect.packet)},
           {"round_trip_ms", added_json(effect.round_trip())},
           {"of", effect.of.empty() ? json(nullptr) : json(effect.of)},
           {"loss", effect.loss},
           {"idle", fault.idle},
           {"asked", json::object()},
           {"active", json::array()},
           {"expected", json::array()}};
  for (const auto& asked : effect.asked) out["asked"][std::string(asked.key->name)] = asked.value;
  for (const auto& window : effect.active) out["active"].push_back({seconds(window.start), seconds(window.end)});
  for (const auto& line : effect.lines) out["expected"].push_back({{"what", line.what}, {"then", line.then}});
  json now{{"looked", reach.looked},           {"missing", reach.missing}, {"why_not", reach.why_not},
           {"would_look", reach.would_look},   {"places", json::array()},  {"connections", reach.flow_count},
           {"processes", reach.process_count}, {"flows", json::array()},   {"exempt_ports", reach.exempt_ports}};
  for (const auto& place : reach.places) now["places"].push_back({{"name", place.name}, {"devices", place.devices}});
  now["before"] = reach.before;
  now["left_out"] = reach.left_out;
  for (const auto& [socket, process] : reach.flows)
    now["flows"].push_back({{"protocol", socket.protocol},
                            {"local", socket.local.address_text()},
                            {"local_port", socket.local_port},
                            {"peer", socket.peer.address_text()},
                            {"peer_port", socket.peer_port},
                            {"pid", process.pid},
                            {"process", process.name}});
  out["now"] = std::move(now);
  return out;
}

json page_json(const plan::Parsed& parsed, const explain::Explanation& all) {
  const plan::Plan& plan = parsed.plan;
  json out{{"plan", plan.path},
           {"title", plan.title},
           {"arm", plan.arm.empty() ? json(nullptr) : json(plan.arm)},
           {"duration_s", seconds(plan.duration)},
           {"seed", plan.seed_given ? json(plan.seed) : json(nullptr)},
           {"blast_radius", all.blast_radius},
           {"left_alone", all.exempt},
           {"ends", all.ends},
           {"attaching", all.attaching.empty() ? json(nullptr) : json(all.attaching)},
           {"faults", json::array()}};
  for (std::size_t i = 0; i < plan.faults.size(); i++)
    out["faults"].push_back(fault_json(plan, i, all.effects[i], all.reach[i]));
  out["probes"] = out["hypotheses"] = out["guards"] = json::array();
  out["telemetry"] = plan.telemetry;
  out["bound"] = out["left_out"] = json::array();
  if (parsed.bound) {
    for (const auto& [name, target] : parsed.bound->names)
      out["bound"].push_back({{"name", name}, {"target", target}, {"is", explain::describe(plan, target)}});
    out["left_out"] = parsed.bound->left_out;
  }
  for (const auto& probe : plan.probes)
    out["probes"].push_back({{"name", probe.name},
                             {"kind", probe.kind->name()},
                             {"subject", probe.shown_subject()},
                             {"from", probe.from},
                             {"start_s", seconds(probe.start)},
                             {"end_s", seconds(probe.end(plan.duration))},
                             {"every_s", seconds(probe.every)},
                             {"rate", probe.is_load() ? json(probe::rate_text(probe.rate)) : json(nullptr)},
                             {"timeout_s", seconds(probe.timeout)}});
  const auto belief = [](const auto& about, json what) {
    what["name"] = about.name;
    what["probe"] = about.probe;
    if (about.telemetry) what["telemetry"] = *about.telemetry;
    if (about.peer) what["peer"] = *about.peer;
    return what;
  };
  for (const auto& h : plan.hypotheses)
    out["hypotheses"].push_back(belief(h, {{"during", window_text(h)}, {"expected", condition_text(h)}}));
  for (const auto& g : plan.guards)
    out["guards"].push_back(belief(g, {{"during", g.during}, {"condition", condition_text(g)}}));
  return out;
}

Exit explain_plan(const ExplainArguments& arguments) {
  return explain_parsed(arguments.reading.read(find_plan(arguments.plan)), arguments.json, arguments.look,
                        arguments.engine);
}

}  // namespace

Exit explain_parsed(const plan::Parsed& parsed, bool as_json, bool look, const std::string& engine) {
  if (!parsed.ok()) return tell_mistakes(parsed, as_json);
  const auto taken = run::choose_engine(engine_named(engine), pen::probe_features());
  const auto all = explain::explain(parsed.plan, taken, look);
  if (as_json)
    print_json(page_json(parsed, all));
  else
    print(stdout, Page(parsed, all, look_of_stdout()).text());
  const bool missing =
      std::any_of(all.reach.begin(), all.reach.end(), [](const explain::Reach& r) { return r.missing; });
  return missing ? Exit::cannot_run : Exit::passed;
}

void setup_explain(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ExplainArguments>();
  CLI::App* sub = app.add_subcommand("explain", "Say what a plan would do, without doing it; needs no privilege");
  sub->add_option("PLAN", arguments->plan, "The plan, a TOML file, or the name of a shipped experiment")->required();
  arguments->reading.add_to(*sub);
  sub->add_flag(
      "--look", arguments->look,
      "Look the targets up on this machine, as a run would: names are resolved, container runtimes asked; with "
      "root, their devices, connections and processes are listed");
  add_engine(*sub, arguments->engine);
  sub->add_flag("--json", arguments->json, "Print it as JSON");
  sub->footer(
      "Without --look it reads the plan alone: nothing is looked up, and nobody is asked.\n"
      "Exit status: 0 the plan is valid, 3 it is not, 4 a run would be refused: with --look, a target is not found.");
  sub->callback([arguments, &context] { context.chosen = [arguments] { return explain_plan(*arguments); }; });
}

}  // namespace faultline::cli
