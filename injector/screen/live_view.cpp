#include "injector/screen/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "injector/base/text.h"
#include "injector/plan/values.h"

namespace faultline::screen {
namespace {

constexpr int kNarrow = 60;  // below this only what matters most is shown

std::string seconds_text(Ns t) { return fmt::format("{:.1f} s", static_cast<double>(t) / kSecond); }

Row title_row(const Watch& watch, Ns now, const Look& look) {
  const std::string clock = now < 0 ? "starts in " + seconds_text(-now)
                                    : fmt::format("{} / {}", seconds_text(std::min(now, watch.duration)),
                                                  plan::format_duration(watch.duration));
  Row row(look);
  const int room = look.width - columns(clock) - 2;
  row.add(clipped(watch.title, std::max(room, 0)), "1");
  row.pad_to(look.width - columns(clock));
  row.add(clock);
  return row;
}

Row timeline_row(const Watch& watch, Ns now, const Look& look) {
  Row row(look);
  const Ns span = std::max<Ns>(watch.duration, 1);
  const double cell = static_cast<double>(span) / look.width;
  const int marker = std::clamp(static_cast<int>(static_cast<double>(now) / cell), 0, look.width - 1);
  for (int i = 0; i < look.width; ++i) {
    const double from = i * cell, to = (i + 1) * cell;
    const bool fault = std::any_of(watch.faults.begin(), watch.faults.end(), [&](const WatchedFault& f) {
      return static_cast<double>(f.start)<to&& static_cast<double>(f.end)> from;
    });
    if (now >= 0 && i == marker)
      row.add(look.utf8 ? "┃" : "|", "1;37");
    else if (fault)
      row.add(look.utf8 ? (i < marker ? "█" : "▒") : "#", i < marker ? "31" : "35");
    else
      row.add(look.utf8 ? (i < marker ? "━" : "─") : (i < marker ? "=" : "-"), i < marker ? "32" : "2");
  }
  return row;
}

std::vector<Row> state_rows(const Watch& watch, Ns now, const Look& look) {
  std::vector<Row> rows;
  for (const auto& fault : watch.faults) {
    if (now < fault.start || now >= fault.end) continue;
    Row row(look);
    row.add(look.utf8 ? "▶ " : "> ", "1;31").add(fault.name, "1;31");
    row.add(fmt::format("  {} left", seconds_text(fault.end - now)));
    if (!fault.asked.empty() && columns(fault.asked) + 2 > row.room()) {  // a row of its own
      rows.push_back(row);
      row = Row(look);
    }
    if (!fault.asked.empty()) row.add("  " + fault.asked, "2");
    rows.push_back(row);
  }
  if (!rows.empty()) return rows;
  Row row(look);
  const WatchedFault* next = nullptr;
  for (const auto& fault : watch.faults)
    if (fault.start > now && (!next || fault.start < next->start)) next = &fault;
  const char* phase =
      next && next->start == (watch.phases.empty() ? 0 : watch.phases.front().end) ? "baseline" : "calm";
  if (now < 0)
    row.add("waiting");
  else if (now >= watch.duration)
    row.add("over: taking everything away");
  else if (next)
    row.add(fmt::format("{}: {} begins in {}", phase, next->name, seconds_text(next->start - now)));
  else
    row.add(fmt::format("{}: {} left", watch.faults.empty() ? "no faults" : "recovery",
                        seconds_text(std::max<Ns>(watch.duration - now, 0))));
  return {row};
}

const char* success_style(double success) { return success >= 0.9999 ? "32" : success >= 0.9 ? "33" : "31"; }

/// Height by the logarithm of the mean latency, between the least and the most of the row: a delay of 100 ms on a
/// service of 1 ms must not flatten everything else to nothing.
void add_sparkline(Row& row, const ProbeWatch& probe, Ns now, int width, const Look& look) {
  static constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr const char* kAscii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
  width = std::min<int>(width, static_cast<int>(ProbeWatch::kSlots));
  const std::int64_t last = std::max<Ns>(now, 0) / ProbeWatch::kSlot;
  std::vector<WatchedSlot> slots;
  for (int i = width - 1; i >= 0; --i) slots.push_back(probe.slot(last - i));
  double low = 0, high = 0;
  for (const auto& slot : slots) {
    if (slot.ok == 0) continue;
    const double value = std::log(static_cast<double>(std::max<Ns>(slot.mean(), 1)));
    low = high == 0 ? value : std::min(low, value);
    high = high == 0 ? value : std::max(high, value);
  }
  const double range = std::max(high - low, std::log(8.0));  // less than 8x is little: keep it low
  for (const auto& slot : slots) {
    if (slot.finished == 0) {
      row.add(" ");
    } else if (slot.ok == 0 || (!look.color && slot.success() < 0.9)) {
      row.add(look.utf8 ? "×" : "x", "31");
    } else {
      const double height = (std::log(static_cast<double>(std::max<Ns>(slot.mean(), 1))) - low) / range;
      const int level = std::clamp(static_cast<int>(height * 7.999), 0, 7);
      row.add(look.utf8 ? kBlocks[level] : kAscii[level], success_style(slot.success()));
    }
  }
}

Row probe_row(const ProbeWatch& probe, Ns now, int name_width, const Look& look) {
  Row row(look);
  row.add(clipped(probe.name, name_width)).pad_to(name_width + 1);
  const LastSecond last = probe.last_second(now);
  const double success = last.finished == 0 ? 0 : static_cast<double>(last.ok) / static_cast<double>(last.finished);
  row.add(fmt::format("{:>6}", last.finished == 0 ? "-" : percent(success)),
          last.finished == 0 ? "2" : success_style(success));
  const auto latency = [&](std::optional<Ns> value) {
    return last.finished == 0 ? std::string("-") : record::quantile_text(value);
  };
  const auto column = [&](const char* label, std::optional<Ns> value) {
    const int start = row.used();
    row.add(for_locale(fmt::format("  {} {}", label, latency(value)), look.utf8)).pad_to(start + 14);
  };
  if (look.width >= kNarrow) column("p50", last.p50);
  column("p99", last.p99);
  row.add(" ");
  add_sparkline(row, probe, now, row.room(), look);
  return row;
}

/// "timeout 12, status 503 3": how requests fail now.
std::optional<Row> errors_row(const ProbeWatch& probe, Ns now, const Look& look) {
  const auto errors = probe.last_errors(now);
  if (errors.empty()) return {};
  Row row(look);
  row.add("  ");
  for (const auto& [error, count] : errors)
    row.add(fmt::format("{}{} {}", &error == &errors.front().first ? "" : ", ", error, thousands(count)), "31");
  return row;
}

/// "shop  opened 12, sent again 3 (2 ours), rtt p50 1.2 ms": what became of a target's connections in the last second.
Row connections_row(const ConnectionWatch& target, Ns now, int name_width, const Look& look) {
  const auto last = target.last_second(now);
  Row row(look);
  row.add(clipped(target.name, name_width)).pad_to(name_width + 1);
  bool any = false;
  const auto add = [&](const char* what, std::uint64_t count, const char* style) {
    if (count == 0) return;
    row.add(std::exchange(any, true) ? ", " : "  ").add(fmt::format("{} {}", what, thousands(count)), style);
  };
  add("opened", last.opened, nullptr);
  add("accepted", last.accepted, nullptr);
  add("failed", last.all_failed(), "31");
  add("sent again", last.retransmits, "33");
  if (last.retransmits_ours > 0) row.add(fmt::format(" ({} ours)", thousands(last.retransmits_ours)), "33");
  add("resets", last.resets_sent + last.resets_received, "31");
  if (last.rtt.count() > 0)
    row.add(std::exchange(any, true) ? ", " : "  ")
        .add(for_locale("rtt p50 " + record::quantile_text(last.rtt.quantile(500)), look.utf8));
  if (!any) row.add(last.buckets > 0 ? "  nothing new" : "  silent", "2");
  return row;
}

Row guard_row(const WatchedGuard& guard, const Look& look) {
  Row row(look);
  row.add("guard ", "2").add(guard.name).add("  ");
  row.add(guard.standing.empty() ? "nothing yet" : for_locale(guard.standing, look.utf8));
  row.add("; acts at " + guard.condition, "2");
  return row;
}

constexpr std::size_t kMostHypotheses = 6;  // more are counted

void add_hypotheses(std::vector<Row>& rows, const Watch& watch, Ns now, const Look& look) {
  std::size_t hold = 0, broken = 0, to_come = 0;
  std::vector<Row> each;
  for (const auto& one : watch.hypotheses) {
    const bool begun = now >= one.start && one.tally.sent() > 0;
    const bool holds = begun && one.tally.holds(std::min(now, one.end) - one.start);
    ++(!begun ? to_come : holds ? hold : broken);
    Row row(look);
    if (!begun)
      row.add(look.utf8 ? "· " : "- ", "2").add(one.name, "2").add("  to come", "2");
    else
      row.add(holds ? (look.utf8 ? "✓ " : "+ ") : (look.utf8 ? "✗ " : "x "), holds ? "32" : "31")
          .add(one.name)
          .add(now < one.end ? "  so far " : "  ", "2")
          .add(for_locale(one.tally.standing(std::min(now, one.end) - one.start), look.utf8), "2");
    each.push_back(row);
  }
  if (each.empty()) return;
  if (each.size() <= kMostHypotheses) {
    rows.insert(rows.end(), each.begin(), each.end());
    return;
  }
  Row row(look);
  row.add("hypotheses so far: ", "2").add(fmt::format("{} hold", hold), "32");
  if (broken > 0) row.add(", ").add(fmt::format("{} do not", broken), "31");
  if (to_come > 0) row.add(fmt::format(", {} to come", to_come), "2");
  rows.push_back(row);
}

}  // namespace

std::vector<Visible> live_view(const Watch& watch, Ns now, const Look& asked_look, bool final) {
  Look look = asked_look;
  look.width = std::max(look.width - 1, 10);  // the last column is left free: some terminals wrap when it is written
  std::vector<Row> rows{title_row(watch, now, look), timeline_row(watch, now, look)};
  if (!final)
    for (auto& row : state_rows(watch, now, look)) rows.push_back(row);

  int name_width = 4;
  for (const auto& probe : watch.probes) name_width = std::max(name_width, columns(probe.name));
  for (const auto& target : watch.connections) name_width = std::max(name_width, columns(target.name));
  name_width = std::min(name_width, look.width >= kNarrow ? 20 : 9);
  for (const auto& probe : watch.probes) {
    rows.push_back(probe_row(probe, now, name_width, look));
    if (auto errors = final ? std::nullopt : errors_row(probe, now, look)) rows.push_back(std::move(*errors));
  }
  if (!final) {
    for (const auto& target : watch.connections) rows.push_back(connections_row(target, now, name_width, look));
    for (const auto& guard : watch.guards) rows.push_back(guard_row(guard, look));
    add_hypotheses(rows, watch, now, look);
  }

  const auto most = static_cast<std::size_t>(std::max(look.height - 1, 1));
  if (rows.size() > most) {
    const std::size_t hidden = rows.size() - most + 1;
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(most - 1), rows.end());
    rows.push_back(Row(look).add(fmt::format("{} more rows do not fit", hidden)));
  }
  std::vector<Visible> texts;
  for (const auto& row : rows) texts.push_back(row.text());
  return texts;
}

}  // namespace faultline::screen
