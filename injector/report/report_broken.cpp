// The cards of what broke: a reader of nothing else knows which hypothesis it was, what it met, and how to see it
// again.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/base/text.h"
#include "injector/record/contention.h"
#include "injector/record/evidence.h"
#include "injector/record/verdict.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"
#include "injector/report/where.h"

namespace faultline::report {
namespace {

using record::ProbeRecord;
using record::Recording;
using record::Requests;

constexpr std::size_t kMostFaults = 6;  // of a card: more hide the others
constexpr std::size_t kFewCards = 3;    // need no list of them

/// Rows of a definition list; `text` is HTML.
class Facts {
 public:
  void add(const char* what, const std::string& text) {
    if (!text.empty()) rows_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", what, text);
  }
  std::string list() const { return "<dl class=\"facts\">" + rows_ + "</dl>\n"; }

 private:
  std::string rows_;
};

std::string span(Ns from, Ns to) { return fmt::format("{:.4g} to {:.4g} s", seconds(from), seconds(to)); }

std::string outcome(const ProbeRecord& probe, const Requests& one) {
  const std::string took = one.latency == Requests::kUnknown ? "" : " after " + short_duration(one.latency);
  return fmt::format(
      "at {}, it {}{}", instant(one.due),
      one.error != 0 ? fmt::format("failed: <b>{}</b>", escaped(probe.errors[one.error])) : "was answered", took);
}

/// What was answered to a request that failed or, where that was not kept, to the first of the window that failed in
/// the same way; null: neither was.
const record::events::Answer* answer_to(const ProbeRecord& probe, const Requests& first, Ns from, Ns to) {
  const std::string& error = probe.errors[first.error];
  const record::events::Answer* answer = nullptr;
  for (const auto& said : probe.said) {
    if (said.error != error || said.due < from || said.due >= to) continue;
    if (said.due == first.due || !answer) answer = &said;
  }
  return answer;
}

/// What it was answered, as HTML; empty: nothing was kept of it.
std::string answer_text(const record::events::Answer& answer, const Requests& first) {
  std::string text;
  for (const auto& [what, said] : {std::pair{"", &answer.output}, {"standard error:", &answer.errors}})
    if (!said->empty()) text += fmt::format("{}<pre class=\"said\">{}</pre>", what, escaped(*said));
  if (answer.left_out > 0) text += fmt::format("and {} bytes more", thousands(answer.left_out));
  return (text.empty() || answer.due == first.due ? "" : fmt::format("to the one of {}:", instant(answer.due))) + text;
}

/// "success 100%, p50 9.4 ms, p99 15 ms"
std::string figures(const record::PhaseStats& stats) {
  if (stats.sent == 0) return "";
  return fmt::format("success {} ({} of {}), p50 {}, p99 {}", percent(stats.success()), stats.ok, stats.sent,
                     record::quantile_text(stats.latency.quantile(500)),
                     record::quantile_text(stats.latency.quantile(990)));
}

std::string errors_text(const record::PhaseStats& stats) {
  const auto errors = record::most_frequent(stats.by_error);
  std::string text;
  for (std::size_t i = 0; i < errors.size() && i < kMostFaults; i++)
    text += fmt::format("{}{} × {}", text.empty() ? "" : ", ", thousands(errors[i].second), escaped(errors[i].first));
  if (errors.size() > kMostFaults) text += fmt::format(" and {} errors more", errors.size() - kMostFaults);
  return text;
}

/// When the first and the last of those that failed were due: whether it was a moment, or all of the window.
std::string failing_span(const ProbeRecord& probe, Ns from, Ns to) {
  const Requests *first = nullptr, *last = nullptr;
  for (const Requests& one : record::due_in(probe, from, to)) {
    if (one.error == 0) continue;
    if (first == nullptr) first = &one;
    last = &one;
  }
  if (first == nullptr) return "";
  return first->due == last->due ? "due at " + instant(first->due) : "due from " + span(first->due, last->due);
}

/// When a fault acted, within its window.
std::vector<std::pair<Ns, Ns>> acting(const record::FaultRecord& fault) {
  if (fault.episodes.empty()) return {{fault.start, fault.end}};
  return fault.episodes;
}

/// How many of the failed requests of the window were under way while the fault acted.
std::uint64_t failed_under(const ProbeRecord& probe, const record::FaultRecord& fault, Ns from, Ns to) {
  const auto spans = acting(fault);
  std::uint64_t count = 0;
  for (const Requests& r : record::due_in(probe, from, to)) {
    if (r.error == 0) continue;
    const Ns until = r.due + std::max<Ns>(r.latency, 1);
    if (std::any_of(spans.begin(), spans.end(),
                    [&](const auto& acts) { return acts.first < until && acts.second > r.due; }))
      count += r.count;
  }
  return count;
}

/// What a fault did, as far as it was counted.
std::string done_by(const Fault& fault) {
  if (!fault.counted) return "";
  std::string text = fmt::format("it met {} packets", thousands(fault.matched));
  if (fault.dropped > 0)
    text += fmt::format(
        ", dropped {} ({})", thousands(fault.dropped),
        percent(static_cast<double>(fault.dropped) / static_cast<double>(std::max<std::uint64_t>(1, fault.matched))));
  if (fault.queue_dropped > 0)
    text += fmt::format(", its rate's queue dropped {} ({})", thousands(fault.queue_dropped),
                        percent(static_cast<double>(fault.queue_dropped) /
                                static_cast<double>(std::max<std::uint64_t>(1, fault.matched))));
  if (fault.delayed > 0)
    text += fmt::format(", delayed {} by p50 {}, p99 {}", thousands(fault.delayed),
                        microseconds(fault.applied_delay_us.p50), microseconds(fault.applied_delay_us.p99));
  if (fault.answered > 0) text += fmt::format(", answered {} itself", thousands(fault.answered));
  return text;
}

/// What is left to say of a window in which no fault was in force: what it comes after may have lasted.
std::string none_in_force(const Recording& r, Ns from) {
  Ns ended = -1;
  for (const auto& fault : r.faults)
    if (fault.end <= from) ended = std::max(ended, fault.end);
  if (ended < 0) return "no fault had begun by then";
  std::string names;
  std::size_t count = 0;
  for (const auto& fault : r.faults)
    if (fault.end == ended && ++count <= kMostFaults)
      names += fmt::format("{}<b>{}</b>", names.empty() ? "" : ", ", escaped(fault.name));
  if (count > kMostFaults) names += fmt::format(" and {} more", count - kMostFaults);
  return fmt::format("no fault was in force then. {}, {}, had ended {}: what {} left behind may last",
                     count == 1 ? "The last one" : "The last ones", names,
                     ended == from ? "as the window began" : short_duration(from - ended) + " before the window began",
                     count == 1 ? "it" : "they");
}

/// Whether a fault was in force at some time of the window.
bool meets(const record::FaultRecord& fault, Ns from, Ns to) { return fault.start < to && fault.end > from; }

/// Of several, which it was cannot be told.
bool names_the_cause(const Recording& r, Ns from, Ns to) {
  return std::count_if(r.faults.begin(), r.faults.end(), [&](const auto& fault) { return meets(fault, from, to); }) <=
         1;
}

/// The faults that were in force, each with what it was asked, what it did, and how many of the failures fall to it.
std::string cause(const Recording& r, const Summary& s, const ProbeRecord* probe, Ns from, Ns to,
                  std::uint64_t failed) {
  std::string out;
  std::size_t told = 0, all = 0;
  for (std::size_t i = 0; i < r.faults.size() && i < s.faults.size(); i++) {
    const auto& fault = r.faults[i];
    if (!meets(fault, from, to)) continue;
    if (all++, told >= kMostFaults) continue;
    told++;
    const Fault& summed = s.faults[i];
    out += fmt::format("{}fault <b>{}</b>: {} on {}, {}", out.empty() ? "" : "<br>", escaped(fault.name),
                       escaped(fault.kind), escaped(where(summed)), span(fault.start, fault.end));
    if (!fault.episodes.empty()) out += fmt::format(" in {} episodes", fault.episodes.size());
    if (!fault.asked_text.empty()) out += fmt::format(": {}", escaped(fault.asked_text));
    if (const std::string done = done_by(summed); !done.empty()) out += "; " + done;
    if (probe && failed > 0) {
      const std::uint64_t under = failed_under(*probe, fault, from, to);
      out += under == 0 ? std::string(". None of the failed requests was under way while it acted")
                        : fmt::format(". <b>{} of the {} failed requests</b> were under way while it acted",
                                      thousands(under), thousands(failed));
    }
    out += ".";
  }
  if (all > told) out += fmt::format("<br>and {} faults more", all - told);
  return out.empty() ? none_in_force(r, from) : out;
}

const char* name_of(record::Against::By by) {
  using By = record::Against::By;
  return by == By::failing       ? "First failing answer"
         : by == By::being_slow  ? "First slow answer"
         : by == By::being_quick ? "First quick answer"
                                 : "First answer";
}

/// The values that a probe was answered in a window.
struct ValuesSeen {
  std::size_t count = 0;
  const Requests *first = nullptr, *last = nullptr,
                 *beyond = nullptr;  ///< `beyond`: the first that is beyond its bound
};
ValuesSeen values_of(const ProbeRecord& probe, const plan::Hypothesis& asked, Ns from, Ns to) {
  ValuesSeen v;
  for (const Requests& r : record::due_in(probe, from, to)) {
    if (!r.value) continue;
    v.count++;
    if (v.first == nullptr) v.first = &r;
    v.last = &r;
    if (v.beyond == nullptr && record::is_beyond(asked, *r.value)) v.beyond = &r;
  }
  return v;
}

std::string values_text(const ValuesSeen& v) {
  if (v.count == 0) return "";
  const std::string last = fmt::format("the last, at {}: {}", instant(v.last->due), *v.last->value);
  if (v.beyond == nullptr) return last;
  const std::string value = fmt::format("at {}: {}", instant(v.beyond->due), *v.beyond->value);
  if (v.count == 1) return fmt::format("the only one, {}, is beyond it", value);
  return fmt::format("{} {}; {}", v.beyond == v.first ? "beyond it from the first answer on," : "first beyond it",
                     value, last);
}

/// How often a probe asked, where it began late in the window: else it may seem that all was well until then.
std::string asked_when(const ProbeRecord& probe, Ns from, Ns to) {
  const auto due = record::due_in(probe, from, to);
  // Requests of a load are due at the beginning of their span (record/sample_batch.h).
  if (due.empty() || probe.rate || due.front().due <= from + std::max(2 * probe.every, kSecond)) return "";
  std::uint64_t count = 0;
  for (const Requests& r : due) count += r.count;
  return fmt::format(", asked {} {} from {} on", thousands(count), count == 1 ? "time" : "times",
                     instant(due.front().due));
}

/// What was observed, of which what broke its bound stands out.
std::string observed_html(const Hypothesis& h, const char* broken) {
  std::string out;
  for (const auto& figure : h.figures)
    out += escaped(figure.lead) + (figure.held == false
                                       ? fmt::format("<span class=\"value {}\">{}</span>", broken, escaped(figure.text))
                                       : escaped(figure.text));
  return out;
}

std::string card(const Recording& r, const Summary& s, const Hypothesis& h, const Beside& beside, std::size_t number) {
  const ProbeRecord* probe = r.find_probe(h.probe);
  const auto asked = std::find_if(r.hypotheses.begin(), r.hypotheses.end(),
                                  [&](const plan::Hypothesis& one) { return one.name == h.name; });
  const bool known = h.start_s && h.end_s;
  const auto exact = [](double seconds) { return static_cast<Ns>(std::llround(seconds * kSecond)); };  // 4.1 s are
  const Ns from = known ? exact(*h.start_s) : 0, to = known ? exact(*h.end_s) : r.observed_until();
  const bool as_expected = h.expected_to_fail.value_or(false);
  const bool arm_expects_others = std::any_of(s.hypotheses.begin(), s.hypotheses.end(), [](const Hypothesis& one) {
    return one.expected_to_fail.value_or(false);
  });
  std::string about = h.telemetry ? fmt::format("connections of <b>{}</b>{}", escaped(*h.telemetry),
                                                h.peer ? fmt::format(" with <b>{}</b>", escaped(*h.peer)) : "")
                      : h.probe.empty() && !h.event.empty() ? fmt::format("event <b>{}</b>", escaped(h.event))
                      : h.probe.empty()                     ? std::string("traffic into the fault")
                                                            : fmt::format("about <b>{}</b>", escaped(h.probe));
  if (probe)
    about = fmt::format("probe <b>{}</b>, {}{}{}, every {}", escaped(probe->name), escaped(probe->kind),
                        probe->subject.empty() ? "" : " " + escaped(probe->subject),
                        probe->from.empty() || probe->from == "here" ? "" : " from " + escaped(probe->from),
                        short_duration(probe->every)) +
            asked_when(*probe, from, to);
  Facts facts;
  facts.add("Expected", fmt::format("<span class=\"value\">{}</span>", escaped(h.expected)));
  facts.add(
      "Observed",
      observed_html(h, as_expected ? "open" : "broken") +
          (h.confidence.empty() ? "" : fmt::format(" <small class=\"dim\">95 %: {}</small>", escaped(h.confidence))));
  std::string moment, why = escaped(h.reason);
  if (probe) {
    const auto stats = record::stats_in(*probe, from, to);
    const std::uint64_t failed = stats.sent - stats.ok;
    facts.add(failed > 0 && names_the_cause(r, from, to) ? "Cause" : "Faults meanwhile",
              cause(r, s, probe, from, to, failed));
    if (failed > 0)
      facts.add("Failures", fmt::format("{} of {} requests: {}; {}", thousands(failed), thousands(stats.sent),
                                        errors_text(stats), failing_span(*probe, from, to)));
    const plan::Hypothesis* plan = asked == r.hypotheses.end() ? nullptr : &*asked;
    const bool of_values = plan != nullptr && plan->any_value();
    const ValuesSeen values = of_values ? values_of(*probe, *plan, from, to) : ValuesSeen();
    if (of_values) facts.add("Values", values_text(values));
    const auto look_at = [&](const Requests& one) {
      facts.add("Nearest to it", said_near(r, one.due));
      facts.add("Services wrote", logs_near(r, beside, one));
      moment = fmt::format(" data-at=\"{:.6f}\" data-probe=\"{}\"", seconds(one.due), escaped(probe->name));
    };
    if (const auto [first, by] = record::first_against(*probe, plan, from, to); first != nullptr) {
      facts.add(name_of(by), outcome(*probe, *first));
      if (const auto* answer = first->error == 0 ? nullptr : answer_to(*probe, *first, from, to)) {
        facts.add("How it differs", escaped(answer->mismatch.value_or("")));
        facts.add("It was answered", answer_text(*answer, *first));
      }
      look_at(*first);
    } else if (values.beyond != nullptr) {
      look_at(*values.beyond);
    }
    if (const auto baseline = record::find_phase(r, "baseline"); baseline && h.during != "baseline" && !of_values)
      facts.add("Before the faults", figures(record::stats_in(*probe, baseline->start, baseline->end)));
    if (failed > 0) why.clear();  // it would say the same
  } else {
    facts.add(names_the_cause(r, from, to) ? "Cause" : "Faults meanwhile", cause(r, s, nullptr, from, to, 0));
  }
  constexpr std::string_view kEventually = "eventually: ";
  const std::size_t said = why.starts_with(kEventually) ? kEventually.size() : 0;
  if (why.find(' ', said) != std::string::npos) facts.add("Why", why);  // a single word names what "Expected" says
  if (const auto waiting = record::waiting_in(r, from, to); waiting && waiting->matters())
    facts.add("This machine", escaped("was busy: " + waiting->text()));
  facts.add("To see it again", fmt::format("<code class=\"command\">{}</code>", repeat_command(s)));
  return fmt::format(
      "<article class=\"card{}\" id=\"broken-{}\" data-from=\"{:.6f}\" data-to=\"{:.6f}\"{}>\n<h3><span "
      "class=\"{}\">✗</span> "
      "{}{}</h3>\n"
      "<p class=\"about\">{} · window <b>{}</b>{}</p>\n{}</article>\n",
      as_expected ? " as-expected" : "", number, seconds(from), seconds(to), moment, as_expected ? "open" : "broken",
      escaped(h.name),
      as_expected          ? " <small>broken, as expected of this arm</small>"
      : arm_expects_others ? " <small>broken, and not expected of this arm</small>"
                           : "",
      about, escaped(h.during), known ? ", " + span(from, to) : "", facts.list());
}

/// By what several cards are in order.
std::string order_text(const std::vector<const Hypothesis*>& broken) {
  const bool any_expected = broken.back()->expected_to_fail.value_or(false),
             all_expected = broken.front()->expected_to_fail.value_or(false);
  const char* text = all_expected   ? "In the order in which the arm names them."
                     : any_expected ? "First what the arm was not expected to break, then what it was."
                                    : "That of which the first sign was seen earliest comes first.";
  return fmt::format("<p class=\"dim\">{}</p>\n", text);
}

/// What leads to each card, where there are more than fit the eye.
std::string list_of_cards(const std::vector<const Hypothesis*>& broken) {
  std::string out = "<ol class=\"index\">\n";
  std::size_t number = 0;
  for (const Hypothesis* h : broken)
    out += fmt::format("<li><a href=\"#broken-{}\">{}</a> <span class=\"dim\">{}</span></li>\n", ++number,
                       escaped(h->name), escaped(h->observed));
  return out + "</ol>\n";
}

}  // namespace

std::string repeat_command(const Summary& s) {
  return s.repeat.empty() ? fmt::format("sudo faultline run PLAN --seed {}", s.seed) : escaped(s.repeat);
}

std::string broken_cards(const Recording& r, const Summary& s, const Beside& beside) {
  std::string cards;
  const auto broken = broken_in_order(s);
  std::size_t number = 0;
  for (const Hypothesis* h : broken) cards += card(r, s, *h, beside, ++number);
  if (cards.empty()) return "";
  if (broken.size() > 1) cards = order_text(broken) + (broken.size() > kFewCards ? list_of_cards(broken) : "") + cards;
  return "<section class=\"cards\" aria-label=\"Hypotheses that did not hold\">\n" + cards + "</section>\n";
}

}  // namespace faultline::report
