// render_outcome(): the verdict for people, from the summary alone.
#include <fmt/format.h>

#include <tuple>

#include "injector/base/text.h"
#include "injector/record/held.h"
#include "injector/report/derive.h"
#include "injector/report/summary.h"
#include "injector/screen/locale.h"
#include "injector/screen/row.h"

namespace faultline::report {
namespace {

using nlohmann::json;

struct Style {
  bool color;
  bool utf8;
  Visible paint(const char* code, const Visible& text) const { return color ? Visible::painted(code, text) : text; }
  Visible held(const json& h) const {
    if (h.is_null()) return paint("33", "?");
    if (h.get<bool>()) return paint("32", utf8 ? "✓" : "+");
    return paint("31", utf8 ? "✗" : "x");
  }
};

std::string upper(std::string text) {
  for (char& c : text) c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

const char* verdict_color(int exit) {
  switch (exit) {
    case 0:
      return "1;32";
    case 2:
      return "1;33";
    default:
      return "1;31";
  }
}

std::string spread_text(const json& spread) {
  return fmt::format("p50 {}, p99 {}, max {}", short_microseconds(spread.at("p50")),
                     short_microseconds(spread.at("p99")), short_microseconds(spread.at("max")));
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

void render_fault(Visible& out, const json& fault, const Style& style) {
  const std::string kind = fault.value("kind", ""), asked = fault.value("asked_text", "");
  const std::string name = fault.value("name", "");
  out += shown("    {}{}\n", style.paint("1", visible(name)), name == kind ? "" : " (" + kind + ")");
  if (!asked.empty()) out += "        asked    " + wrapped(visible(asked), 17) + "\n";
  if (!fault.value("counted", false)) {
    out += "        applied  nothing was counted\n";
    return;
  }
  const auto matched = fault.value("packets_matched", std::uint64_t{0});
  const auto dropped = fault.value("packets_dropped", std::uint64_t{0});
  out += shown("        applied  {} packets, {} dropped", thousands(matched), thousands(dropped));
  if (matched > 0 && dropped > 0)
    out += shown(" ({})", percent(static_cast<double>(dropped) / static_cast<double>(matched)));
  out += shown(", {} delayed\n", thousands(fault.value("packets_delayed", std::uint64_t{0})));
  std::string rarer;
  for (const auto& [key, word] : {std::pair{"packets_duplicated", "duplicated"},
                                  {"packets_corrupted", "corrupted"},
                                  {"packets_reordered", "reordered"},
                                  {"packets_answered", "answered"},
                                  {"packets_queue_dropped", "dropped by the rate's queue"},
                                  {"packets_left_out", "left out"}})
    if (const auto n = fault.value(key, std::uint64_t{0}); n != 0)
      rarer += fmt::format("{}{} {}", rarer.empty() ? "" : ", ", thousands(n), word);
  if (!rarer.empty()) out += "                 " + rarer + "\n";
  for (const auto& [word, met, dead] :
       {std::tuple{"connections", "flows_met", "flows_dead"}, {"clients", "clients_met", "clients_dead"}})
    if (const auto n = fault.value(met, std::uint64_t{0}); n != 0)
      out += fmt::format("                 {} of {} {} dead\n", thousands(fault.value(dead, std::uint64_t{0})),
                         thousands(n), word);
  if (const auto targets = fault.value("targets", json::array()); targets.size() > 1) {
    std::string each;
    for (const auto& one : targets)
      each += fmt::format("{}{} {}", each.empty() ? "" : ", ", visible(one.value("target", "")),
                          thousands(one.value("packets_matched", std::uint64_t{0})));
    out += "        met at   " + wrapped(each, 17) + "\n";
  }
  // A few wait when any fault ends; many mean that the fault is short for what it asks.
  const auto delayed = fault.value("packets_delayed", std::uint64_t{0}),
             released = fault.value("packets_released_at_end", std::uint64_t{0});
  if (delayed > 0 && released * 10 >= delayed)
    out += shown("                 {} let go at the fault's end, before they were due\n",
                 released == delayed ? "all" : thousands(released));
  if (fault.at("applied_delay_us").value("count", 0) > 0)
    out += "        delay    " + spread_text(fault.at("applied_delay_us")) + "\n";
  if (const auto why = record::held_longer(fault))
    out += "        held     " + spread_text(fault.at("held_us")) + "\n                 " + wrapped(*why, 17) + "\n";
  if (fault.at("lateness_us").value("count", 0) > 0)
    out += shown("        lateness {} ({} allowed at p99)\n", spread_text(fault.at("lateness_us")),
                 short_microseconds(fault.value("lateness_limit_us", 0.0)));
}

}  // namespace

Visible render_outcome(const Outcome& outcome, const std::filesystem::path& folder, bool color) {
  const json& s = outcome.summary;
  const Style style{color, screen::locale_is_utf8()};
  const int exit = static_cast<int>(outcome.exit);
  Visible out = "\n" + style.paint(verdict_color(exit), upper(s.value("verdict", "")));
  const std::string title = s.value("title", "").empty() ? s.value("name", "") : s.value("title", "");
  out += shown("  {}\n    {}\n", title,
               style.paint("2", shown("exit {}, seed {}, {:.3g} s", exit, s.value("seed", std::uint64_t{0}),
                                      s.value("observed_s", 0.0))));
  for (const std::string& broken : broken_hypotheses(s)) out += shown("    {} {}\n", style.held(false), broken);
  for (const json& reason : s.at("reasons"))
    out += shown("    {} {}\n", style.paint("33", "!"), reason.get<std::string>());

  if (!s.at("hypotheses").empty()) out += "  Hypotheses\n";
  for (const json& h : s.at("hypotheses")) {
    out += shown("    {} {}\n", style.held(h.at("held")), h.value("name", ""));
    out += shown("        expected {}\n", h.value("expected", ""));
    const std::string observed = h.value("observed", "");
    if (!observed.empty()) out += shown("        observed {}\n", observed);
    if (h.at("held").is_null()) out += shown("        not judged: {}\n", h.value("reason", ""));
  }
  const json &guards = s.at("guards"), &notes = s.at("notes");
  if (!guards.empty()) out += "  Guards\n";
  for (const json& g : guards) {
    const bool tripped = g.value("tripped", false);
    out +=
        shown("    {} {}{}\n", tripped ? style.held(false) : "-", g.value("name", ""), tripped ? "" : ": did not act");
    if (tripped)
      out += shown("        stopped the run after {:.3g} s ({}): {}\n", g.value("t_s", 0.0), g.value("condition", ""),
                   g.value("observed", ""));
  }
  if (!s.at("faults").empty()) out += "  Faults\n";
  for (const json& fault : s.at("faults")) render_fault(out, fault, style);
  if (!s.at("warnings").empty()) out += "  Warnings\n";
  for (const json& warning : s.at("warnings")) out += shown("    {}\n", warning.get<std::string>());
  if (!notes.empty()) out += "  Notes\n";
  for (const json& note : notes) {
    const json& t = note.at("t_s");
    out += shown("    {} {} {} ({})\n", t.is_null() ? std::string("[before]") : shown("[{:5.1f}s]", t.get<double>()),
                 time_of_day(note.value("at", "")), screen::clipped(note.value("text", "")),
                 screen::clipped(note.value("by", "")));
  }
  out += shown("  Files   {}  (report.html, journal.jsonl, summary.json, junit.xml)\n", folder.string());
  return for_locale(std::move(out), style.utf8);
}

}  // namespace faultline::report
