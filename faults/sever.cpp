// sever: nothing passes. The plainest outage there is: a cut fibre, a dead switch, a firewall rule gone wrong.
#include "faults/kind.h"

namespace faultline::faults {
namespace {

std::vector<Problem> validate(const Params& params, Ns /*duration*/) {
  const std::string mode = params.text("mode");
  if (mode.empty() || mode == "silent") return {};
  return {{"mode", "mode = \"" + mode + "\" is not supported yet",
           "use mode = \"silent\": packets vanish without an answer", true}};
}

Channel compile(const Request& request) {
  Channel channel;
  add_step(channel.loss, request.window, 1.0);
  return channel;
}

}  // namespace

Kind sever() {
  return {
      .name = "sever",
      .summary = "cuts the connection: every packet is dropped without a word",
      .keys = {{.name = "mode",
                .type = ValueType::choice,
                .doc = "How the cut shows itself. \"silent\" drops every packet without an answer; the others are not "
                       "supported yet.",
                .example = "\"silent\"",
                .fallback = "\"silent\"",
                .choices = {"silent", "reset", "refuse", "half-open", "new-only", "established-only"}}},
      .validate = validate,
      .compile = compile};
}

}  // namespace faultline::faults
