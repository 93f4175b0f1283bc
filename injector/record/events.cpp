#include "injector/record/events.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/secrets.h"
#include "injector/base/text.h"
#include "injector/plan/asked.h"
#include "injector/plan/hidden.h"
#include "injector/record/verdict.h"
#include "injector/record/windows.h"

namespace faultline::record {
namespace {

constexpr Ns kFastEvery = kSecond / 200;  // probes above this rate are journalled as histograms

const char* direction_text(plan::Direction d) {
  switch (d) {
    case plan::Direction::egress:
      return "egress";
    case plan::Direction::ingress:
      return "ingress";
    case plan::Direction::both:
      break;
  }
  return "both";
}

/// Of a fault that comes and goes.
std::vector<std::pair<Ns, Ns>> episodes_of(const plan::Fault& fault, const std::vector<faults::Channel>& channels) {
  constexpr std::size_t kMost = 2000;
  std::vector<std::pair<Ns, Ns>> episodes;
  for (const auto& [start, end] : plan::acting(channels))
    if (episodes.size() < kMost) episodes.emplace_back(start, end);
  if (episodes.size() == 1 && episodes.front() == std::pair{fault.start, fault.end}) episodes.clear();
  return episodes;
}

events::Plan plan_event(const plan::Plan& p, const events::Links& links_of) {
  events::Plan event;
  event.title = p.title;
  event.name = p.name;
  event.duration = p.duration;
  for (const auto& probe : p.probes) {
    auto& planned = event.probes.emplace_back();
    planned.name = probe.name;
    planned.kind = probe.kind->name();
    planned.subject = probe.shown_subject();
    planned.from = probe.from;
    planned.command = probe.shown_command();
    planned.every = probe.every;
    if (probe.is_load()) planned.rate = probe::rate_text(probe.rate);
    planned.timeout = probe.timeout;
  }
  for (const auto& fault : p.faults) {
    auto& planned = event.faults.emplace_back();
    planned.name = fault.name;
    if (fault.kind) planned.kind = fault.kind->name;
    planned.on = fault.on;
    planned.on_any = fault.common.has("on_any") && fault.common.boolean("on_any");
    if (fault.common.has("loopback")) planned.loopback = fault.common.boolean("loopback");
    planned.peer = fault.peer;
    planned.direction = direction_text(fault.direction);
    planned.start = fault.start;
    planned.end = fault.end;
    planned.asked = plan::asked(fault);
    planned.asked_text = plan::asked_text(fault);
    planned.delay = plan::asked_delay(fault);
    planned.idle = fault.idle;
    planned.loss = plan::asked_loss(fault);
    planned.source = fault.source;
    auto links = links_of ? links_of(fault) : std::vector<std::string>();
    if (links.empty()) links.emplace_back();
    const auto channels = plan::channels_at(p, fault, links);
    planned.episodes = episodes_of(fault, channels);
    planned.asked_delay_us = plan::asked_delays(channels);
  }
  event.hypotheses = p.hypotheses;
  for (const auto& guard : p.guards) event.guards.emplace_back(guard);
  event.telemetry = p.telemetry;
  event.events = p.events;
  event.tolerance = p.tolerance;
  if (const plan::Arm* arm = p.chosen_arm()) {
    event.arm = arm->name;
    event.expected_to_fail = arm->fails;
  }
  return event;
}

/// What a service may say back that nobody else should read: secret variables and keys, headers that let one in.
std::vector<std::string> secrets_of(const plan::Plan& p) {
  std::vector<std::string> secrets = p.secret_values();
  const auto add = [&](const std::string& text) {
    if (text.size() >= kShortestSecret) secrets.push_back(text);
  };
  for (const auto& word : plan::hidden_words(p.text)) add(word);
  for (const auto& probe : p.probes) {
    for (const auto& key : probe.kind->keys)
      if (key.type == probe::ValueType::text && is_secret(std::string(key.name))) add(probe.params.text(key.name));
    for (const auto& [name, value] : probe.params.fields("headers")) {
      const std::string shown = without_secrets_in(name + ": " + value);
      if (!shown.ends_with("***")) continue;
      add(value);
      if (const auto blank = value.rfind(' '); blank != std::string::npos) add(value.substr(blank + 1));  // no "Bearer"
    }
  }
  return secrets;
}

}  // namespace

std::string escape_text(const Escape& escape) {
  const std::string when =
      escape.until       ? fmt::format("from {} to {}", short_duration(escape.from), short_duration(*escape.until))
      : escape.from <= 0 ? "from the start"
                         : "since " + short_duration(escape.from);
  const std::string carried = escape.packets > 0
                                  ? fmt::format("; the device carried {} packet{} that way meanwhile",
                                                thousands(escape.packets), escape.packets == 1 ? "" : "s")
                              : escape.bounded ? "; the device carried no packet that way meanwhile"
                                               : "";
  return fmt::format("packets may bypass the faults at {} of {} in {}, {}: {}{}", escape.hook, escape.device,
                     escape.site, when, escape.why, carried);
}

namespace events {

void run(Journal& journal, const plan::Plan& p, const Machine& machine) {
  Run event;
  static_cast<Machine&>(event) = machine;
  event.plan = p.path;
  event.name = p.name;
  event.title = p.title;
  event.schema = kJournalSchema;
  event.seed = p.seed;
  event.seed_given = p.seed_given;
  event.scale = p.scale;
  for (const auto& [name, value] : p.variables) event.vars[name] = p.is_secret(name) ? "***" : without_secrets(value);
  event.secrets_from_files = !p.from_files.empty();
  journal.write(event);
}

void plan(Journal& journal, const plan::Plan& p, const Links& links) {
  std::vector<std::string> fast;
  for (const auto& probe : p.probes)
    if (probe.every < kFastEvery) fast.push_back(probe.name);
  journal.set_batching(edges(p), std::move(fast));
  journal.set_secrets(secrets_of(p));
  journal.write(plan_event(p, links));
}

void step(Journal& journal, const std::string& what) { journal.write(Step{what}); }
void site(Journal& journal, const SiteInfo& info) { journal.write(info); }

void t0(Journal& journal, Ns epoch, Ns wall) {
  journal.set_epoch(epoch);
  journal.write(T0{rfc3339(wall), epoch});
}

void hold(Journal& journal, const std::vector<std::string>& faults) { journal.write(Hold{faults}); }
void go_on(Journal& journal, const std::vector<std::string>& faults, Ns waited) { journal.write(GoOn{faults, waited}); }

void fault_begin(Journal& journal, const std::string& fault, Ns planned) { journal.write(FaultBegin{fault, planned}); }
void fault_end(Journal& journal, const std::string& fault, Ns planned) { journal.write(FaultEnd{fault, planned}); }

void telemetry(Journal& journal, const Telemetry& telemetry) { journal.write(telemetry); }
void uncounted(Journal& journal, const Uncounted& uncounted) { journal.write(uncounted); }
void seen(Journal& journal, const Seen& seen) { journal.write(seen); }
void watched(Journal& journal, const Watched& watched) { journal.write(watched); }
void traffic(Journal& journal, const Traffic& traffic) { journal.write(traffic); }
void contention(Journal& journal, const Contention& contention) { journal.write(contention); }
void service(Journal& journal, const std::string& host, const std::string& what, const std::string& detail) {
  journal.write(Service{host, what, journal.without_secrets(detail)});  // its command may hold them
}

void name(Journal& journal, const std::string& name, const std::string& asked_from,
          const std::vector<std::string>& addresses) {
  journal.write(Name{name, asked_from, addresses});
}

void learned(Journal& journal, const std::string& name, const std::string& site, const std::string& address) {
  journal.write(Learned{name, site, address});
}

void target(Journal& journal, const std::string& target, const std::string& what, const std::string& detail,
            const std::optional<std::pair<Ns, Ns>>& gap) {
  journal.write(Target{target, what, detail, gap});
}

void escape(Journal& journal, const Escape& escape) { journal.write(escape); }
void warning(Journal& journal, const std::string& message) { journal.write(Warning{message}); }
void lapse(Journal& journal, Ns from, Ns length) { journal.write(Lapse{from, length}); }
void note(Journal& journal, const std::string& text, const std::string& by) { journal.write(Note{text, by}); }

void guard(Journal& journal, const plan::Guard& guard, const GuardTrip& trip) {
  journal.write(
      GuardActed{trip, guard.name, guard.probe, plan::condition_text(guard), guard.telemetry, guard.peer, guard.event});
}

void abort(Journal& journal, By by, const std::string& reason, std::optional<Ns> when) {
  static constexpr const char* kNames[] = {"signal", "guard", "lease", "device", "target", "journal", "user"};
  journal.write(Abort{kNames[static_cast<int>(by)], reason, when});
}

void failure(Journal& journal, Exit status, const std::string& message) {
  journal.write(Trouble{static_cast<int>(status), message});
}

void fault_result(Journal& journal, const Account& account) { journal.write(FaultResult{account}); }
void line(Journal& journal, const LineStats& stats) { journal.write(Line{stats}); }
void healed(Journal& journal, const std::string& why) { journal.write(Healed{why}); }
void cleanup(Journal& journal, const std::vector<std::string>& failures) {
  journal.write(Cleanup{failures.empty(), failures});
}
void end(Journal& journal) { journal.write(End{}); }

}  // namespace events
}  // namespace faultline::record
