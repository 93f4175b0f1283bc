// cut-after: a connection that breaks off in the middle: after so many bytes either way it is reset, or goes silent.
// What a proxy does that dies while it answers, or a path that loses a connection under load.
#include "faults/kind.h"

namespace faultline::faults {
namespace {

constexpr Ns kMost = 1 << 30;  // bytes: sequence numbers are compared by their difference, which has 31 bits

Channel compile(const Request& request) {
  Channel channel;
  add_step(channel.loss, request.window, 1.0);
  channel.answer.filter = FL_FILTER_SENT;
  channel.answer.sent = request.params.bytes("after");
  channel.answer.reply = request.params.text("mode") == "reset" ? FL_REPLY_RESET : FL_REPLY_SILENT;
  return channel;
}

}  // namespace

Kind cut_after() {
  return {
      .name = "cut-after",
      .summary = "breaks a TCP connection off after so many bytes: an answer that ends in the middle",
      .keys = {{.name = "after",
                .type = ValueType::bytes,
                .doc = "How many bytes of payload pass in a direction, from the connection's opening or the fault's "
                       "start; the packet with the next one is the first that does not.",
                .example = "\"64kB\"",
                .required = true,
                .min = 1,
                .max = kMost},
               {.name = "mode",
                .type = ValueType::choice,
                .doc = "What becomes of the connection then: \"silent\" lets nothing pass any more, \"reset\" tells "
                       "both ends.",
                .example = "\"reset\"",
                .fallback = "\"silent\"",
                .choices = {"silent", "reset"}}},
      .validate = [](const Params&, Ns) { return std::vector<Problem>{}; },
      .compile = compile,
      .cuts = true};
}

}  // namespace faultline::faults
