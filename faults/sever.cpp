// sever: the connection is cut. A mode says who learns of it: nobody, as with a cut fibre; one end; both; or whoever
// tries.
#include "faults/kind.h"

namespace faultline::faults {
namespace {

struct Mode {
  std::string_view name;
  fl_filter filter;
  fl_reply reply;
};
constexpr Mode kModes[] = {
    {"silent", FL_FILTER_NONE, FL_REPLY_NONE},      {"reset", FL_FILTER_NONE, FL_REPLY_RESET},
    {"refuse", FL_FILTER_NONE, FL_REPLY_REFUSE},    {"half-open", FL_FILTER_OLD, FL_REPLY_TELL},
    {"new-only", FL_FILTER_OPENING, FL_REPLY_NONE}, {"established-only", FL_FILTER_OLD, FL_REPLY_NONE}};

Channel compile(const Request& request) {
  Channel channel;
  add_step(channel.loss, request.window, 1.0);
  const std::string name = request.params.text("mode");
  for (const Mode& mode : kModes) {
    if (mode.name != name) continue;
    channel.answer.filter = mode.filter;
    channel.answer.reply = mode.reply;
  }
  return channel;
}

}  // namespace

Kind sever() {
  return {
      .name = "sever",
      .summary = "cuts the connection: silently, with resets or refusals, or only what is new or old",
      .keys =
          {{.name = "mode",
            .type = ValueType::choice,
            .doc =
                "How the cut shows itself: \"silent\" drops every packet without an answer, \"reset\" tells both ends, "
                "\"refuse\" answers as if nothing listened; \"half-open\" cuts established TCP connections and tells "
                "only the target's end, \"established-only\" cuts them silently, \"new-only\" lets no new one open.",
            .example = "\"reset\"",
            .fallback = "\"silent\"",
            .choices = {"silent", "reset", "refuse", "half-open", "new-only", "established-only"}}},
      .validate = [](const Params&, Ns) { return std::vector<Problem>{}; },
      .compile = compile,
      .cuts = true};
}

}  // namespace faultline::faults
