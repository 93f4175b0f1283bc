// What was said around an instant, for the card of what broke then.
#include <fmt/format.h>

#include "injector/base/text.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"
#include "injector/report/service_lines.h"

namespace faultline::report {

std::string instant(Ns t) { return fmt::format("{:.4g} s", seconds(t)); }

std::string said_near(const record::Recording& r, Ns when) {
  constexpr Ns kNear = 5 * kSecond, kBefore = kSecond;
  std::string text;
  Ns farthest = kNear + kBefore + 1;
  const auto consider = [&](std::optional<Ns> t, const std::string& what) {
    if (!t || *t <= 0 || std::abs(*t - when) > kNear) return;
    const Ns far = *t <= when ? when - *t : *t - when + kBefore;
    if (far >= farthest) return;
    farthest = far;
    text = *t == when ? fmt::format("at {}, the same instant: {}", instant(*t), escaped(what))
                      : fmt::format("at {}, {} {}: {}", instant(*t), short_duration(std::abs(*t - when)),
                                    *t < when ? "before" : "after", escaped(what));
  };
  for (const auto& one : r.services)
    consider(one.when, fmt::format("{} {}: {}", one.service.host, one.service.what, one.service.detail));
  for (const auto& record : r.events)
    for (const auto& seen : record.seen)
      consider(seen.when, seen.line.empty() ? record.event.name : fmt::format("{} ({})", seen.line, record.event.name));
  for (const auto& note : r.notes) consider(note.when, fmt::format("{} ({})", note.text, note.by));
  for (const auto& warning : r.warnings)
    if (!warning.text.empty()) consider(warning.when, warning.text);
  return text.empty() ? fmt::format("no line of an event, no note and no warning within {} s", kNear / kSecond) : text;
}

std::string logs_near(const record::Recording& r, const Beside& beside, const record::Requests& one) {
  constexpr std::size_t kMostLogs = 3;
  const auto begun = wall_of(r.started_at);
  // A run in steps has waited with its clock standing still: it does not tell when, and the logs go by another.
  if (beside.services.empty() || !begun || r.waited > 0 || r.held_since) return "";
  const Ns due = *begun + one.due, over = due + (one.latency == record::Requests::kUnknown ? 0 : one.latency);
  const auto all = written_near(beside.services, {due - kSecond, over, over + kSecond}, beside.secrets);
  std::string text;
  for (std::size_t i = 0; i < all.size() && i < kMostLogs; i++) {
    const WrittenNear& near = all[i];
    const std::string of_how_many = near.lines == 1
                                        ? std::string("the only line")
                                        : fmt::format("{}of {}{} lines", near.trouble ? "one " : "the nearest ",
                                                      near.more ? "more than " : "", thousands(near.lines));
    text +=
        fmt::format("<a href=\"services/{0}\">{0}</a> at {1}, {2} that request was over: {3}{4}", escaped(near.file),
                    instant(over + near.apart - *begun),
                    near.apart == 0 ? std::string("as")
                                    : short_duration(std::abs(near.apart)) + (near.apart < 0 ? " before" : " after"),
                    of_how_many, near.trouble ? "" : ", perhaps of another request");
    // A secret that was given on the command line or by a file is nowhere in the record, so it cannot be found in a
    // line either.
    text += r.masked || r.secrets_from_files ? ", not shown, as it might hold a secret that this run was given<br>"
                                             : fmt::format("<pre class=\"said\">{}</pre>", escaped(near.line));
  }
  if (all.size() > kMostLogs)
    text += fmt::format("and {} {} more", all.size() - kMostLogs, all.size() == kMostLogs + 1 ? "log" : "logs");
  return text;
}

}  // namespace faultline::report
