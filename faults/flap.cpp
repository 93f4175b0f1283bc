// flap: a link that goes down and comes up again, over and over: a loose plug, a port that renegotiates, a route that
// is withdrawn and announced in turn. Down at the fault's first instant. All links of the fault go down together: they
// are one.
#include <algorithm>
#include <cmath>

#include "faults/chance.h"
#include "faults/draw.h"
#include "faults/kind.h"
#include "faults/limits.h"
#include "faults/profile.h"

namespace faultline::faults {
namespace {

constexpr Ns kMaxFlaps = 10'000;

enum Stream : std::uint32_t { kDown = FL_STREAM_NATIVE + 16, kUp };

/// The k-th time of a stream, uniform within `vary` of its mean to either side; 1 us at least, so that time goes on.
Ns varied(Ns mean, double vary, std::uint64_t seed, Stream stream, std::uint64_t k) {
  const double share = uniform(fl_random(seed, stream, 0, k));
  return std::max(kMicrosecond,
                  static_cast<Ns>(std::llround(static_cast<double>(mean) * (1 + vary * (2 * share - 1)))));
}

std::vector<Problem> validate(const Params& params, Ns duration) {
  std::vector<Problem> problems = check_down(params, duration);
  const Ns down = params.duration("down"), up = params.duration("up");
  if (down <= 0 || up <= 0) return problems;  // missing: the parser's own complaint
  if (duration <= down)
    problems.push_back({"down", "the fault ends before the link comes up for the first time: it would not flap",
                        "make the fault longer, or down shorter; kind = \"sever\" is a cut that lasts"});
  if (duration / (down + up) >= kMaxFlaps)
    problems.push_back(
        {"up", "the link would go down more than 10000 times", "make the fault shorter, or down and up longer"});
  return problems;
}

Channel compile(const Request& request) {
  const Params& params = request.params;
  const double vary = params.probability("vary");
  Channel channel;
  Ns at = request.window.start;
  for (std::uint64_t k = 0; at < request.window.end; k++) {
    const Ns up_again = at + varied(params.duration("down"), vary, request.seed, kDown, k);
    add_impairment(channel, params, {at, std::min(up_again, request.window.end)});
    at = up_again + varied(params.duration("up"), vary, request.seed, kUp, k);
  }
  ramp(channel, request.window, params.duration("ramp"), params.duration("ramp_down"));
  return channel;
}

}  // namespace

Kind flap() {
  return {.name = "flap",
          .summary = "a link that goes down and comes up again, over and over",
          .keys = {{.name = "down",
                    .type = ValueType::timeline,
                    .doc = "How long the link is down each time.",
                    .example = "\"2s\"",
                    .required = true,
                    .min = kMillisecond},
                   {.name = "up",
                    .type = ValueType::timeline,
                    .doc = "How long it is up in between.",
                    .example = "\"8s\"",
                    .required = true,
                    .min = kMillisecond},
                   {.name = "vary",
                    .type = ValueType::probability,
                    .doc = "Each time down or up is drawn from its length ± this share of it.",
                    .example = "\"20%\"",
                    .fallback = "\"0%\""},
                   {.name = "loss",
                    .type = ValueType::probability,
                    .doc = "Chance of each packet to be dropped while the link is down; 100% unless loss, delay or "
                           "jitter is given.",
                    .example = "\"10%\""},
                   {.name = "delay",
                    .type = ValueType::duration,
                    .doc = "Added to every packet while the link is down.",
                    .example = "\"300ms\"",
                    .max = kMaxHold},
                   {.name = "jitter",
                    .type = ValueType::duration,
                    .doc = "Half width of the delay's variation while the link is down.",
                    .example = "\"50ms\"",
                    .max = kMaxHold},
                   kRampKey,
                   kRampDownKey},
          .validate = validate,
          .compile = compile,
          .cuts = true};
}

}  // namespace faultline::faults
