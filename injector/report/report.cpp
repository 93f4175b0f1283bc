#include "injector/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include <tuple>

#include "injector/base/text.h"
#include "injector/record/distribution.h"
#include "injector/report/chart.h"
#include "injector/report/held.h"
#include "injector/report/style.h"

namespace faultline::report {
namespace {

constexpr const char* kNone = "<span class=\"dim\">none</span>";

std::string title_of(const Summary& s) {
  return escaped(s.title.empty() ? s.name : s.title) + (s.arm ? ", arm " + escaped(*s.arm) : "");
}

std::string microseconds(const std::optional<double>& value) { return value ? short_microseconds(*value) : kNone; }

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += "<li>" + escaped(text) + "</li>";
  return out;
}

std::string headline(const Summary& s) {
  std::string out = fmt::format(
      "<header><p class=\"verdict {0}\">{0}</p><h1>{1}</h1>\n<p class=\"dim\">{2} · {3} · seed {4} · {5:.4g} s · "
      "kernel {6} ({7}) · faultline {8}</p>\n",
      escaped(s.verdict), title_of(s), escaped(s.started_at), escaped(s.host), s.seed, s.observed_s, escaped(s.kernel),
      escaped(s.engine), escaped(s.version));
  if (const auto broken = broken_hypotheses(s); !broken.empty())
    out += "<ul class=\"broken\">" + list_of(broken) + "</ul>";
  if (!s.reasons.empty()) out += "<ul class=\"reasons\">" + list_of(s.reasons) + "</ul>";
  return out + "</header>\n";
}

std::string hypotheses(const Summary& s) {
  if (s.hypotheses.empty()) return "";
  std::string out =
      "<h2>Hypotheses</h2>\n<table><tr><th></th><th>hypothesis</th><th>expected</th><th>observed</th></tr>\n";
  for (const auto& h : s.hypotheses) {
    const char* mark = !h.held   ? "<td class=\"open\">?</td>"
                       : *h.held ? "<td class=\"held\">✓</td>"
                                 : "<td class=\"broken\">✗</td>";
    std::string observed = escaped(h.observed);
    if (h.expected_to_fail.value_or(false))
      observed += h.as_expected() ? "<br>as expected of this arm" : "<br>this arm was expected to break it";
    if (!h.confidence.empty()) observed += fmt::format("<br><small>95 %: {}</small>", escaped(h.confidence));
    if (!h.held) observed += (observed.empty() ? "" : "<br>") + std::string("not judged: ") + escaped(h.reason);
    out += fmt::format("<tr>{}<td>{}</td><td>{}</td><td>{}</td></tr>\n", mark, escaped(h.name), escaped(h.expected),
                       observed);
  }
  return out + "</table>\n";
}

std::string quantiles_cell(const TimeQuantiles& s) {
  if (s.count == 0) return kNone;
  return fmt::format("{} / {} / {}", microseconds(s.p50), microseconds(s.p99), microseconds(s.max));
}

std::string names(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& name : list) text += (text.empty() ? "" : ", ") + escaped(name);
  return text;
}

/// "shop, what it sends to bank"
std::string where(const Fault& fault) {
  const std::string peer = names(fault.peer), text = names(fault.on);
  if (fault.direction == "both") return text + (peer.empty() ? "" : ", traffic with " + peer);
  const bool out = fault.direction == "egress";
  return text + (out ? ", what it sends" : ", what it receives") +
         (peer.empty() ? "" : (out ? " to " : " from ") + peer);
}

/// What happened to few packets, a line each.
std::string rarer(const Fault& f) {
  std::string more;
  const auto add = [&](const std::string& text) { more += fmt::format("<br><span class=\"dim\">{}</span>", text); };
  for (const auto& [n, what] : {std::pair{f.duplicated, "duplicated"},
                                {f.corrupted, "corrupted"},
                                {f.reordered, "reordered"},
                                {f.released_at_end, "released at end"},
                                {f.answered, "answered"},
                                {f.queue_dropped, "queue dropped"},
                                {f.left_out, "left out"},
                                {f.packets_undelivered, "undelivered"},
                                {f.passed_by_safety, "passed by safety"}})
    if (n != 0) add(fmt::format("{} {}", n, what));
  for (const auto& [word, met, dead] :
       {std::tuple{"connections", f.flows_met, f.flows_dead}, {"clients", f.clients_met, f.clients_dead}})
    if (met != 0) add(fmt::format("{} of {} {} dead", dead, met, word));
  if (f.targets.size() > 1)
    for (const auto& one : f.targets) add(fmt::format("{} at {}", one.packets_matched, escaped(one.target)));
  return more;
}

