#include "injector/record/hypothesis.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/probe/errors.h"
#include "injector/record/confidence.h"
#include "injector/record/distribution.h"
#include "injector/record/subject.h"
#include "injector/record/tally.h"
#include "injector/record/values.h"
#include "injector/record/windows.h"

namespace faultline::record {
namespace {

/// The parts of a hypothesis put together: false if one is false, else unknown if one is unknown, else true.
class Parts {
 public:
  /// `key` is what the plan calls the figure, if it is one.
  void add(std::optional<bool> held, const std::string& observed, const std::string& reason,
           const std::string& key = {}) {
    add_figures(held, {{"", observed, held, key}}, reason);
  }
  /// Of several figures, each after its own lead.
  void add_figures(std::optional<bool> held, std::vector<ObservedFigure> figures, const std::string& reason) {
    parts_++;
    for (auto& one : figures) {
      if (one.text.empty()) continue;
      if (!result_.figures.empty() && one.lead.empty()) one.lead = ", ";
      result_.observed += one.lead + one.text;
      result_.figures.push_back(std::move(one));
    }
    const bool settled = result_.held && !*result_.held;
    if (held.value_or(false)) return;
    if (!held && settled) return;
    if (held && !settled) result_.reason.clear();  // a failure outweighs what could not be judged
    result_.held = held;
    join(result_.reason, reason, "; ");
  }
  /// The part that was added last held for want of a test; a hypothesis is untested if all of its parts are.
  void untested(const std::string& why) {
    if (why.empty()) return;
    untested_++;
    join(result_.untested, why, "; ");
  }
  void trust(const std::string& confidence) { join(result_.confidence, confidence, ", "); }
  void looked_at(const Phase& window) {
    result_.start = window.start;
    result_.end = window.end;
  }
  void held_after(Ns after) { result_.held_after = after; }
  void add(const Finding& finding) {
    add(finding.held, finding.observed, finding.reason, finding.reason);
    if (finding.detected_after) result_.detected_after = finding.detected_after;
  }
  Judgement result(const plan::Hypothesis& h) {
    result_.name = h.name;
    result_.probe = h.probe;
    result_.telemetry = h.telemetry;
    result_.peer = h.peer;
    result_.event = h.event.value_or("");
    const std::string window = plan::window_text(h);
    result_.during = window.empty() ? "recovery" : window;
    result_.expected = plan::condition_text(h);
    if (result_.held != true || untested_ < parts_) result_.untested.clear();
    return std::move(result_);
  }
  static void join(std::string& text, const std::string& more, const char* between) {
    if (more.empty()) return;
    if (!text.empty()) text += between;
    text += more;
  }

