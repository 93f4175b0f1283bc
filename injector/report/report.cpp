#include "injector/report/report.h"

#include <fmt/format.h>

#include <tuple>

#include "injector/base/text.h"
#include "injector/record/distribution.h"
#include "injector/record/held.h"
#include "injector/report/chart.h"
#include "injector/report/style.h"
#include "injector/report/summary.h"

namespace faultline::report {
namespace {

using nlohmann::json;

std::string text(const json& from, const char* key) {
  const auto it = from.find(key);
  return it != from.end() && it->is_string() ? escaped(it->get<std::string>()) : "";
}

constexpr const char* kNone = "<span class=\"dim\">none</span>";

std::string title_of(const json& s) { return text(s, "title").empty() ? text(s, "name") : text(s, "title"); }

std::string whole(const json& from, const char* key) { return fmt::format("{}", from.value(key, std::uint64_t{0})); }

std::string microseconds(const json& value) { return value.is_null() ? kNone : short_microseconds(value); }

std::string headline(const json& s) {
  const std::string verdict = text(s, "verdict");
  std::string out = fmt::format(
      "<header><p class=\"verdict {0}\">{0}</p><h1>{1}</h1>\n<p class=\"dim\">{2} · {3} · seed {4} · {5:.4g} s · "
      "kernel {6} ({7}) · faultline {8}</p>\n",
      verdict, title_of(s), text(s, "started_at"), text(s, "host"), s.value("seed", std::uint64_t{0}),
      s.value("observed_s", 0.0), text(s, "kernel"), text(s, "engine"), text(s, "version"));
  const auto broken = broken_hypotheses(s);
  if (!broken.empty()) out += "<ul class=\"broken\">";
  for (const std::string& text : broken) out += "<li>" + escaped(text) + "</li>";
  if (!broken.empty()) out += "</ul>";
  if (!s.at("reasons").empty()) {
    out += "<ul class=\"reasons\">";
    for (const json& reason : s.at("reasons")) out += "<li>" + escaped(reason.get<std::string>()) + "</li>";
    out += "</ul>";
  }
  return out + "</header>\n";
}

std::string hypotheses(const json& s) {
  if (s.at("hypotheses").empty()) return "";
  std::string out =
      "<h2>Hypotheses</h2>\n<table><tr><th></th><th>hypothesis</th><th>expected</th><th>observed</th></tr>\n";
  for (const json& h : s.at("hypotheses")) {
    const json& held = h.at("held");
    const char* mark = held.is_null()     ? "<td class=\"open\">?</td>"
                       : held.get<bool>() ? "<td class=\"held\">✓</td>"
                                          : "<td class=\"broken\">✗</td>";
    std::string observed = text(h, "observed");
    if (held.is_null()) observed += (observed.empty() ? "" : "<br>") + std::string("not judged: ") + text(h, "reason");
    out += fmt::format("<tr>{}<td>{}</td><td>{}</td><td>{}</td></tr>\n", mark, text(h, "name"), text(h, "expected"),
                       observed);
  }
  return out + "</table>\n";
}

std::string spread(const json& s) {
  if (s.value("count", std::uint64_t{0}) == 0) return kNone;
  return fmt::format("{} / {} / {}", microseconds(s.at("p50")), microseconds(s.at("p99")), microseconds(s.at("max")));
}

std::string names(const json& list) {
  std::string text;
  for (const json& name : list) text += (text.empty() ? "" : ", ") + escaped(name.get<std::string>());
  return text;
}

/// "shop, what it sends to bank"
std::string where(const json& fault) {
  const std::string direction = fault.value("direction", "both"), peer = names(fault.at("peer"));
  std::string text = names(fault.at("on"));
  if (direction == "both") return text + (peer.empty() ? "" : ", traffic with " + peer);
  const bool out = direction == "egress";
  return text + (out ? ", what it sends" : ", what it receives") +
         (peer.empty() ? "" : (out ? " to " : " from ") + peer);
}

std::string faults(const json& s) {
  if (s.at("faults").empty()) return "";
  std::string out =
      "<h2>Faults: asked and applied</h2>\n<table><tr><th>fault</th><th>window</th><th>asked</th><th "
      "class=\"n\">packets</th><th class=\"n\">dropped</th><th class=\"n\">delayed</th>"
      "<th>applied delay<br>p50 / p99 / max</th><th>lateness<br>p50 / p99 / max</th><th class=\"n\" title=\"from the "
      "planned instant to the first packet that there was\">first packet<br>after</th></tr>\n";
  for (const json& f : s.at("faults")) {
    const std::string on = where(f);
    out += fmt::format("<tr><td>{}<br><span class=\"dim\">{} on {}</span></td><td>{:g} to {:g} s</td><td>{}</td>",
                       text(f, "name"), text(f, "kind"), on, f.value("start_s", 0.0), f.value("end_s", 0.0),
                       text(f, "asked_text"));
    if (!f.value("counted", false)) {
      out += "<td colspan=\"6\" class=\"dim\">nothing was counted</td></tr>\n";
      continue;
    }
    std::string more;
    for (const char* key :
         {"packets_duplicated", "packets_corrupted", "packets_reordered", "packets_released_at_end", "packets_answered",
          "packets_queue_dropped", "packets_left_out", "packets_undelivered", "packets_passed_by_safety"})
      if (f.value(key, std::uint64_t{0}) != 0) {
        std::string name = std::string(key).substr(8);
        for (char& c : name)
          if (c == '_') c = ' ';
        more += fmt::format("<br><span class=\"dim\">{} {}</span>", whole(f, key), name);
      }
    for (const auto& [word, met, dead] :
         {std::tuple{"connections", "flows_met", "flows_dead"}, {"clients", "clients_met", "clients_dead"}})
      if (f.value(met, std::uint64_t{0}) != 0)
        more += fmt::format("<br><span class=\"dim\">{} of {} {} dead</span>", whole(f, dead), whole(f, met), word);
    if (const auto targets = f.value("targets", json::array()); targets.size() > 1)
      for (const json& one : targets)
        more +=
            fmt::format("<br><span class=\"dim\">{} at {}</span>", whole(one, "packets_matched"), text(one, "target"));
    std::string held;
    if (const auto why = record::held_longer(f))
      held = fmt::format("<br><span class=\"dim\">held {}: {}</span>", spread(f.at("held_us")), escaped(*why));
    out += fmt::format(
        "<td class=\"n\">{}{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}{}</td><td>{}</td><td "
        "class=\"n\">{}</td></tr>\n",
        whole(f, "packets_matched"), more, whole(f, "packets_dropped"), whole(f, "packets_delayed"),
        spread(f.at("applied_delay_us")), held, spread(f.at("lateness_us")), microseconds(f.at("onset_error_us")));
  }
  return out + "</table>\n";
}

std::string probes(const json& s) {
  if (s.at("probes").empty()) return "";
  std::string out =
      "<h2>Probes by phase</h2>\n<table><tr><th>probe</th><th>phase</th><th class=\"n\">sent</th><th "
      "class=\"n\">ok</th><th>failed</th><th class=\"n\">p50</th><th class=\"n\">p90</th>"
      "<th class=\"n\">p99</th><th class=\"n\">max</th><th class=\"n\" title=\"of the requests that "
      "succeeded\">ok.p99</th><th class=\"n\" title=\"how long the others took to fail\">failed.p99</th></tr>\n";
  for (const json& p : s.at("probes")) {
    bool first = true;
    for (const json& phase : p.at("phases")) {
      std::string failed = phase.value("failed", 0) == 0 ? "" : whole(phase, "failed");
      for (const auto& [error, count] : phase.at("by_error").items())
        failed += fmt::format(" <span class=\"dim\">{} × {}</span>", count.get<std::uint64_t>(), escaped(error));
      out += fmt::format(
          "<tr{}><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td>",
          first ? " class=\"first\"" : "", first ? text(p, "name") : "", text(phase, "phase"), whole(phase, "sent"),
          phase.value("sent", 0) == 0 ? "" : percent(phase.value("ok", 0.0) / phase.value("sent", 1.0)), failed);
      for (const auto& [quantile, per_mille] : record::kQuantiles)
        out += fmt::format("<td class=\"n\">{}</td>", latency_text(phase, "latency_ms", quantile));
      const bool some_failed = phase.value("failed", 0) != 0;
      for (const char* whose : {"ok_latency_ms", "failed_latency_ms"})
        out += fmt::format("<td class=\"n dim\">{}</td>", some_failed ? latency_text(phase, whose, "p99") : "");
      out += "</tr>\n";
      first = false;
    }
  }
  return out + "</table>\n";
}

std::string guards(const json& s) {
  if (s.at("guards").empty()) return "";
  std::string out =
      "<h2>Guards</h2>\n<table><tr><th></th><th>guard</th><th>stops the run when</th><th>observed</th></tr>\n";
  for (const json& g : s.at("guards")) {
    const bool tripped = g.at("tripped");
    out += fmt::format(
        "<tr>{}<td>{}</td><td>{}</td><td>{}</td></tr>\n",
        tripped ? "<td class=\"broken\">✗</td>" : "<td class=\"dim\">–</td>", text(g, "name"), text(g, "condition"),
        tripped ? fmt::format("{}<br>stopped the run after {:.3g} s", text(g, "observed"), g.at("t_s").get<double>())
                : "it did not act");
  }
  return out + "</table>\n";
}

std::string warnings(const json& s) {
  if (s.at("warnings").empty()) return "";
  std::string out = "<h2>Warnings</h2>\n<ul>";
  for (const json& warning : s.at("warnings")) out += "<li>" + escaped(warning.get<std::string>()) + "</li>";
  return out + "</ul>\n";
}

std::string notes(const json& s) {
  if (s.at("notes").empty()) return "";
  std::string out = "<h2>Notes</h2>\n<ul>";
  for (const json& note : s.at("notes"))
    out += fmt::format("<li><span class=\"dim\">{}, {}</span> {} <span class=\"dim\">({})</span></li>",
                       note.at("t_s").is_null() ? "before" : fmt::format("{:.1f} s", note.at("t_s").get<double>()),
                       escaped(time_of_day(note.value("at", ""))), text(note, "text"), text(note, "by"));
  return out + "</ul>\n";
}

std::string footer(const json& s) {
  std::string cleanup = "<p class=\"broken\">The run did not record its cleanup.</p>";
  if (s.at("cleanup").is_object()) {
    cleanup = s.at("cleanup").value("ok", false) ? "<p>Nothing of the run was left behind."
                                                 : "<p class=\"broken\">Cleanup was incomplete.";
    if (s.at("healed_s").is_number()) cleanup += fmt::format(" Healed at {:.4g} s.", s.at("healed_s").get<double>());
    cleanup += "</p>";
  }
  std::string repeat = text(s, "repeat");
  if (repeat.empty()) repeat = fmt::format("faultline run PLAN --seed {}", s.value("seed", std::uint64_t{0}));
  return fmt::format(
      "<footer>{}<p>To play it again with the same chance: <code>{}</code>.{} The plan.toml beside this file is a copy "
      "of the plan, and can be played in its place; the files that a lab's commands read are where the plan was. Every "
      "event and every request is in journal.jsonl; this page and summary.json are made from it.</p></footer>\n",
      cleanup, repeat, s.value("repeat_masked", false) ? " Put in what stands as ***: secrets are not recorded." : "");
}

}  // namespace

std::string render_report(const record::Recording& recording, const json& summary) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>{}: {}</title>\n<style>{}</style></head><body>\n",
      text(summary, "verdict"), title_of(summary), kStyle);
  out += headline(summary);
  out += draw(recording);
  out +=
      "<p class=\"key\"><span class=\"swatch p50\"></span> median latency <span class=\"swatch spread\"></span> least "
      "to p99, each of the requests of a short span of time that succeeded, on a logarithmic scale "
      "<span class=\"swatch failed\"></span> share of requests that failed <span class=\"swatch window\"></span> "
      "fault</p>\n";
  return out + hypotheses(summary) + guards(summary) + faults(summary) + probes(summary) + notes(summary) +
         warnings(summary) + footer(summary) + "</body></html>\n";
}

}  // namespace faultline::report
