// The report's tables of what the run came to, from the summary alone. They need no script.
#include <fmt/format.h>

#include "injector/base/text.h"
#include "injector/record/distribution.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"
#include "injector/report/table.h"

namespace faultline::report {

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += "<li>" + escaped(text) + "</li>";
  return out;
}

std::string hypothesis_table(const Summary& s) {
  if (s.hypotheses.empty()) return "";
  using Of = Table::Of;
  Table table({{"", Of::mark}, {"hypothesis", Of::name}, {"expected"}, {"observed"}});
  for (const auto& h : s.hypotheses) {
    table.row();
    if (!h.held)
      table.cell("?", "open");
    else if (h.untested)
      table.cell("○", "open", "held, untested");
    else
      table.cell(*h.held ? "✓" : "✗", *h.held ? "held" : "broken");
    std::string observed = escaped(h.observed);
    if (h.expected_to_fail.value_or(false))
      observed += h.as_expected() ? "<br>as expected of this arm" : "<br>this arm was expected to break it";
    if (!h.confidence.empty()) observed += fmt::format("<br><small>95 %: {}</small>", escaped(h.confidence));
    if (h.untested) observed += "<br><span class=\"dim\">untested: " + escaped(*h.untested) + "</span>";
    if (!h.held) observed += (observed.empty() ? "" : "<br>") + std::string("not judged: ") + escaped(h.reason);
    table.cell(escaped(h.name)).cell(escaped(h.expected)).cell(observed);
  }
  return "<h2>Hypotheses</h2>\n" + table.html();
}

std::string guard_table(const Summary& s) {
  if (s.guards.empty()) return "";
  using Of = Table::Of;
  Table table({{"", Of::mark}, {"guard", Of::name}, {"stops the run when"}, {"observed"}});
  for (const auto& g : s.guards)
    table.row()
        .cell(g.tripped ? "✗" : "–", g.tripped ? "broken" : "dim")
        .cell(escaped(g.name))
        .cell(escaped(g.condition))
        .cell(g.tripped ? fmt::format("{}<br>stopped the run after {:.3g} s", escaped(g.observed.value_or("")),
                                      g.t_s.value_or(0))
                        : "it did not act");
  return "<h2>Guards</h2>\n" + table.html();
}

std::string probe_table(const Summary& s) {
  if (s.probes.empty()) return "";
  using Of = Table::Of;
  Table table({{"probe", Of::name},
               {"phase", Of::name},
               {"requests", Of::number, "that were due in it"},
               {"ok", Of::number},
               {"failed"},
               {"p50", Of::number},
               {"p90", Of::number},
               {"p99", Of::number},
               {"max", Of::number},
               {"ok.p99", Of::number, "of the requests that succeeded"},
               {"failed.p99", Of::number, "how long the others took to fail"}});
  for (const auto& p : s.probes) {
    bool first = true;
    for (const auto& phase : p.phases) {
      // Of one kind, its number is theirs.
      std::string failed = phase.by_error.size() < 2 && phase.failed > 0 ? "" : thousands(phase.failed);
      if (phase.failed == 0) failed.clear();
      for (const auto& [error, count] : phase.by_error)
        failed += fmt::format(" <span class=\"dim\">{} × {}</span>", thousands(count), escaped(error));
      table.row(first ? "first" : "").cell(first ? escaped(p.name) : "").cell(escaped(phase.phase));
      table.cell(fmt::format("{}", phase.sent))
          .cell(phase.sent == 0 ? "" : percent(static_cast<double>(phase.ok) / static_cast<double>(phase.sent)))
          .cell(failed);
      for (std::size_t i = 0; i < std::size(record::kQuantiles); i++)
        table.cell(latency_text(phase, &Latency::latency_ms, i));
      for (const auto whose : {&Latency::ok_latency_ms, &Latency::failed_latency_ms})
        table.cell(phase.failed == 0 ? "" : latency_text(phase, whose, kP99), "dim");
      first = false;
    }
  }
  return "<h2>Probes by phase</h2>\n" + table.html();
}

std::string telemetry_table(const Summary& s) {
  if (s.telemetry.empty()) return "";
  using Of = Table::Of;
  Table table({{"target", Of::name},
               {"phase", Of::name},
               {"opened", Of::number},
               {"accepted", Of::number},
               {"closed", Of::number},
               {"failed"},
               {"retransmits", Of::number, "segments sent again"},
               {"ours", Of::number, "of these: since a fault dropped the segment, or an acknowledgement of it"},
               {"timeouts", Of::number, "of retransmits: because the retransmission timer ran out"},
               {"resets\nsent", Of::number},
               {"resets\nreceived", Of::number},
               {"bytes\nsent", Of::number},
               {"bytes\nreceived", Of::number},
               {"RTT\np50", Of::number, "smoothed round-trip time"},
               {"RTT\np99", Of::number},
               {"turns\np50", Of::number, "from the last byte of what was asked to the first of its answer"},
               {"turns\np99", Of::number}});
  for (const auto& target : s.telemetry) {
    bool first = true;
    const auto row = [&](const std::string& when, const TelemetryStats& stats) {
      table.row(first ? "first" : "").cell(first ? escaped(target.target) : "").cell(escaped(when));
      first = false;
      std::string failed;
      for (const auto& [error, count] : stats.failed) failed += fmt::format("{} × {} ", count, escaped(error));
      for (const auto n : {stats.opened, stats.accepted, stats.closed}) table.cell(fmt::format("{}", n));
      table.cell(failed);
      for (const auto n : {stats.retransmits, stats.retransmits_ours, stats.timeouts, stats.resets_sent,
                           stats.resets_received, stats.bytes_sent, stats.bytes_received})
        table.cell(fmt::format("{}", n));
      const Quantiles turns = stats.turns_ms.value_or(Quantiles());
      for (const auto& time : {stats.rtt_ms.p50, stats.rtt_ms.p99, turns.p50, turns.p99})
        table.cell(time ? short_microseconds(*time * 1000) : "");
    };
    for (const auto& phase : target.phases) row(phase.phase, phase);
    for (const auto& peer : target.peers) row("with " + peer.peer, peer.run);
  }
  return "<h2>Connections by phase</h2>\n" + table.html();
}

std::string event_table(const Summary& s) {
  if (s.events.empty()) return "";
  using Of = Table::Of;
  Table table({{"event", Of::name}, {"seen", Of::number}, {"lines"}});
  for (const auto& e : s.events) {
    table.row()
        .cell(fmt::format("{}<br><span class=\"dim\">{} in {}</span>", escaped(e.name), escaped(e.match),
                          escaped(e.log.empty() ? e.file : "the log of " + e.log)))
        .cell(fmt::format("{}", e.seen));
    constexpr std::size_t kShown = 10;
    std::string lines;
    for (std::size_t i = 0; i < std::min(kShown, e.lines.size()); i++)
      lines += fmt::format("{}<span class=\"dim\">{:.3f} s</span> {}", i == 0 ? "" : "<br>", e.lines[i].t_s,
                           e.lines[i].line.empty()
                               ? fmt::format("{} line{}", e.lines[i].count, e.lines[i].count == 1 ? "" : "s")
                               : escaped(e.lines[i].line));
    if (e.lines.size() > kShown) lines += "<br><span class=\"dim\">more are in summary.json and journal.jsonl</span>";
    if (e.trouble) lines += "<br>" + escaped(*e.trouble);
    table.cell(lines);
  }
  return "<h2>Events</h2>\n" + table.html();
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
