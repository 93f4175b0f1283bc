#include "injector/report/report.h"

#include <fmt/format.h>

#include "injector/report/chart.h"
#include "injector/report/html.h"
#include "injector/report/page_data.h"
#include "injector/report/page_files.h"
#include "injector/report/service_lines.h"
#include "injector/report/style.h"

namespace faultline::report {
namespace {

std::string title_of(const Summary& s) {
  return escaped(s.title.empty() ? s.name : s.title) + (s.arm ? " · arm " + escaped(*s.arm) : "");
}

/// When it began, as a person wants it: the second is enough.
std::string begun_at(const Summary& s) {
  const auto fraction = s.started_at.find('.');
  return fraction == std::string::npos ? s.started_at : s.started_at.substr(0, fraction) + "Z";
}

/// How many hypotheses held, in one sentence.
std::string lead(const Summary& s) {
  if (s.hypotheses.empty()) return "";
  std::size_t held = 0, broken = 0, open = 0, expected = 0, untested = 0;
  for (const auto& h : s.hypotheses) {
    (!h.held ? open : *h.held ? held : broken)++;
    if (h.held == false && h.as_expected()) expected++;
    if (h.untested) untested++;
  }
  std::string text = fmt::format("{} of {} hypotheses held", held, s.hypotheses.size());
  if (untested > 0) text += fmt::format(", <span class=\"open\">{} of them untested</span> (○)", untested);
  if (broken > 0) text += fmt::format(", <b class=\"{}\">{} broke</b>", broken > expected ? "broken" : "open", broken);
  if (expected > 0)
    text += expected == broken ? ", as expected of this arm" : fmt::format(" ({} as expected of this arm)", expected);
  if (open > 0) text += fmt::format(", <b class=\"open\">{} could not be judged</b>", open);
  return "<p class=\"lead\">" + text + ".</p>\n";
}

/// How much shorter the timeline was than the plan has it; empty: nobody asked for a scale.
std::string scale_text(const Summary& s) {
  const bool asked = s.scale != 1 || s.repeat.find(" --scale ") != std::string::npos;
  return asked ? fmt::format(" · <span title=\"--scale: how many times shorter the timeline was\">scale 1:{:g}</span>",
                             s.scale)
               : "";
}

std::string headline(const Summary& s, bool other_arms) {
  std::string out = fmt::format(
      "<header><p class=\"verdict {0}\">{0}</p><h1>{1}</h1>\n<p class=\"meta\">{2} · {3} · seed {4} · {5:.4g} s{9} · "
      "kernel {6} ({7}) · faultline {8}{10}</p>\n",
      escaped(s.verdict), title_of(s), escaped(begun_at(s)), escaped(s.host), s.seed, s.observed_s, escaped(s.kernel),
      escaped(s.engine), escaped(s.version), scale_text(s),
      other_arms ? " · <a href=\"../report.html\">all arms</a>" : "");
  out += lead(s);
  if (!s.reasons.empty()) out += "<ul class=\"reasons\">" + list_of(s.reasons) + "</ul>";
  return out + "</header>\n";
}

/// The drawings over time. Without scripts, as in the frame of many a build server, there is a plain one.
std::string course(const record::Recording& r) {
  const std::string drawing = draw(r);
  if (drawing.empty()) return "";
  return fmt::format(
      "<section id=\"course\" aria-label=\"Over time\"><h2>Over time</h2>\n<noscript><p class=\"dim\">Scripts are "
      "switched off here: this is a plain drawing. With them it can be zoomed, a click lists the requests of a moment, "
      "and there are charts of errors, throughput and telemetry.</p>\n{}"
      "<p class=\"key\">The line is the median latency of the requests of a short span of time that succeeded, the "
      "band "
      "reaches from the least to p99, on a logarithmic scale. The strip below is red where requests failed.</p>"
      "</noscript>\n</section>\n",
      drawing);
}

std::string cleanup_of(const Summary& s, bool under_way) {
  if (!s.cleanup && under_way) return "";  // it has yet to come
  if (!s.cleanup) return "<p class=\"broken\">The run did not record its cleanup.</p>";
  return fmt::format(
      "{}{}</p>",
      s.cleanup->ok ? "<p>Nothing of the run was left behind." : "<p class=\"broken\">Cleanup was incomplete.",
      s.healed_s ? fmt::format(" Everything was off again at {:.4g} s.", *s.healed_s) : "");
}

/// Links to what the lab's services wrote.
std::string log_links(const Beside& beside) {
  constexpr std::size_t kMostLinks = 60;
  std::string links;
  const auto logs = beside.services.empty() ? std::vector<std::string>() : logs_in(beside.services);
  for (std::size_t i = 0; i < logs.size() && i < kMostLinks; i++)
    links += fmt::format("{0}<a href=\"services/{1}\">{1}</a>", links.empty() ? "" : ", ", escaped(logs[i]));
  if (links.empty()) return "";
  return fmt::format("<p>What the lab's services wrote, each line with its time: {}{}.</p>", links,
                     logs.size() > kMostLinks ? fmt::format(" and {} more", logs.size() - kMostLinks) : "");
}

std::string footer(const Summary& s, const Beside& beside, bool under_way) {
  // What lies beside the page is in the run's folder, and of a run under way not yet there.
  const char* copy = under_way
                         ? ""
                         : "The plan.toml beside this file is a copy of the plan, and can be played in its place; "
                           "the files that a lab's commands read are where the plan was.";
  const char* files =
      under_way ? "Every event and every request is in the run's folder, and so will be its report."
                : "Every event and every request is in <a href=\"journal.jsonl\">journal.jsonl</a>; this page and "
                  "<a href=\"summary.json\">summary.json</a> are made from it.";
  return fmt::format(
      "<h2>To play it again</h2>\n<p>With the same chance:</p>\n<p><code class=\"command\">{}</code></p>\n<p>{}{}</p>\n"
      "<footer>{}<p>{}</p>{}<p>Charts by dygraphs, whose licence stands in this page's source.</p></footer>\n",
      repeat_command(s), s.repeat_masked ? kReplaceMasked : "", copy, cleanup_of(s, under_way), files,
      log_links(beside));
}

/// What a link to the page says of it.
std::string description(const Summary& s) {
  std::string text;
  for (const auto& broken : broken_hypotheses(s)) text += (text.empty() ? "" : "; ") + broken;
  return escaped(text);
}

}  // namespace

std::string live_banner(const Live& live) {
  return fmt::format("<p id=\"live\" role=\"status\" data-tag=\"{}\"><b>{}</b></p>\n", live.tag, live.text);
}

std::string render_report(const record::Recording& recording, const Summary& summary, const Beside& beside,
                          const std::optional<Live>& live) {
  const std::string drawn = course(recording);
  std::string out = page_begin({fmt::format("{}: {}", escaped(summary.verdict), title_of(summary)),
                                description(summary), !drawn.empty(), live.has_value()});
  if (live) out += live_banner(*live);
  out += headline(summary, beside.other_arms) + "<main>\n" + broken_cards(recording, summary, beside) + drawn;
  out += hypothesis_table(summary) + guard_table(summary) + fault_tables(recording, summary) + probe_table(summary) +
         telemetry_table(summary) + event_table(summary) + notes_and_warnings(summary) +
         plan_section(beside.plan_text) + footer(summary, beside, live.has_value()) + "</main>\n";
  if (!drawn.empty())
    out += fmt::format("<script type=\"application/json\" id=\"run\">{}</script>\n<script>{}</script>\n",
                       page_json(page_data(recording, summary)), kPageScript);
  return out + kPageEnd;
}

}  // namespace faultline::report
