// The report's tables of what the run came to, from the summary alone. They need no script.
#include <fmt/format.h>

#include "injector/base/text.h"
#include "injector/record/distribution.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"

namespace faultline::report {

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += "<li>" + escaped(text) + "</li>";
  return out;
}

std::string hypothesis_table(const Summary& s) {
  if (s.hypotheses.empty()) return "";
  std::string out =
      "<h2>Hypotheses</h2>\n<div "
      "class=\"wide\"><table><tr><th></th><th>hypothesis</th><th>expected</th><th>observed</th></tr>\n";
  for (const auto& h : s.hypotheses) {
    const char* mark = !h.held      ? "<td class=\"open\">?</td>"
                       : h.untested ? "<td class=\"open\" title=\"held, untested\">○</td>"
                       : *h.held    ? "<td class=\"held\">✓</td>"
                                    : "<td class=\"broken\">✗</td>";
    std::string observed = escaped(h.observed);
    if (h.expected_to_fail.value_or(false))
      observed += h.as_expected() ? "<br>as expected of this arm" : "<br>this arm was expected to break it";
    if (!h.confidence.empty()) observed += fmt::format("<br><small>95 %: {}</small>", escaped(h.confidence));
    if (h.untested) observed += "<br><span class=\"dim\">untested: " + escaped(*h.untested) + "</span>";
    if (!h.held) observed += (observed.empty() ? "" : "<br>") + std::string("not judged: ") + escaped(h.reason);
    out += fmt::format("<tr>{}<td>{}</td><td>{}</td><td>{}</td></tr>\n", mark, escaped(h.name), escaped(h.expected),
                       observed);
  }
  return out + "</table></div>\n";
}

std::string guard_table(const Summary& s) {
  if (s.guards.empty()) return "";
  std::string out =
      "<h2>Guards</h2>\n<div class=\"wide\"><table><tr><th></th><th>guard</th><th>stops the run "
      "when</th><th>observed</th></tr>\n";
  for (const auto& g : s.guards) {
    out += fmt::format(
        "<tr>{}<td>{}</td><td>{}</td><td>{}</td></tr>\n",
        g.tripped ? "<td class=\"broken\">✗</td>" : "<td class=\"dim\">–</td>", escaped(g.name), escaped(g.condition),
        g.tripped
            ? fmt::format("{}<br>stopped the run after {:.3g} s", escaped(g.observed.value_or("")), g.t_s.value_or(0))
            : "it did not act");
  }
  return out + "</table></div>\n";
}

std::string probe_table(const Summary& s) {
  if (s.probes.empty()) return "";
  std::string out =
      "<h2>Probes by phase</h2>\n<div class=\"wide\"><table><tr><th>probe</th><th>phase</th><th "
      "class=\"n\" title=\"that were due in it\">requests</th><th "
      "class=\"n\">ok</th><th>failed</th><th class=\"n\">p50</th><th class=\"n\">p90</th>"
      "<th class=\"n\">p99</th><th class=\"n\">max</th><th class=\"n\" title=\"of the requests that "
      "succeeded\">ok.p99</th><th class=\"n\" title=\"how long the others took to fail\">failed.p99</th></tr>\n";
  for (const auto& p : s.probes) {
    bool first = true;
    for (const auto& phase : p.phases) {
      // Of one kind, its number is theirs.
      std::string failed = phase.by_error.size() < 2 && phase.failed > 0 ? "" : thousands(phase.failed);
      if (phase.failed == 0) failed.clear();
      for (const auto& [error, count] : phase.by_error)
        failed += fmt::format(" <span class=\"dim\">{} × {}</span>", thousands(count), escaped(error));
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
  return out + "</table></div>\n";
}

std::string telemetry_table(const Summary& s) {
  if (s.telemetry.empty()) return "";
  std::string out =
      "<h2>Connections by phase</h2>\n<div class=\"wide\"><table><tr><th>target</th><th>phase</th><th "
      "class=\"n\">opened</th><th "
      "class=\"n\">accepted</th><th class=\"n\">closed</th><th>failed</th><th class=\"n\" title=\"segments sent "
      "again\">retransmits</th><th class=\"n\" title=\"of these: since a fault dropped the segment, or an "
      "acknowledgement of "
      "it\">ours</th><th class=\"n\" title=\"of retransmits: because the retransmission timer ran "
      "out\">timeouts</th><th class=\"n\">resets<br>sent</th><th class=\"n\">resets<br>received</th><th "
      "class=\"n\">bytes<br>sent</th><th class=\"n\">bytes<br>received</th><th class=\"n\" title=\"smoothed round-trip "
      "time\">RTT<br>p50</th><th class=\"n\">RTT<br>p99</th><th class=\"n\" title=\"from the last byte of what was "
      "asked to the first of its answer\">turns<br>p50</th><th class=\"n\">turns<br>p99</th></tr>\n";
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
      for (const auto n : {stats.retransmits, stats.retransmits_ours, stats.timeouts, stats.resets_sent,
                           stats.resets_received, stats.bytes_sent, stats.bytes_received})
        out += fmt::format("<td class=\"n\">{}</td>", n);
      const Quantiles turns = stats.turns_ms.value_or(Quantiles());
      for (const auto& time : {stats.rtt_ms.p50, stats.rtt_ms.p99, turns.p50, turns.p99})
        out += fmt::format("<td class=\"n\">{}</td>", time ? short_microseconds(*time * 1000) : "");
      out += "</tr>\n";
    };
    for (const auto& phase : target.phases) row(phase.phase, phase);
    for (const auto& peer : target.peers) row("with " + peer.peer, peer.run);
  }
  return out + "</table></div>\n";
}

std::string event_table(const Summary& s) {
  if (s.events.empty()) return "";
  std::string out =
      "<h2>Events</h2>\n<div class=\"wide\"><table><tr><th>event</th><th class=\"n\">seen</th><th>lines</th></tr>\n";
  for (const auto& e : s.events) {
    out +=
        fmt::format("<tr><td>{}<br><span class=\"dim\">{} in {}</span></td><td class=\"n\">{}</td><td>",
                    escaped(e.name), escaped(e.match), escaped(e.log.empty() ? e.file : "the log of " + e.log), e.seen);
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < std::min(kShown, e.lines.size()); i++)
      out += fmt::format("{}<span class=\"dim\">{:.3f} s</span> {}", i == 0 ? "" : "<br>", e.lines[i].t_s,
                         e.lines[i].line.empty()
                             ? fmt::format("{} line{}", e.lines[i].count, e.lines[i].count == 1 ? "" : "s")
                             : escaped(e.lines[i].line));
    if (e.lines.size() > kShown) out += "<br><span class=\"dim\">more are in summary.json and journal.jsonl</span>";
    if (e.trouble) out += "<br>" + escaped(*e.trouble);
    out += "</td></tr>\n";
  }
  return out + "</table></div>\n";
}

namespace {

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

}  // namespace

std::string notes_and_warnings(const Summary& s) { return notes(s) + warnings(s); }

}  // namespace faultline::report
