// What the report's parts are put together from. All of it is HTML already.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "injector/record/recording.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"

namespace faultline::report {

/// Behind a command that has "***" in it.
inline constexpr const char* kReplaceMasked = "Replace each ***: secrets are not recorded. ";
inline constexpr const char* kNone = "<span class=\"dim\">none</span>";

std::string list_of(const std::vector<std::string>& texts);  ///< as <li>
std::string instant(Ns t);                                   ///< since T0: "12.3 s"
std::string microseconds(const std::optional<double>& value);
/// "p50 / p99 / max" of a measured time.
std::string quantiles_cell(const TimeQuantiles& quantiles);

/// A card for each hypothesis that did not hold: what was expected, what was observed, why, and where to look.
std::string broken_cards(const record::Recording& recording, const Summary& summary, const Beside& beside);
/// What the lab or somebody said around that time. What came shortly before says more of a cause than what came after:
/// it is taken even if that is nearer, by a second at most.
std::string said_near(const record::Recording& recording, Ns when);
/// What the lab's services wrote from a second before a request to a second after it was over: three logs, those that
/// tell of trouble first. Empty: nothing, or it is not known when.
std::string logs_near(const record::Recording& recording, const Beside& beside, const record::Requests& one);
/// What was asked of each fault beside what it did: a table, and a drawing of the times.
std::string fault_tables(const record::Recording& recording, const Summary& summary);
/// Hypotheses, guards, probes, telemetry, notes, warnings.
std::string hypothesis_table(const Summary& summary);
std::string guard_table(const Summary& summary);
std::string probe_table(const Summary& summary);
std::string telemetry_table(const Summary& summary);
std::string event_table(const Summary& summary);
std::string notes_and_warnings(const Summary& summary);
/// The plan, with "***" for what looks like a secret.
std::string plan_section(const std::string& plan_text);
/// "faultline run …" with its seed and all options.
std::string repeat_command(const Summary& summary);

}  // namespace faultline::report
