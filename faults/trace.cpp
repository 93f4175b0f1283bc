// trace: plays what was recorded: a link's delay, jitter, loss and rate over time, from a file. How files are written
// and read is the plan's business; here a trace is a profile.
#include <algorithm>

#include "faults/kind.h"
#include "faults/limits.h"
#include "faults/profile.h"

namespace faultline::faults {
namespace {

Layout layout_of(const Params& params) {
  return {.steps = params.boolean("steps"), .repeat = params.boolean("repeat")};
}

std::vector<Problem> validate(const Params& params, Ns duration) {
  if (!params.has("file")) return {};  // the parser's own complaint
  auto problems = check_profile(params.trace("file").points, "file", duration, layout_of(params));
  for (auto& problem : problems) problem.key = "file";  // its points stand elsewhere
  const auto& points = params.trace("file").points;
  if (is_idle(points)) problems.push_back(idle_problem());
  if (params.has("limit") && params.queue("limit") != kUsualQueue &&
      std::none_of(points.begin(), points.end(), [](const auto& point) { return point.rate > 0; }))
    problems.push_back({"limit", "there is no rate in front of which a queue could be",
                        "add a column \"rate\" to the file, or take the limit out"});
  return problems;
}

Channel compile(const Request& request) {
  Channel channel;
  lay_out(channel, request.params.trace("file").points, request.window, layout_of(request.params));
  channel.queue_time = request.params.queue("limit").time;
  channel.queue_bytes = request.params.queue("limit").bytes;
  return channel;
}

}  // namespace

Kind trace() {
  return {
      .name = "trace",
      .summary = "plays a recorded link: delay, jitter, loss and rate from a file",
      .keys =
          {{.name = "file",
            .type = ValueType::trace,
            .doc = "CSV with a named column for time and for each figure, or a mahimahi file; relative to the plan.",
            .example = "\"wan.csv\"",
            .required = true},
           {.name = "repeat",
            .type = ValueType::boolean,
            .doc = "Starts again at the trace's last row; otherwise that row's figures hold until the fault's end.",
            .example = "true",
            .fallback = "false"},
           {.name = "steps",
            .type = ValueType::boolean,
            .doc = "A row's figures hold until the next row; otherwise straight lines lead from row to row.",
            .example = "false",
            .fallback = "true"},
           {.name = "limit",
            .type = ValueType::queue,
            .doc = "Length of the queue in front of the trace's rate, as time or bytes; what finds it full is dropped.",
            .example = "\"64kB\"",
            .fallback = "\"100ms\""}},
      .validate = validate,
      .compile = compile};
}

}  // namespace faultline::faults
