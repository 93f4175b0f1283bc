// `faultline trace from FILE`: what somebody measured of a link, as a file for the fault kind `trace`.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "injector/base/file_text.h"
#include "injector/base/visible_text.h"
#include "injector/cli/app.h"
#include "injector/cli/output_file.h"
#include "injector/plan/values.h"
#include "injector/sketch/measured.h"

namespace faultline::cli {
namespace {

struct TraceArguments {
  std::string file, format, output, every, probe, flow;
  bool round_trip = false, excess = false, force = false;
};

Exit make_trace(const TraceArguments& arguments) {
  sketch::TraceWish wish;
  wish.round_trip = arguments.round_trip;
  wish.excess = arguments.excess;
  if (!arguments.every.empty()) {
    const auto read = plan::read_duration(arguments.every);
    if (!read.value || *read.value < kMillisecond)
      throw Failure(Exit::invalid, fmt::format("--every {}: write a duration from 1ms, such as 5s", arguments.every));
    wish.every = *read.value;
  }
  std::string text;
  if (const std::string why = read_file(arguments.file, Readable::anything, text); !why.empty())
    throw Failure(Exit::invalid, fmt::format("cannot read {}: {}", arguments.file, why));
  std::string_view format;
  const auto measured =
      sketch::read_measured(text, arguments.file, arguments.format, {arguments.probe, arguments.flow}, format);
  const auto made = sketch::make_trace(measured, wish, fmt::format("{} ({})", arguments.file, format));
  if (arguments.output.empty() || arguments.output == "-")
    print(stdout, made.csv);
  else
    write_output(arguments.output, made.csv, arguments.force);
  const std::string length = plan::format_duration(made.length / kMillisecond * kMillisecond);
  if (measured.rates.empty())
    print(stderr, shown("{}: {} round trips in {}, {} of them lost; {} rows\n", format, made.trips, length, made.lost,
                        made.rows));
  else
    print(stderr, shown("{}: a rate over {}; {} rows\n", format, length, made.rows));
  return Exit::passed;
}

}  // namespace

void setup_trace(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<TraceArguments>();
  CLI::App* sub = app.add_subcommand("trace", "Make files for faults of the kind trace");
  sub->require_subcommand(1);
  CLI::App* from =
      sub->add_subcommand("from", "From what ping, irtt or RIPE Atlas measured, a capture, or a mahimahi trace");
  from->add_option("FILE", arguments->file, "What was measured")->required();
  std::vector<std::string> names;
  std::string docs;
  for (const auto& format : sketch::measured_formats()) {
    names.emplace_back(format.name);
    docs += fmt::format("\n  {}: {}", format.name, format.doc);
  }
  from->add_option("--format", arguments->format, "What the file is; default: its content tells")
      ->check(CLI::IsMember(names).description(""))
      ->type_name(fmt::format("{}", fmt::join(names, "|")));
  from->add_option("--every", arguments->every, "How long a row is; default: ten round trips, a second at least")
      ->type_name("DURATION");
  from->add_flag("--rtt", arguments->round_trip,
                 "Keep delay and loss of the round trip, for a fault of one direction; else each way has its half");
  from->add_flag("--excess", arguments->excess,
                 "Less the least delay: only what was added to the link as it usually is");
  from->add_option("--probe", arguments->probe, "Of RIPE Atlas: the results of this probe")->type_name("ID");
  from->add_option("--flow", arguments->flow, "Of a capture with several: this connection")
      ->type_name("ADDRESS:PORT-ADDRESS:PORT");
  from->add_option("--output", arguments->output, "The file to write; default: standard output")->type_name("FILE");
  from->add_flag("--force", arguments->force, "Write over a file that exists");
  from->footer("Formats:" + docs + "\nExit status: 0 written, 3 the file is not understood, 4 it cannot be written.");
  from->callback([arguments, &context] { context.chosen = [arguments] { return make_trace(*arguments); }; });
  sub->footer("docs/faults/trace.md says what is made of round trips.");
}

}  // namespace faultline::cli
