// render_outcome(): the verdict for people, from the summary alone.
#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "injector/base/text.h"
#include "injector/report/derive.h"
#include "injector/report/held.h"
#include "injector/report/terminal_style.h"
#include "injector/screen/locale.h"
#include "injector/screen/row.h"

namespace faultline::report {
namespace {

std::string quantiles_text(const TimeQuantiles& quantiles) {
  return fmt::format("p50 {}, p99 {}, max {}", short_microseconds(quantiles.p50.value_or(0)),
                     short_microseconds(quantiles.p99.value_or(0)), short_microseconds(quantiles.max.value_or(0)));
}

/// `text` broken at its commas so that it fits 80 columns, each line after the first indented to where it begins.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t used = indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = text.find(", ", at);
    const std::size_t end = comma == std::string::npos ? text.size() : comma + 2;
    const std::size_t width = end - at - (comma == std::string::npos ? 0 : 1);  // without the space after the comma
    if (used > indent && used + width > 80) {
      out.back() = '\n';  // was the space after a comma
      out.append(indent, ' ');
      used = indent;
    }
    out.append(text, at, end - at);
    used += end - at;
    at = end;
  }
  return out;
}

/// What happens to few packets, and is told where it happened to any.
struct Rarer {
  std::uint64_t faults::Counts::*in;
  const char* word;
};
constexpr Rarer kRarer[] = {{&Fault::duplicated, "duplicated"},
                            {&Fault::corrupted, "corrupted"},
                            {&Fault::reordered, "reordered"},
                            {&Fault::answered, "answered"},
                            {&Fault::queue_dropped, "dropped by the rate's queue"},
                            {&Fault::left_out, "left out"}};

void render_fault(Visible& out, const Fault& fault, const Style& style) {
  out += shown("    {}{}\n", style.paint("1", visible(fault.name)),
               fault.name == fault.kind ? "" : " (" + fault.kind + ")");
  if (!fault.asked_text.empty()) out += "        asked    " + wrapped(visible(fault.asked_text), 17) + "\n";
  if (!fault.counted) {
    out += "        applied  nothing was counted\n";
    return;
  }
  out += shown("        applied  {} packets, {} dropped", thousands(fault.matched), thousands(fault.dropped));
  if (fault.matched > 0 && fault.dropped > 0)
    out += shown(" ({})", percent(static_cast<double>(fault.dropped) / static_cast<double>(fault.matched)));
  out += shown(", {} delayed\n", thousands(fault.delayed));
  std::string rarer;
  for (const auto& one : kRarer)
    if (const auto n = fault.*one.in; n != 0)
      rarer += fmt::format("{}{} {}", rarer.empty() ? "" : ", ", thousands(n), one.word);
  if (!rarer.empty()) out += "                 " + rarer + "\n";
  for (const auto& [word, met, dead] : {std::tuple{"connections", fault.flows_met, fault.flows_dead},
                                        {"clients", fault.clients_met, fault.clients_dead}})
    if (met != 0) out += fmt::format("                 {} of {} {} dead\n", thousands(dead), thousands(met), word);
  if (fault.targets.size() > 1) {
    std::string each;
    for (const auto& one : fault.targets)
      each += fmt::format("{}{} {}", each.empty() ? "" : ", ", visible(one.target), thousands(one.packets_matched));
    out += "        met at   " + wrapped(each, 17) + "\n";
  }
  // A few wait when any fault ends; many mean that the fault is short for what it asks.
  if (fault.delayed > 0 && fault.released_at_end * 10 >= fault.delayed)
    out += shown("                 {} let go at the fault's end, before they were due\n",
                 fault.released_at_end == fault.delayed ? "all" : thousands(fault.released_at_end));
  if (fault.applied_delay_us.count > 0) out += "        delay    " + quantiles_text(fault.applied_delay_us) + "\n";
  if (const auto why = held_longer(fault))
    out += "        held     " + quantiles_text(fault.held_us) + "\n                 " + wrapped(*why, 17) + "\n";
  if (fault.lateness_us.count > 0)
    out += shown("        lateness {} ({} allowed at p99)\n", quantiles_text(fault.lateness_us),
                 short_microseconds(fault.lateness_limit_us));
}

}  // namespace

