#include "injector/cli/list_runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "injector/base/privilege.h"
#include "injector/record/json_fields.h"
#include "injector/run/running.h"
#include "injector/screen/row.h"

namespace faultline::cli {
namespace {

using run::State;
using screen::kUncut;
using Cells = std::array<std::string, 5>;

std::string left_text(const run::Running& run) {
  if (run.t_s && *run.t_s < 0) return fmt::format("in {:.0f} s", -*run.t_s);
  return run.left_s && run.state == State::running ? fmt::format("{:.0f} s", *run.left_s) : "";
}

Cells cells_of(const run::Running& run) {
  const std::string pid = run.pid > 0 ? std::to_string(run.pid) : "?";
  if (!run.answers) return {pid, "?", "does not answer: stopped, or hung", "", ""};
  std::string state(record::WordOf<State>::of(run.state));
  if (run.t_s && *run.t_s < 0)
    state = "starts";
  else if (run.state == State::running)
    state = run.phases.empty() ? "calm" : fmt::format("{}", fmt::join(run.phases, "+"));
  else if (run.state == State::waiting)
    state = "waits for Enter before " + run.step;
  else if (run.state == State::preparing)
    state = "preparing: " + run.step;
  return {pid, run.name, state, left_text(run), run.folder};
}

}  // namespace

std::string runs_text() {
  const auto runs = run::running();
  if (runs.empty())
    return is_root() ? "No run is under way.\n" : "No run is under way that this user may see; root sees all.\n";
  std::vector<Cells> rows{{"PID", "PLAN", "PHASE", "LEFT", "RECORD"}};
  for (const auto& run : runs) rows.push_back(cells_of(run));
  std::array<int, 5> widths{};
  for (auto& row : rows)
    for (std::size_t i = 0; i < row.size(); i++) {
      row[i] = screen::clipped(row[i],
                               i == 2 ? 40 : kUncut);  // without control characters: what they say is another process's
      widths[i] = std::max(widths[i], screen::columns(row[i]));
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); i++) {
      line += row[i];
      if (i + 1 < row.size()) line.append(static_cast<std::size_t>(widths[i] - screen::columns(row[i])) + 2, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + "\n";
  }
  return out;
}

nlohmann::json runs_json() {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& run : run::running()) all.push_back(record::to_json(run));
  return all;
}

}  // namespace faultline::cli
