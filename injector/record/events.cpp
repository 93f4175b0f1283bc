#include "injector/record/events.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/secrets.h"
#include "injector/base/text.h"
#include "injector/plan/asked.h"
#include "injector/record/bounds.h"

namespace faultline::record {
namespace {

using nlohmann::json;

constexpr Ns kFastEvery = kSecond / 200;  // probes above this rate are journalled as histograms

json spread_json(const faults::Spread& s) {
  return {{"p50", s.p50}, {"p90", s.p90}, {"p99", s.p99}, {"max", s.max}, {"count", s.count}};
}

faults::Spread spread_from(const json& j) {
  return {j.value("p50", 0.0), j.value("p90", 0.0), j.value("p99", 0.0), j.value("max", 0.0),
          j.value("count", std::uint64_t{0})};
}

template <class T>
json nullable(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

std::optional<Ns> optional_ns(const json& j, const char* key) {
  const auto it = j.find(key);
  if (it == j.end() || !it->is_number()) return {};
  return it->get<Ns>();
}

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

json plan_fields(const plan::Plan& p) {
  json probes = json::array(), faults = json::array(), hypotheses = json::array(), guards = json::array();
  for (const auto& probe : p.probes)
    probes.push_back({{"name", probe.name},
                      {"kind", probe.kind->name()},
                      {"subject", probe.shown_subject()},
                      {"command", probe.command()},
                      {"every", probe.every},
                      {"timeout", probe.timeout},
                      {"from", probe.from}});
  for (const auto& fault : p.faults) {
    faults.push_back({{"name", fault.name},
                      {"kind", fault.kind ? std::string(fault.kind->name) : std::string()},
                      {"on", fault.on},
                      {"peer", fault.peer},
                      {"direction", direction_text(fault.direction)},
                      {"start", fault.start},
                      {"end", fault.end},
                      {"asked", plan::asked(fault)},
                      {"asked_text", plan::asked_text(fault)},
                      {"delay", plan::asked_delay(fault)},
                      {"idle", fault.idle},
                      {"loss", plan::asked_loss(fault)}});
    for (const auto& [key, value] : plan::common_values(fault)) faults.back()[key] = value;
  }
  for (const auto& h : p.hypotheses) {
    hypotheses.push_back(
        {{"name", h.name}, {"probe", h.probe}, {"during", h.during}, {"recovers_within", nullable(h.recovers_within)}});
    put_conditions(hypotheses.back(), h);
  }
  for (const auto& g : p.guards) guards.push_back(guard_json(g));
  return {
      {"title", p.title},       {"name", p.name},
      {"duration", p.duration}, {"probes", probes},
      {"faults", faults},       {"hypotheses", hypotheses},
      {"guards", guards},       {"tolerance", {{"packets", p.tolerance.packets}, {"of_loss", p.tolerance.of_loss}}}};
}

}  // namespace

json to_json(const Account& account) {
  json targets = json::array(), sites = json::array(), undelivered = json::object(), asks = json::array(),
       unseen = json::array();
  for (const auto& one : account.targets) targets.push_back({{"target", one.target}, {"matched", one.matched}});
  for (const auto* effect : account.asks) asks.push_back(effect->name);
  for (const auto& one : account.unseen)
    unseen.push_back({{"site", one.site}, {"device", one.device}, {"hook", one.hook}, {"packets", one.packets}});
  const auto put = [](json& j, const faults::Counts& counts) {
    for (const auto& count : faults::kCounts) j[count.name] = counts.*count.in;
    j["bytes"] = counts.bytes;
  };
  for (const auto& site : account.sites) put(sites.emplace_back(json{{"site", site.site}}), site);
  for (const auto& one : faults::kUndelivered) undelivered[one.name] = account.undelivered.*one.in;
  json j = {{"fault", account.fault},
            {"asks", asks},
            {"targets", targets},
            {"undelivered", undelivered},
            {"unseen", unseen},
            {"applied_delay_us", spread_json(account.applied_delay)},
            {"held_us", spread_json(account.held)},
            {"lateness_us", spread_json(account.lateness)},
            {"left_late", {{"all", account.left_late.all}, {"full", account.left_late.full}}},
            {"planned_onset", nullable(account.planned_onset)},
            {"first_affected", nullable(account.first_affected)},
            {"last_affected", nullable(account.last_affected)},
            {"sites", sites}};
  put(j, account);
  return j;
}

Account account_from_json(const json& j) {
  const auto count = [](const json& from, const char* key) { return from.value(key, std::uint64_t{0}); };
  const auto take = [&](faults::Counts& counts, const json& from) {
    for (const auto& one : faults::kCounts) counts.*one.in = count(from, one.name);
    counts.bytes = count(from, "bytes");
  };
  const json none = json::object();
  const auto part = [&](const char* key) -> const json& {
    const auto it = j.find(key);
    return it != j.end() && it->is_object() ? *it : none;
  };
  Account account;
  account.fault = j.value("fault", std::string());
  take(account, j);
  for (const auto& one : faults::kUndelivered) account.undelivered.*one.in = count(part("undelivered"), one.name);
  const auto asks = j.value("asks", std::vector<std::string>());
  for (const auto& effect : faults::kEffects)
    if (std::find(asks.begin(), asks.end(), effect.name) != asks.end()) account.asks.push_back(&effect);
  account.applied_delay = spread_from(part("applied_delay_us"));
  account.held = spread_from(part("held_us"));
  account.lateness = spread_from(part("lateness_us"));
  account.planned_onset = optional_ns(j, "planned_onset");
  account.first_affected = optional_ns(j, "first_affected");
  account.left_late = {count(part("left_late"), "all"), count(part("left_late"), "full")};
  account.last_affected = optional_ns(j, "last_affected");
  for (const json& t : j.value("targets", json::array()))
    account.targets.push_back({t.value("target", std::string()), count(t, "matched")});
  for (const json& u : j.value("unseen", json::array()))
    account.unseen.push_back({u.value("site", std::string()), u.value("device", std::string()),
                              u.value("hook", std::string()), count(u, "packets")});
  if (const auto it = j.find("sites"); it != j.end() && it->is_array())
    for (const json& s : *it) {
      auto& site = account.sites.emplace_back();
      site.site = s.value("site", std::string());
      take(site, s);
    }
  return account;
}

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
  return fmt::format("packets may go by the faults at {} of {} in {}, {}: {}{}", escape.hook, escape.device,
                     escape.site, when, escape.why, carried);
}

namespace events {

void run(Journal& journal, const plan::Plan& p, const Machine& m) {
  json variables = json::object();
  for (const auto& [name, value] : p.variables)
    variables[name] = is_secret(name) ? "***" : without_secrets(value);
  journal.event("run", {{"version", m.version},
                        {"plan", p.path},
                        {"name", p.name},
                        {"title", p.title},
                        {"seed", p.seed},
                        {"seed_given", p.seed_given},
                        {"scale", p.scale},
                        {"vars", variables},
                        {"kernel", m.kernel},
                        {"line", m.line},
                        {"engine", m.engine},
                        {"command", m.command},
                        {"repeat", m.repeat},
                        {"repeat_masked", m.masked},
                        {"host", m.host}});
}

void plan(Journal& journal, const plan::Plan& p) {
  std::vector<Ns> edges{p.duration};
  std::vector<std::string> fast;
  for (const auto& fault : p.faults) {
    edges.push_back(fault.start);
    edges.push_back(fault.end);
  }
  for (const auto& probe : p.probes)
    if (probe.every < kFastEvery) fast.push_back(probe.name);
  journal.set_batching(std::move(edges), std::move(fast));
  journal.event("plan", plan_fields(p));
}

void step(Journal& journal, const std::string& what) { journal.event("step", {{"what", what}}); }

void site(Journal& journal, const SiteInfo& info) {
  journal.event("site", {{"site", info.name}, {"inode", info.inode}, {"devices", info.devices}, {"rules", info.rules}});
}

void t0(Journal& journal, Ns epoch, Ns wall) {
  journal.set_epoch(epoch);
  journal.event("t0", {{"wall", rfc3339(wall)}, {"epoch", epoch}});
}

void hold(Journal& journal, const std::vector<std::string>& faults) { journal.event("hold", {{"faults", faults}}); }
void go_on(Journal& journal, const std::vector<std::string>& faults, Ns waited) {
  journal.event("go_on", {{"faults", faults}, {"waited", waited}});
}

void fault_begin(Journal& journal, const std::string& fault, Ns planned) {
  journal.event("fault_begin", {{"fault", fault}, {"planned", planned}});
}

void fault_end(Journal& journal, const std::string& fault, Ns planned) {
  journal.event("fault_end", {{"fault", fault}, {"planned", planned}});
}

void service(Journal& journal, const std::string& host, const std::string& what, const std::string& detail) {
  journal.event("service", {{"host", host}, {"what", what}, {"detail", detail}});
}

void name(Journal& journal, const std::string& name, const std::string& asked_from,
          const std::vector<std::string>& addresses) {
  journal.event("name", {{"name", name}, {"from", asked_from}, {"addresses", addresses}});
}

void learned(Journal& journal, const std::string& name, const std::string& site, const std::string& address) {
  journal.event("learned", {{"name", name}, {"site", site}, {"address", address}});
}

void target(Journal& journal, const std::string& target, const std::string& what, const std::string& detail,
            const std::optional<std::pair<Ns, Ns>>& gap) {
  json fields{{"target", target}, {"what", what}, {"detail", detail}};
  if (gap) fields["gap"] = {gap->first, gap->second};
  journal.event("target", std::move(fields));
}

void escape(Journal& journal, const Escape& escape) {
  journal.event("escape", {{"site", escape.site},
                           {"device", escape.device},
                           {"hook", escape.hook},
                           {"why", escape.why},
                           {"from", escape.from},
                           {"until", nullable(escape.until)},
                           {"packets", escape.packets},
                           {"bytes", escape.bytes},
                           {"bounded", escape.bounded},
                           {"faults", escape.faults}});
}

void warning(Journal& journal, const std::string& message) { journal.event("warning", {{"message", message}}); }

void lapse(Journal& journal, Ns from, Ns length) { journal.event("lapse", {{"from", from}, {"length", length}}); }

void note(Journal& journal, const std::string& text, const std::string& by) {
  journal.event("note", {{"text", text}, {"by", by}});
}

void guard(Journal& journal, const plan::Guard& g, const GuardTrip& trip) {
  json fields{
      {"guard", g.name},           {"probe", g.probe},  {"when", trip.when}, {"condition", plan::condition_text(g)},
      {"observed", trip.observed}, {"sent", trip.sent}, {"ok", trip.ok}};
  for (const auto& [quantile, value] : GuardTrip::kFigures) fields[quantile] = nullable(trip.*value);
  journal.event("guard", std::move(fields));
}

void abort(Journal& journal, By by, const std::string& reason, std::optional<Ns> when) {
  static constexpr const char* kNames[] = {"signal", "guard", "lease", "device", "target", "journal", "user"};
  journal.event("abort", {{"by", kNames[static_cast<int>(by)]}, {"reason", reason}, {"when", nullable(when)}});
}

void failure(Journal& journal, Exit status, const std::string& message) {
  journal.event("failure", {{"exit", static_cast<int>(status)}, {"message", message}});
}

void fault_result(Journal& journal, const Account& account) { journal.event("fault_result", to_json(account)); }
void line(Journal& journal, json stats) { journal.event("line", {{"stats", std::move(stats)}}); }
void healed(Journal& journal, const std::string& why) { journal.event("healed", {{"why", why}}); }

void cleanup(Journal& journal, const std::vector<std::string>& failures) {
  journal.event("cleanup", {{"ok", failures.empty()}, {"failures", failures}});
}

void end(Journal& journal) { journal.event("end"); }

}  // namespace events
}  // namespace faultline::record
