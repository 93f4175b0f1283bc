// idle-timeout: a middlebox (NAT, firewall, load balancer) that forgets connections on which nothing passed for a
// while. Both ends still believe in theirs; whoever sends next learns of it, or waits.
#include "faults/kind.h"

namespace faultline::faults {
namespace {

std::vector<Problem> validate(const Params& params, Ns duration) {
  if (params.duration("idle") < duration || !params.has("idle")) return {};
  return {{"idle", "the fault is over before any connection can have been silent for so long",
           "make the fault longer, or idle shorter: it counts from the last packet, or from the fault's start"}};
}

Channel compile(const Request& request) {
  Channel channel;
  add_step(channel.loss, request.window, 1.0);
  channel.answer.filter = FL_FILTER_SILENT;
  channel.answer.silent = request.params.duration("idle");
  if (request.params.text("mode") == "reset") channel.answer.reply = FL_REPLY_SENDER;
  return channel;
}

}  // namespace

Kind idle_timeout() {
  return {.name = "idle-timeout",
          .summary = "forgets TCP connections that were silent for a while, as a NAT or a firewall does",
          .keys = {{.name = "idle",
                    .type = ValueType::timeline,
                    .doc = "How long nothing must have passed on a connection, since its last packet or the fault's "
                           "start, for it to be forgotten.",
                    .example = "\"5s\"",
                    .required = true,
                    .min = kMillisecond},
                   {.name = "mode",
                    .type = ValueType::choice,
                    .doc = "What becomes of packets of a forgotten connection: \"silent\" drops them, \"reset\" tells "
                           "their sender, and not the other end.",
                    .example = "\"reset\"",
                    .fallback = "\"silent\"",
                    .choices = {"silent", "reset"}}},
          .validate = validate,
          .compile = compile,
          .cuts = true};
}

}  // namespace faultline::faults