std::string faults(const Summary& s) {
  if (s.faults.empty()) return "";
  std::string out =
      "<h2>Faults: asked and applied</h2>\n<table><tr><th>fault</th><th>window</th><th>asked</th><th "
      "class=\"n\">packets</th><th class=\"n\">dropped</th><th class=\"n\">delayed</th>"
      "<th>applied delay<br>p50 / p99 / max</th><th>lateness<br>p50 / p99 / max</th><th class=\"n\" title=\"from the "
      "planned instant to the first packet that there was\">first packet<br>after</th></tr>\n";
  for (const auto& f : s.faults) {
    out += fmt::format("<tr><td>{}<br><span class=\"dim\">{} on {}</span></td><td>{:g} to {:g} s</td><td>{}</td>",
                       escaped(f.name), escaped(f.kind), where(f), f.start_s, f.end_s, escaped(f.asked_text));
    if (!f.counted) {
      out += "<td colspan=\"6\" class=\"dim\">nothing was counted</td></tr>\n";
      continue;
    }
    std::string held;
    if (const auto why = held_longer(f))
      held = fmt::format("<br><span class=\"dim\">held {}: {}</span>", quantiles_cell(f.held_us), escaped(*why));
    out += fmt::format(
        "<td class=\"n\">{}{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}{}</td><td>{}</td><td "
        "class=\"n\">{}</td></tr>\n",
        f.matched, rarer(f), f.dropped, f.delayed, quantiles_cell(f.applied_delay_us), held,
        quantiles_cell(f.lateness_us), microseconds(f.onset_error_us));
  }
  return out + "</table>\n";
}

std::string probes(const Summary& s) {
  if (s.probes.empty()) return "";
  std::string out =
      "<h2>Probes by phase</h2>\n<table><tr><th>probe</th><th>phase</th><th class=\"n\">sent</th><th "
      "class=\"n\">ok</th><th>failed</th><th class=\"n\">p50</th><th class=\"n\">p90</th>"
      "<th class=\"n\">p99</th><th class=\"n\">max</th><th class=\"n\" title=\"of the requests that "
      "succeeded\">ok.p99</th><th class=\"n\" title=\"how long the others took to fail\">failed.p99</th></tr>\n";
  for (const auto& p : s.probes) {
    bool first = true;
    for (const auto& phase : p.phases) {
      std::string failed = phase.failed == 0 ? "" : std::to_string(phase.failed);
      for (const auto& [error, count] : phase.by_error)
        failed += fmt::format(" <span class=\"dim\">{} × {}</span>", count, escaped(error));
      out += fmt::format(
          "<tr{}><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td>",
          first ? " class=\"first\"" : "", first ? escaped(p.name) : "", escaped(phase.phase), phase.sent,
          phase.sent == 0 ? "" : percent(static_cast<double>(phase.ok) / static_cast<double>(phase.sent)), failed);
      for (std::size_t i = 0; i < std::size(record::kQuantiles); i++)
        out += fmt::format("<td class=\"n\">{}</td>", latency_text(phase, &Latency::latency_ms, i));
      for (const auto whose : {&Latency::ok_latency_ms, &Latency::failed_latency_ms})
        out += fmt::format("<td class=\"n dim\">{}</td>", phase.failed == 0 ? "" : latency_text(phase, whose, kP99));
      out += "</tr>\n";
      first = false;
    }
  }
  return out + "</table>\n";
}

std::string telemetry(const Summary& s) {
  if (s.telemetry.empty()) return "";
  std::string out =
      "<h2>Connections by phase</h2>\n<table><tr><th>target</th><th>phase</th><th class=\"n\">opened</th><th "
      "class=\"n\">accepted</th><th class=\"n\">closed</th><th>failed</th><th class=\"n\" title=\"segments sent "
      "again\">retransmits</th><th class=\"n\" title=\"of these: because the retransmission timer ran "
      "out\">timeouts</th><th class=\"n\">resets<br>sent</th><th class=\"n\">resets<br>received</th><th "
      "class=\"n\">bytes<br>sent</th><th class=\"n\">bytes<br>received</th><th class=\"n\" title=\"smoothed round-trip "
      "time\">RTT<br>p50</th><th class=\"n\">RTT<br>p99</th><th class=\"n\" title=\"from the last byte of what was "
      "asked "
      "to the first of its answer\">turns<br>p50</th><th class=\"n\">turns<br>p99</th></tr>\n";
  for (const auto& target : s.telemetry) {
    bool first = true;
    const auto row = [&](const std::string& when, const TelemetryStats& stats) {
      out += fmt::format("<tr{}><td>{}</td><td>{}</td>", first ? " class=\"first\"" : "",
                         first ? escaped(target.target) : "", escaped(when));
      first = false;
      std::string failed;
      for (const auto& [error, count] : stats.failed) failed += fmt::format("{} × {} ", count, escaped(error));
      for (const auto n : {stats.opened, stats.accepted, stats.closed})
        out += fmt::format("<td class=\"n\">{}</td>", n);
      out += fmt::format("<td>{}</td>", failed);
      for (const auto n : {stats.retransmits, stats.timeouts, stats.resets_sent, stats.resets_received,
                           stats.bytes_sent, stats.bytes_received})
        out += fmt::format("<td class=\"n\">{}</td>", n);
      const Quantiles turns = stats.turns_ms.value_or(Quantiles());
      for (const auto& time : {stats.rtt_ms.p50, stats.rtt_ms.p99, turns.p50, turns.p99})
        out += fmt::format("<td class=\"n\">{}</td>", time ? short_microseconds(*time * 1000) : "");
      out += "</tr>\n";
    };
    for (const auto& phase : target.phases) row(phase.phase, phase);
    for (const auto& peer : target.peers) row("with " + peer.peer, peer.run);
  }
  return out + "</table>\n";
}