Visible render_outcome(const Outcome& outcome, const std::filesystem::path& folder, bool color) {
  const Summary& s = outcome.summary;
  const Style style{color, screen::locale_is_utf8()};
  const int exit = static_cast<int>(outcome.exit);
  Visible out = "\n" + style.paint(verdict_color(exit), upper(s.verdict));
  out += shown("  {}{}\n    {}\n", s.title.empty() ? s.name : s.title, s.arm ? ", arm " + *s.arm : "",
               style.paint("2", shown("exit {}, seed {}, {:.3g} s", exit, s.seed, s.observed_s)));
  for (const auto& broken : broken_hypotheses(s)) out += shown("    {} {}\n", style.held(false), broken);
  for (const auto& reason : s.reasons) out += shown("    {} {}\n", style.paint("33", "!"), reason);

  if (!s.hypotheses.empty()) out += "  Hypotheses\n";
  for (const auto& h : s.hypotheses) {
    out += shown("    {} {}{}\n", style.held(h.held, h.untested.has_value()), h.name,
                 !h.expected_to_fail.value_or(false) ? ""
                 : h.as_expected()                   ? " (broken, as expected of this arm)"
                                                     : " (expected to break)");
    out += shown("        expected {}\n", h.expected);
    if (!h.observed.empty()) out += shown("        observed {}\n", h.observed);
    if (h.held == false && !h.confidence.empty()) out += shown("        95 %     {}\n", h.confidence);
    if (h.untested) out += "        untested " + wrapped(visible(*h.untested), 17) + "\n";
    if (!h.held) out += shown("        not judged: {}\n", h.reason);
  }
  if (!s.guards.empty()) out += "  Guards\n";
  for (const auto& g : s.guards) {
    out += shown("    {} {}{}\n", g.tripped ? style.held(false) : "-", g.name, g.tripped ? "" : ": did not act");
    if (g.tripped)
      out += shown("        stopped the run after {:.3g} s ({}): {}\n", g.t_s.value_or(0), g.condition,
                   g.observed.value_or(""));
  }
  if (!s.faults.empty()) out += "  Faults\n";
  for (const auto& fault : s.faults) render_fault(out, fault, style);
  const char* loads = "  Load\n";
  for (const auto& probe : s.probes)
    if (probe.load)
      out += std::exchange(loads, "") +
             shown("    {}\n        offered {}: {} requests\n        sent {}, p99 {} late\n", probe.name,
                   probe.load->rate, thousands(probe.load->offered), thousands(probe.load->sent),
                   short_duration(static_cast<Ns>(probe.send_lateness_ms.p99 * static_cast<double>(kMillisecond))));
  const char* heading = "  Connections\n";
  for (const auto& one : s.telemetry) {
    const auto text = trouble_text(one.run);
    if (text.empty()) continue;
    out += std::exchange(heading, "") + shown("    {}\n        ", one.target) + wrapped(text, 8) + "\n";
  }
  if (!s.events.empty()) out += "  Events\n";
  for (const auto& event : s.events) {
    out += shown("    {}: {}\n", event.name,
                 event.seen == 0   ? "not seen"
                 : event.seen == 1 ? fmt::format("seen once, after {:.3f} s", *event.first_s)
                                   : fmt::format("seen {} times, first after {:.3f} s", event.seen, *event.first_s));
    if (!event.lines.empty()) out += shown("        {}\n", screen::clipped(event.lines.front().line));
    if (event.trouble) out += shown("        {}\n", *event.trouble);
  }
  if (!s.warnings.empty()) out += "  Warnings\n";
  for (const auto& warning : s.warnings) out += shown("    {}\n", warning);
  if (!s.notes.empty()) out += "  Notes\n";
  for (const auto& note : s.notes)
    out += shown("    {} {} {} ({})\n", note.t_s ? shown("[{:5.1f}s]", *note.t_s) : Visible("[before]"),
                 time_of_day(note.at), screen::clipped(note.text), screen::clipped(note.by));
  out += shown("  Files   {}  (report.html, journal.jsonl, summary.json, junit.xml)\n", folder.string());
  return for_locale(std::move(out), style.utf8);
}

}  // namespace faultline::report
