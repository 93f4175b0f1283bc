// degrade: a worse link for as long as the fault lasts: later, less even, lossier. All figures hold from its first
// instant to its last.
#include "faults/kind.h"
#include "faults/limits.h"

namespace faultline::faults {
namespace {

std::vector<Problem> validate(const Params& params, Ns /*duration*/) {
  std::vector<Problem> problems = check_impairment(params);
  const std::string distribution = params.text("distribution");
  if (!distribution.empty() && distribution != "uniform") {
    problems.push_back({"distribution", "distribution = \"" + distribution + "\" is not supported yet",
                        "use distribution = \"uniform\"", true});
  }
  return problems;
}

Channel compile(const Request& request) {
  Channel channel;
  add_step(channel.delay, request.window, static_cast<double>(request.params.duration("delay")));
  add_step(channel.jitter, request.window, static_cast<double>(request.params.duration("jitter")));
  add_step(channel.loss, request.window, request.params.probability("loss"));
  return channel;
}

Key reserved(std::string_view name, std::string_view doc, std::string_view example) {
  return {.name = name, .type = ValueType::reserved, .doc = doc, .example = example};
}

}  // namespace

Kind degrade() {
  return {
      .name = "degrade",
      .summary = "makes the link worse: delay, jitter, loss",
      .keys = {{.name = "delay",
                .type = ValueType::duration,
                .doc = "Added to every packet, each way that the fault acts on.",
                .example = "\"100ms\"",
                .max = kMaxHold},
               {.name = "jitter",
                .type = ValueType::duration,
                .doc = "Half width of the delay's variation: each packet gets delay ± jitter, never below zero.",
                .example = "\"20ms\"",
                .max = kMaxHold},
               {.name = "loss",
                .type = ValueType::probability,
                .doc = "Chance of each packet to be dropped, independent of the others.",
                .example = "\"1%\""},
               {.name = "distribution",
                .type = ValueType::choice,
                .doc = "How jitter is distributed. Only \"uniform\" is supported yet.",
                .example = "\"uniform\"",
                .fallback = "\"uniform\"",
                .choices = {"uniform", "normal", "pareto", "paretonormal"}},
               reserved("correlation", "How much a packet's delay resembles the one before.", "\"25%\""),
               reserved("duplicate", "Chance of a packet to arrive twice.", "\"1%\""),
               reserved("corrupt", "Chance of a packet to arrive with a flipped bit.", "\"0.1%\""),
               reserved("reorder", "Chance of a packet to overtake those before it.", "\"1%\""),
               reserved("rate", "Bandwidth of the link.", "\"10mbit\""),
               reserved("limit", "Length of the queue in front of the rate.", "\"100ms\""),
               reserved("ramp", "Time over which the figures build up.", "\"5s\""),
               reserved("profile", "Figures that change over the fault's time.", "[{ at = \"0s\", delay = \"10ms\" }]"),
               reserved("order", "Whether jitter may reorder a flow.", "\"free\""),
               reserved("flows", "Share of the connections that is hit.", "\"20%\""),
               reserved("clients", "Share of the client addresses that is hit.", "\"40%\""),
               reserved("per", "What a limit is counted by.", "\"flow\"")},
      .validate = validate,
      .compile = compile};
}

}  // namespace faultline::faults
