// degrade: a worse link for as long as the fault lasts: later, less even, lossier, narrower. All figures hold from its
// first instant to its last.
#include <algorithm>
#include <cmath>

#include "faults/chance.h"
#include "faults/draw.h"
#include "faults/kind.h"
#include "faults/limits.h"
#include "faults/profile.h"

namespace faultline::faults {
namespace {

/// Whether any figure that does something by itself fulfils this: reorder only says which delays are skipped.
template <class Condition>
bool any_effect(Condition fulfils) {
  return std::any_of(figures().begin(), figures().end(),
                     [&](const Figure& figure) { return figure.name != "reorder" && fulfils(figure.name); });
}

constexpr std::uint32_t kBurstStream = FL_STREAM_NATIVE + 8;

bool has_bursts(const Params& params) {
  return params.has("bursts.enter") || params.has("bursts.leave") || params.has("bursts.good") ||
         params.has("bursts.bad");
}

JitterShape shape_of(const std::string& name) {
  if (name == "normal") return JitterShape::normal;
  if (name == "pareto") return JitterShape::pareto;
  if (name == "paretonormal") return JitterShape::pareto_normal;
  if (name == "table") return JitterShape::table;
  return JitterShape::uniform;
}

/// Whether a plan gives a figure at all, even as 0: a key that goes with the figure is then allowed.
bool asked(const Params& params, std::string_view figure) { return params.has(figure) || greatest(params, figure) > 0; }

bool bursts_act(const Params& params) {
  if (!has_bursts(params)) return false;
  const bool begin = !params.has("bursts.enter") || params.probability("bursts.enter") > 0;
  return (begin && params.probability("bursts.loss") > 0) || params.probability("bursts.between") > 0;
}

void check_bursts(const Params& params, std::vector<Problem>& problems) {
  const bool by_packet = params.has("bursts.enter") || params.has("bursts.leave");
  const bool by_time = params.has("bursts.good") || params.has("bursts.bad");
  if (by_packet && by_time) {
    problems.push_back({"bursts.good", "bursts are counted by packets (enter, leave) or by time (good, bad), not both",
                        "take one pair out"});
  } else if (by_packet && !(params.has("bursts.enter") && params.has("bursts.leave"))) {
    problems.push_back({params.has("bursts.enter") ? "bursts.enter" : "bursts.leave", "enter and leave belong together",
                        "give both: bursts = { enter = \"0.5%\", leave = \"20%\" }"});
  } else if (by_time && !(params.has("bursts.good") && params.has("bursts.bad"))) {
    problems.push_back({params.has("bursts.good") ? "bursts.good" : "bursts.bad", "good and bad belong together",
                        "give both: bursts = { good = \"5s\", bad = \"300ms\" }"});
  } else if (!by_packet && !by_time && (params.has("bursts.loss") || params.has("bursts.between"))) {
    const bool loss = params.has("bursts.loss") && params.probability("bursts.loss") != 1;
    if (loss || params.probability("bursts.between") != 0)
      problems.push_back(
          {loss ? "bursts.loss" : "bursts.between", "bursts have no lengths", "give good and bad, or enter and leave"});
  }
  if ((by_packet || by_time) && greatest(params, "loss") > 0)
    problems.push_back({params.has("loss") ? "loss" : "profile",
                        "loss and bursts exclude each other: bursts bring their own loss",
                        "use bursts.between for the loss outside of bursts, or a second fault"});
}

std::vector<Problem> validate(const Params& params, Ns duration) {
  std::vector<Problem> problems;
  const bool given =
      has_bursts(params) || params.has("profile") || any_effect([&](auto key) { return params.has(key); });
  const bool acts = bursts_act(params) || any_effect([&](auto key) { return greatest(params, key) > 0; });
  if (!given)
    problems.push_back({"",
                        "the fault does nothing: it has none of delay, jitter, loss, bursts, flows, clients, "
                        "duplicate, corrupt and rate",
                        "give at least one of them, such as delay = \"100ms\""});
  const Deviations table = params.samples("table").values;
  check_longest_hold(params, 1.0, problems, table ? std::max(1.0, table->back()) : 1.0);
  check_bursts(params, problems);
  check_shape(params, duration, problems);
  const bool varies = asked(params, "jitter");
  if (!varies && params.has("distribution") && params.text("distribution") != "uniform")
    problems.push_back({"distribution", "there is no jitter to be distributed", "add jitter = \"20ms\""});
  const bool by_table = params.text("distribution") == "table";
  if (by_table && !params.has("table"))
    problems.push_back({"distribution", "there is no table to draw from",
                        "add table = \"wan.dist\", a file of tc's or of measured delays"});
  if (!by_table && params.has("table"))
    problems.push_back({"table", "nothing draws from the table", "add distribution = \"table\""});
  if (!varies && params.probability("correlation") > 0)
    problems.push_back({"correlation", "there is no jitter to be correlated", "add jitter = \"20ms\""});
  if (params.probability("correlation") >= 1)
    problems.push_back({"correlation", "at 100 % every packet would have the first one's delay",
                        "stay below 100%, or use delay alone"});
  if (greatest(params, "reorder") > 0 && !asked(params, "delay"))
    problems.push_back(
        {"reorder", "a packet is reordered by skipping its delay, and there is none", "add delay = \"20ms\""});
  if (params.has("limit") && params.queue("limit") != kUsualQueue && !asked(params, "rate"))
    problems.push_back({"limit", "there is no rate in front of which a queue could be", "add rate = \"10mbit\""});
  if (params.text("per") == "turn" && !asked(params, "delay") && !varies)
    problems.push_back({"per", "per = \"turn\" is about delay, and there is none", "add delay = \"200ms\""});
  if (params.text("checksum") == "valid" && !asked(params, "corrupt"))
    problems.push_back({"checksum", "there is no corruption whose checksum could be valid", "add corrupt = \"0.1%\""});
  if (given && !acts && problems.empty()) problems.push_back(idle_problem());  // last: an empty profile is a mistake
  return problems;
}

/// Of all packets, where it comes in bursts or is of some of the connections.
double greatest_loss(const Params& params) {
  for (const char* key : {"bursts.enter", "bursts.good", "flows", "clients"})
    if (params.has(key)) return 1;
  return greatest(params, "loss");
}

/// Good and bad times in turn, each exponential with its mean, from the fault's seed alone: what a Gilbert-Elliott
/// chain is when time and not traffic drives it.
void add_timed_bursts(Track& loss, const Request& request) {
  const double means[] = {static_cast<double>(request.params.duration("bursts.good")),
                          static_cast<double>(request.params.duration("bursts.bad"))};
  const double losses[] = {request.params.probability("bursts.between"), request.params.probability("bursts.loss")};
  Ns at = request.window.start;
  for (std::uint64_t n = 0; at < request.window.end; n++) {
    const double share = uniform(fl_random(request.seed, kBurstStream, 0, n)) + 0x1p-54;  // never 0
    const auto length = std::max<Ns>(kMicrosecond, std::llround(-std::log(share) * means[n & 1]));
    const Ns end = length < request.window.end - at ? at + length : request.window.end;
    add_step(loss, {at, end}, losses[n & 1]);
    at = end;
  }
}

Channel compile(const Request& request) {
  const Params& params = request.params;
  const Window window = request.window;
  Channel channel;
  add_given(channel, params, window);
  if (params.has("bursts.enter")) {
    channel.bursts = Bursts{params.probability("bursts.enter"), params.probability("bursts.leave"),
                            params.probability("bursts.between"), params.probability("bursts.loss")};
    add_step(channel.loss, window, 1);
  } else if (params.has("bursts.good")) {
    add_timed_bursts(channel.loss, request);
  }
  shape(channel, params, window);
  channel.shape = shape_of(params.text("distribution"));
  channel.table = params.samples("table").values;
  channel.correlation = params.probability("correlation");
  channel.free_order = params.text("order") == "free";
  channel.valid_checksum = params.text("checksum") == "valid";
  channel.turns = params.text("per") == "turn";
  channel.queue_time = params.queue("limit").time;
  channel.queue_bytes = params.queue("limit").bytes;
  return channel;
}

}  // namespace

Kind degrade() {
  return {
      .name = "degrade",
      .summary = "makes the link worse: delay, jitter, loss, rate, duplicates, damage",
      .keys =
          {{.name = "delay",
            .type = ValueType::duration,
            .doc = "Added to every packet, each way that the fault acts on.",
            .example = "\"100ms\"",
            .max = kMaxHold},
           {.name = "jitter",
            .type = ValueType::duration,
            .doc = "How far the delay varies: half width if uniform, else the standard deviation; never below zero in "
                   "all.",
            .example = "\"20ms\"",
            .max = kMaxHold},
           {.name = "distribution",
            .type = ValueType::choice,
            .doc = "How jitter is distributed.",
            .example = "\"normal\"",
            .fallback = "\"uniform\"",
            .choices = {"uniform", "normal", "pareto", "paretonormal", "table"}},
           {.name = "table",
            .type = ValueType::samples,
            .doc = "File with the distribution: a table of tc's, or delays as measured, with their units.",
            .example = "\"wan.dist\""},
           {.name = "correlation",
            .type = ValueType::probability,
            .doc = "How much a packet's jitter resembles the one before; the distribution keeps its shape.",
            .example = "\"25%\""},
           {.name = "order",
            .type = ValueType::choice,
            .doc = "Whether a packet may overtake its flow's previous one, as jitter has it.",
            .example = "\"free\"",
            .fallback = "\"flow\"",
            .choices = {"flow", "free"}},
           {.name = "per",
            .type = ValueType::choice,
            .doc = "What is delayed: each packet, or what turns the direction of a conversation: a request, an answer.",
            .example = "\"turn\"",
            .fallback = "\"packet\"",
            .choices = {"packet", "turn"}},
           {.name = "loss",
            .type = ValueType::probability,
            .doc = "Chance of each packet to be dropped, independent of the others.",
            .example = "\"1%\""},
           {.name = "bursts.enter",
            .type = ValueType::probability,
            .doc = "Chance at each packet that a burst of loss begins.",
            .example = "\"0.5%\""},
           {.name = "bursts.leave",
            .type = ValueType::probability,
            .doc = "Chance at each packet that it ends.",
            .example = "\"20%\""},
           {.name = "bursts.good",
            .type = ValueType::duration,
            .doc = "Mean time between bursts.",
            .example = "\"5s\"",
            .min = kMillisecond},
           {.name = "bursts.bad",
            .type = ValueType::duration,
            .doc = "Mean length of a burst.",
            .example = "\"300ms\"",
            .min = kMillisecond},
           {.name = "bursts.loss",
            .type = ValueType::probability,
            .doc = "Loss within a burst.",
            .example = "\"80%\"",
            .fallback = "\"100%\""},
           {.name = "bursts.between",
            .type = ValueType::probability,
            .doc = "Loss between bursts.",
            .example = "\"0.1%\"",
            .fallback = "\"0%\""},
           {.name = "flows",
            .type = ValueType::probability,
            .doc = "Share of the connections whose every packet is dropped.",
            .example = "\"20%\""},
           {.name = "clients",
            .type = ValueType::probability,
            .doc = "Share of the client addresses whose every packet is dropped.",
            .example = "\"40%\""},
           {.name = "duplicate",
            .type = ValueType::probability,
            .doc = "Chance of a packet to arrive twice.",
            .example = "\"1%\""},
           {.name = "corrupt",
            .type = ValueType::probability,
            .doc = "Chance of a packet to arrive with a flipped bit.",
            .example = "\"0.1%\""},
           {.name = "checksum",
            .type = ValueType::choice,
            .doc = "Of a corrupted packet: broken, so that the receiver's kernel drops it, or valid, so that its "
                   "application gets it.",
            .example = "\"valid\"",
            .fallback = "\"broken\"",
            .choices = {"broken", "valid"}},
           {.name = "reorder",
            .type = ValueType::probability,
            .doc = "Chance of a packet to skip the delay, and so to overtake those before it.",
            .example = "\"1%\""},
           {.name = "rate",
            .type = ValueType::rate,
            .doc = "Bandwidth of the link, each way, in bits of Ethernet frames a second.",
            .example = "\"10mbit\""},
           {.name = "limit",
            .type = ValueType::queue,
            .doc = "Length of the queue in front of the rate, as time or bytes; what finds it full is dropped.",
            .example = "\"64kB\"",
            .fallback = "\"100ms\""},
           kRampKey,
           kRampDownKey,
           {.name = "profile",
            .type = ValueType::profile,
            .doc = "Figures that change over the fault's time, point by point, in place of constant ones.",
            .example = "[{ at = \"0s\", delay = \"10ms\" }]"},
           {.name = "steps",
            .type = ValueType::boolean,
            .doc = "A point's figures hold until the next point, instead of leading to it in a straight line.",
            .example = "true"}},
      .validate = validate,
      .compile = compile,
      .greatest_loss = greatest_loss};
}

}  // namespace faultline::faults