 private:
  std::size_t parts_ = 0, untested_ = 0;
  Judgement result_ = [] {
    Judgement judgement;
    judgement.held = true;
    return judgement;
  }();
};

/// Whether a quantile is within its bound. Where there is nothing to take it of: that requests succeeded in time does
/// not hold if none did; that they failed in time holds if none failed.
std::optional<bool> holds(const plan::Conditions::Key& key, const plan::Bound& bound, const Latencies& latencies) {
  switch (key.of) {
    case plan::Conditions::Of::ok:
      return latencies.ok.count() > 0 && bound.holds(static_cast<double>(latencies.ok.quantile(key.per_mille)));
    case plan::Conditions::Of::failed:
      if (latencies.lost == 0) return bound.is_upper();
      if (latencies.failed.count() < latencies.lost) return {};
      return bound.holds(static_cast<double>(latencies.failed.quantile(key.per_mille)));
    default:
      break;
  }
  const auto value = latencies.quantile(key.per_mille);
  return bound.holds(value ? static_cast<double>(*value) : std::numeric_limits<double>::infinity());
}

std::string errors_text(const PhaseStats& stats) {
  std::string text;
  for (const auto& [error, count] : stats.by_error) Parts::join(text, fmt::format("{} {}", count, error), ", ");
  return text;
}

/// A number of connections in baseline and window is compared as what it was in a second of each.
const plan::Bound kPerSecond{{}, 0, {}, plan::Bound::Measure::per_second};

std::uint64_t number_of(const plan::Conditions::Key& key, const Seen& stats) {
  return count_of(key.series, stats.connections, stats.connections.turns.ok.count());
}

/// A figure of the baseline that a bound is a multiple of; nothing where there is none.
std::optional<double> baseline_figure(const plan::Conditions::Key& key, const Seen& stats) {
  if (!stats.anything) return {};
  if (key.of == plan::Conditions::Of::series) return figure_of(kPerSecond, number_of(key, stats), stats.length);
  if (!key.is_quantile()) return figure_of(key, stats.sent, stats.ok, stats.length);
  if (key.of == plan::Conditions::Of::all || key.of_connections()) {
    const auto value = stats.latencies(key).quantile(key.per_mille);
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
  }
  const Distribution& values = key.of == plan::Conditions::Of::ok ? stats.latency.ok : stats.latency.failed;
  if (values.count() == 0) return {};
  return static_cast<double>(values.quantile(key.per_mille));
}

/// Bounds in times of a baseline as bounds in the figure's own unit.
class OfBaseline {
 public:
  OfBaseline(const Recording& r, const Subject& subject, const plan::Conditions& asked)
      : recording_(r), subject_(subject), asked_(asked) {}
  /// False: the baseline has no such figure.
  bool settle(std::optional<plan::Bound>& bound, const plan::Conditions::Key& key) {
    if (!bound || !is_relative(*bound)) return true;
    look();
    if (!settle(*bound, key.name, stats_ ? baseline_figure(key, *stats_) : std::nullopt)) return false;
    if (key.of == plan::Conditions::Of::series) bound->measure = plan::Bound::Measure::per_second;
    return true;
  }
  bool settle(plan::Bound& bound, const std::string& error) {
    if (!is_relative(bound)) return true;
    look();
    if (!stats_ || stats_->sent == 0) return settle(bound, "errors." + error, {});
    return settle(bound, "errors." + error,
                  static_cast<double>(stats_->failed_by(error)) / static_cast<double>(stats_->sent));
  }
  const std::string& lacking() const { return lacking_; }

 private:
  static bool is_relative(const plan::Bound& bound) { return bound.measure == plan::Bound::Measure::times_baseline; }
  /// At the first bound that needs it: few do, and it is a walk over all of the baseline.
  void look() {
    if (std::exchange(looked_, true)) return;
    const auto phase = find_phase(recording_, "baseline");
    if (!phase) return;
    uncounted_ = subject_.uncounted(asked_, phase->start, phase->end);
    if (uncounted_.empty()) stats_ = subject_.in(phase->start, phase->end);
  }
  bool settle(plan::Bound& bound, const std::string& name, std::optional<double> figure) {
    if (!figure) {
      lacking_ = fmt::format("the baseline has no {} to compare with", name);
      if (!uncounted_.empty()) lacking_ += ": " + uncounted_;
      return false;
    }
    if (*figure == 0 && (bound.op == plan::Bound::Op::ge || bound.op == plan::Bound::Op::gt)) {
      lacking_ = fmt::format("{} was 0 in the baseline, and whatever it is now is no less", name);
      return false;
    }
    bound.value *= *figure;
    bound.measure.reset();
    return true;
  }