std::string guards(const Summary& s) {
  if (s.guards.empty()) return "";
  std::string out =
      "<h2>Guards</h2>\n<table><tr><th></th><th>guard</th><th>stops the run when</th><th>observed</th></tr>\n";
  for (const auto& g : s.guards) {
    out += fmt::format(
        "<tr>{}<td>{}</td><td>{}</td><td>{}</td></tr>\n",
        g.tripped ? "<td class=\"broken\">✗</td>" : "<td class=\"dim\">–</td>", escaped(g.name), escaped(g.condition),
        g.tripped
            ? fmt::format("{}<br>stopped the run after {:.3g} s", escaped(g.observed.value_or("")), g.t_s.value_or(0))
            : "it did not act");
  }
  return out + "</table>\n";
}

std::string events(const Summary& s) {
  if (s.events.empty()) return "";
  std::string out = "<h2>Events</h2>\n<table><tr><th>event</th><th class=\"n\">seen</th><th>lines</th></tr>\n";
  for (const auto& e : s.events) {
    out +=
        fmt::format("<tr><td>{}<br><span class=\"dim\">{} in {}</span></td><td class=\"n\">{}</td><td>",
                    escaped(e.name), escaped(e.match), escaped(e.log.empty() ? e.file : "the log of " + e.log), e.seen);
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < std::min(kShown, e.lines.size()); i++)
      out +=
          fmt::format("{}<span class=\"dim\">{:.3f} s</span> {}", i == 0 ? "" : "<br>", e.lines[i].t_s,
                      e.lines[i].line.empty() ? fmt::format("{} lines", e.lines[i].count) : escaped(e.lines[i].line));
    if (e.lines.size() > kShown) out += "<br><span class=\"dim\">more are in summary.json and journal.jsonl</span>";
    if (e.trouble) out += "<br>" + escaped(*e.trouble);
    out += "</td></tr>\n";
  }
  return out + "</table>\n";
}

std::string warnings(const Summary& s) {
  if (s.warnings.empty()) return "";
  return "<h2>Warnings</h2>\n<ul>" + list_of(s.warnings) + "</ul>\n";
}

std::string notes(const Summary& s) {
  if (s.notes.empty()) return "";
  std::string out = "<h2>Notes</h2>\n<ul>";
  for (const auto& note : s.notes)
    out += fmt::format("<li><span class=\"dim\">{}, {}</span> {} <span class=\"dim\">({})</span></li>",
                       note.t_s ? fmt::format("{:.1f} s", *note.t_s) : "before", escaped(time_of_day(note.at)),
                       escaped(note.text), escaped(note.by));
  return out + "</ul>\n";
}

std::string footer(const Summary& s) {
  std::string cleanup = "<p class=\"broken\">The run did not record its cleanup.</p>";
  if (s.cleanup) {
    cleanup = s.cleanup->ok ? "<p>Nothing of the run was left behind." : "<p class=\"broken\">Cleanup was incomplete.";
    if (s.healed_s) cleanup += fmt::format(" Healed at {:.4g} s.", *s.healed_s);
    cleanup += "</p>";
  }
  const std::string repeat = s.repeat.empty() ? fmt::format("faultline run PLAN --seed {}", s.seed) : escaped(s.repeat);
  return fmt::format(
      "<footer>{}<p>To play it again with the same chance: <code>{}</code>.{} The plan.toml beside this file is a copy "
      "of the plan, and can be played in its place; the files that a lab's commands read are where the plan was. Every "
      "event and every request is in journal.jsonl; this page and summary.json are made from it.</p></footer>\n",
      cleanup, repeat, s.repeat_masked ? " Replace each ***: secrets are not recorded." : "");
}

}  // namespace

std::string render_report(const record::Recording& recording, const Summary& summary) {
  std::string out = page_begin(fmt::format("{}: {}", escaped(summary.verdict), title_of(summary)));
  out += headline(summary);
  out += draw(recording);
  out +=
      "<p class=\"key\"><span class=\"swatch p50\"></span> median latency <span class=\"swatch spread\"></span> least "
      "to p99, each of the requests of a short span of time that succeeded, on a logarithmic scale "
      "<span class=\"swatch failed\"></span> share of requests that failed <span class=\"swatch window\"></span> "
      "fault</p>\n";
  return out + hypotheses(summary) + guards(summary) + faults(summary) + probes(summary) + telemetry(summary) +
         events(summary) + notes(summary) + warnings(summary) + footer(summary) + kPageEnd;
}

}  // namespace faultline::report