  const Recording& recording_;
  const Subject& subject_;
  const plan::Conditions& asked_;
  bool looked_ = false;
  std::optional<Seen> stats_;
  std::string lacking_, uncounted_;
};

/// What a settled bound comes to, where the plan gave it in times of the baseline: " (at most 2.4 ms)".
std::string limit_text(const plan::Conditions::Key& key, const plan::Bound& asked, const plan::Bound& settled) {
  using Of = plan::Conditions::Of;
  if (asked.measure != plan::Bound::Measure::times_baseline) return "";
  const char* side = settled.is_upper() ? "at most" : "at least";
  if (key.is_quantile())
    return fmt::format(" ({} {})", side, short_duration(static_cast<Ns>(std::min(settled.value, 9e18))));
  if (key.of == Of::share) return fmt::format(" ({} {})", side, percent(settled.value));
  return fmt::format(" ({} {:.1f}/s)", side, settled.value);
}

/// Why a bound on times held although there was no time to hold it to; empty: there was.
std::string no_time_text(const plan::Conditions::Key& key, const Latencies& latencies) {
  if (key.of != plan::Conditions::Of::failed || latencies.lost > 0) return {};
  return fmt::format("nothing was seen: no request failed, and {} is of those that do", key.name);
}

/// The same of a number of what befalls connections, where there was nothing that it could have befallen.
std::string nothing_to_count_text(const plan::Conditions::Key& key, const Seen& stats) {
  using plan::Series;
  const ConnectionCounts& counts = stats.connections;
  switch (key.series) {
    case Series::failed:
      return stats.sent > 0 ? "" : "nothing was seen: no attempt was made to open a connection";
    case Series::retransmits:
    case Series::retransmits_ours:
    case Series::timeouts:
      return counts.packets_sent + counts.retransmits > 0 ? "" : "nothing was seen: no packet was sent";
    case Series::unanswered:
      return stats.connections.turns.count() > 0 ? "" : "nothing was seen: nobody asked anything";
    default:
      return {};
  }
}

/// Each condition against the requests of a window.
void judge_conditions(Parts& parts, const plan::Hypothesis& asked, const plan::Conditions& settled, const Seen& stats) {
  for (const auto& key : plan::Conditions::keys()) {
    const auto& bound = settled.*key.bound;
    if (!bound) continue;
    const std::string limit = limit_text(key, *(asked.*key.bound), *bound);
    if (key.is_quantile()) {
      const Latencies& latencies = stats.latencies(key);
      if (key.of_connections() && latencies.count() == 0) {
        parts.add({}, {}, fmt::format("{}: there was none to measure", key.name));
        continue;
      }
      parts.add(holds(key, *bound, latencies), figure_text(key, latencies) + limit, key.name, key.name);
      parts.untested(no_time_text(key, latencies));
      parts.trust(quantile_interval_text(key, latencies));
      continue;
    }
    if (key.of_connections()) {
      const std::uint64_t number = number_of(key, stats);
      parts.add(bound->holds(figure_of(*bound, number, stats.length)),
                series_text(key, *bound, number, stats.length) + limit, key.name, key.name);
      parts.untested(nothing_to_count_text(key, stats));
      continue;
    }
    if (key.of == plan::Conditions::Of::share) parts.trust(share_interval_text(key.name, stats.ok, stats.sent));
    const bool of_failures = key.of == plan::Conditions::Of::share || key.of == plan::Conditions::Of::failures;
    parts.add(bound->holds(figure_of(key, stats.sent, stats.ok, stats.length)),
              count_text(key, stats.sent, stats.ok, stats.length) + limit,
              stats.by_error.empty() || !of_failures ? key.name : fmt::format("{}: {}", key.name, errors_text(stats)),
              key.name);
  }
  if (settled.errors)
    for (const auto& [error, bound] : *settled.errors) {
      if (stats.sent == 0 && bound.measure != plan::Bound::Measure::count) {
        parts.add({}, {}, fmt::format("errors.{}: no attempt was made to open a connection", error));
        continue;
      }
      const std::uint64_t failed = stats.failed_by(error), others = stats.failed_by(probe::ErrorNames::kOther);
      if (others > 0 && error_holds(bound, failed, stats.sent) != error_holds(bound, failed + others, stats.sent)) {
        parts.add({}, {},
                  fmt::format("errors.{}: {} requests failed with more errors than are told apart", error,
                              thousands(others)));
        continue;
      }
      const std::string limit = limit_text({"", nullptr, plan::Conditions::Of::share}, asked.errors->at(error), bound);
      parts.add(error_holds(bound, failed, stats.sent), error_text(error, failed, stats.sent) + limit,
                "errors." + error);
      if (stats.sent == 0) parts.untested("nothing was seen: no attempt was made to open a connection");
      if (!bound.measure) parts.trust(share_interval_text("errors." + error, failed, stats.sent));
    }
}

void judge_eventually(Parts& parts, const plan::Hypothesis& h, const plan::Conditions& settled, const Subject& subject,
                      const Phase& window) {
  const auto from = subject.first_holding(settled, window, h.stays);
  const bool held = from && *from - window.start <= *h.eventually;
  // Of those that met it, or of those that had to.
  const Ns begin = held ? *from : window.start + *h.eventually;
  const Ns end = std::min(window.end, h.stays ? begin + *h.stays : window.end);
  const Seen seen = subject.in(begin, end);
  if (!seen.anything) return parts.add({}, {}, "eventually: " + subject.nothing_in(window.name));
  Parts then;
  judge_conditions(then, h, settled, seen);
  if (subject.probe())
    for (const auto& finding : judge_values(h, values_in(*subject.probe(), begin, end))) then.add(finding);
  Judgement figures = then.result(h);
  if (!figures.held) return parts.add({}, {}, "eventually: " + figures.reason);
  if (from) parts.held_after(*from - window.start);
  parts.trust(figures.confidence);
  const bool at_once = from == window.start;
  const std::string when = !from     ? "never held"
                           : at_once ? "held at once"
                                     : fmt::format("held after {}", short_duration(*from - window.start));
  if (!figures.figures.empty())
    figures.figures.front().lead =
        held ? std::string(": ") : fmt::format("; from {} on: ", short_duration(*h.eventually));
  figures.figures.insert(figures.figures.begin(), {"", when, held});
  parts.add_figures(held, std::move(figures.figures),
                    figures.reason.empty() ? "eventually" : "eventually: " + figures.reason);
  if (at_once)
    parts.untested("held at once: it was so from the window's beginning on, and nothing had to change");
  else
    parts.untested(figures.untested);
}

/// Why there is nothing to look at.
std::string no_window_text(const Recording& r, const plan::Hypothesis& h) {
  if (h.after_event && find_phase(r, h.during))
    return fmt::format("event \"{}\" was not seen during \"{}\"", *h.after_event, h.during);
  return fmt::format("the run has no phase \"{}\"", plan::window_text(h));
}

/// A window that began with an event may have begun too late for what is asked; empty: it did not.
std::string cut_short_text(const plan::Hypothesis& h, const Phase& window) {
  const Ns needed = std::max(h.length.value_or(0), h.eventually.value_or(0) + h.stays.value_or(0) + 1);
  if (!h.after_event || window.end - window.start >= needed) return {};
  return fmt::format("only {} are left of \"{}\" from then on", short_duration(window.end - window.start), h.during);
}

std::string unkept_words(const ProbeRecord& probe, const PhaseStats& stats) {
  return fmt::format("probe \"{}\" could not keep up: {} of {} requests that were due were not sent", probe.name,
                     thousands(stats.unsent()), thousands(stats.sent));
}

/// That a load was not the one that the plan asks for; empty: it was.
std::string unkept_text(const ProbeRecord& probe, Ns from, Ns to) {
  constexpr double kUnsentAllowed = 0.01;
  if (!probe.rate) return {};
  const PhaseStats stats = stats_in(probe, from, to);
  if (static_cast<double>(stats.unsent()) <= kUnsentAllowed * static_cast<double>(stats.sent)) return {};
  return unkept_words(probe, stats);
}

/// Whether it holds of the requests that were sent, and not of all that were due: then the load decides, and not the
/// service.
bool holds_but_for(const plan::Hypothesis& h, const plan::Conditions& settled, const Seen& stats) {
  const auto held = [&](const Seen& seen) {
    Parts parts;
    judge_conditions(parts, h, settled, seen);
    return parts.result(h).held.value_or(true);
  };
  Seen sent = stats;
  sent.sent -= stats.unsent();
  for (const char* ours : {"unsent", "overload"}) sent.by_error.erase(ours);
  return !held(stats) && held(sent);
}

/// Where a hypothesis looks. Nothing: the run has no such window, or not enough of it, and `parts` say so.
std::optional<Phase> window_to_judge(Parts& parts, const Recording& r, const plan::Hypothesis& h) {
  auto window = window_of(r, h);
  if (!window) {
    parts.add({}, {}, no_window_text(r, h));
    return {};
  }
  parts.looked_at(*window);
  if (const std::string cut = cut_short_text(h, *window); !cut.empty()) {
    parts.add({}, {}, cut);
    return {};
  }
  return window;
}

void judge_window(Parts& parts, const Recording& r, const plan::Hypothesis& h, const Subject& subject,
                  const std::string& stop_text) {
  const auto unknown = [&](const std::string& why) { parts.add({}, {}, why); };

  const auto window = window_to_judge(parts, r, h);
  if (!window) return;
  if (r.observed_until() < window->end) return unknown(not_over_text(stop_text, "\"" + window->name + "\""));
  if (const auto why = subject.uncounted(h, window->start, window->end); !why.empty()) return unknown(why);
  const Seen stats = subject.in(window->start, window->end);
  if (!stats.anything) return unknown(subject.nothing_in(window->name));
  if (subject.probe())
    if (const auto why = unkept_text(*subject.probe(), window->start, window->end); !why.empty()) return unknown(why);
  plan::Conditions settled = h;
  if (const std::string lacking = settle(r, h, settled); !lacking.empty()) return unknown(lacking);
  if (!h.eventually && subject.probe() && subject.probe()->rate && stats.unsent() > 0 &&
      holds_but_for(h, settled, stats))
    return unknown(unkept_words(*subject.probe(), stats));
  if (h.eventually)
    judge_eventually(parts, h, settled, subject, *window);
  else
    judge_conditions(parts, h, settled, stats);
  if (!h.eventually && subject.probe())
    for (const auto& finding : judge_values(h, values_in(*subject.probe(), window->start, window->end)))
      parts.add(finding);
}

void judge_recovery(Parts& parts, const Recording& r, Ns within, const ProbeRecord& probe,
                    const std::string& stop_text) {
  const Recovery recovery = recovery_of(r, probe);
  if (!recovery.judged) {
    std::string why = recovery.reason;
    if (!stop_text.empty()) why = stop_text + ": " + why;
    return parts.add({}, {}, why);
  }
  // What we did not send says nothing of the service.
  if (!recovery.after || *recovery.after > within)
    for (const char* name : {"baseline", "recovery"})
      if (const auto phase = find_phase(r, name))
        if (const auto why = unkept_text(probe, phase->start, phase->end); !why.empty()) return parts.add({}, {}, why);
  if (recovery.after) {
    parts.add(*recovery.after <= within,
              *recovery.after == 0 ? "recovered at once" : "recovered after " + short_duration(*recovery.after),
              "recovery");
    return;
  }
  const Ns looked = r.observed_until() - find_phase(r, "recovery")->start;
  if (looked < within + 3 * kSecond)
    return parts.add({}, fmt::format("not recovered in {}", short_duration(looked)),
                     fmt::format("only {} were observed after the fault: {} and 3 s more are needed",
                                 short_duration(looked), plan::format_duration(within)));
  parts.add(false, fmt::format("not recovered in {}", short_duration(looked)), "recovery");
}

}  // namespace

std::string settle(const Recording& r, const plan::Hypothesis& h, plan::Conditions& conditions) {
  const Subject subject(r, h);
  OfBaseline baseline(r, subject, h);
  for (const auto& key : plan::Conditions::keys())
    if (!baseline.settle(conditions.*key.bound, key)) return baseline.lacking();
  if (conditions.errors)
    for (auto& [error, bound] : *conditions.errors)
      if (!baseline.settle(bound, error)) return baseline.lacking();
  return "";
}

Judgement judge_hypothesis(const Recording& r, const plan::Hypothesis& h, const std::string& stop_text) {
  Parts parts;
  if (h.event || (h.detects_within && h.probe.empty())) {
    if (const auto window = window_to_judge(parts, r, h))
      for (const auto& finding : judge_detection(r, h, *window, stop_text)) parts.add(finding);
    return parts.result(h);
  }
  const Subject subject(r, h);
  if (const auto why = subject.missing(); !why.empty()) {
    parts.add({}, {}, why);
    return parts.result(h);
  }
  if (h.any() || h.any_value()) judge_window(parts, r, h, subject, stop_text);
  if (h.recovers_within && !h.any() && !h.any_value())
    if (const auto recovery = find_phase(r, "recovery")) parts.looked_at(*recovery);
  if (h.recovers_within && subject.probe()) judge_recovery(parts, r, *h.recovers_within, *subject.probe(), stop_text);
  return parts.result(h);
}

}  // namespace faultline::record
