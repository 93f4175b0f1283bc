// machine-room-jitter: a room's network turns bad in episodes, on all its links together, as Alipay's did on 5 December
// 2019 ("machine-room network jitter"). One random process per room: calm, then an episode of onset, plateau and decay
// in which delay, jitter and loss rise and fall as one. Each link follows it with a gain and a lag of its own.
//
// The process is laid out from the fault's start (an instant since T0), one episode after another, each from its own
// draws: the same on every machine that plays the plan, and what comes later never changes what came before.
#include <algorithm>
#include <array>
#include <cmath>

#include "faults/chance.h"
#include "faults/draw.h"
#include "faults/kind.h"
#include "faults/limits.h"

namespace faultline::faults {
namespace {

constexpr Ns kMaxEpisodes = 10'000;  // 70,000 points a track

enum Stream : std::uint32_t { kCalm = FL_STREAM_NATIVE, kLength, kGain, kLag };

struct EpisodeShape {
  Ns every, last;
  double onset, decay;  // shares of an episode

  explicit EpisodeShape(const Params& params)
      : every(params.duration("episodes.every")),
        last(params.duration("episodes.last")),
        onset(params.probability("episodes.onset")),
        decay(params.probability("episodes.decay")) {}
};

// The room's episodes that start before `end`. Calm and length are uniform within half of their mean to either side, so
// episodes cannot overlap and the mean from start to start is `every`. The first calm is cut to between a tenth and a
// half of the mean: a short rehearsal meets its first episode early.
std::vector<Window> episodes(const EpisodeShape& shape, Window window, std::uint64_t seed) {
  std::vector<Window> out;
  const auto mean_calm = static_cast<double>(shape.every - shape.last);
  const auto mean_length = static_cast<double>(shape.last);
  Ns at = window.start;
  for (std::uint64_t k = 0;; k++) {
    const std::uint64_t calm = fl_random(seed, kCalm, 0, k);
    at += std::llround(mean_calm * (k == 0 ? uniform(calm, 0.1, 0.5) : uniform(calm, 0.5, 1.5)));
    if (at >= window.end) return out;
    const Ns length = std::max<Ns>(1, std::llround(mean_length * uniform(fl_random(seed, kLength, 0, k), 0.5, 1.5)));
    out.push_back({at, at + length});
    at += length;
  }
}

struct Knot {
  double at, level;  // 0..1 each
};

// A decay that is steep first and long-tailed, e^-3x brought down to 0 at x = 1, in four straight pieces.
const std::array<Knot, 5>& decay_knots() {
  static const std::array<Knot, 5> knots = [] {
    std::array<Knot, 5> k{{{0, 1}, {0.12, 0}, {0.3, 0}, {0.58, 0}, {1, 0}}};
    for (std::size_t i = 1; i + 1 < k.size(); i++)
      k[i].level = (std::exp(-3 * k[i].at) - std::exp(-3.0)) / (1 - std::exp(-3.0));
    return k;
  }();
  return knots;
}

void add_episode(Track& track, const EpisodeShape& shape, Window episode, double peak) {
  const auto length = static_cast<double>(episode.end - episode.start);
  const Ns decay_start = episode.end - std::llround(length * shape.decay);
  const Ns plateau_start = std::min(decay_start, episode.start + static_cast<Ns>(std::llround(length * shape.onset)));
  track.push_back({episode.start, 0});
  track.push_back({plateau_start, peak});
  for (const Knot& knot : decay_knots()) {
    const Ns t = decay_start + std::llround(knot.at * static_cast<double>(episode.end - decay_start));
    track.push_back({t, peak * knot.level});
  }
}

std::vector<Problem> validate(const Params& params, Ns duration) {
  std::vector<Problem> problems = check_impairment(params, 1 + params.probability("spread"));
  const EpisodeShape shape(params);
  if (shape.onset + shape.decay > 1) {
    problems.push_back({"episodes.decay", "episodes.onset and episodes.decay together exceed the episode",
                        "keep their sum within 100%; what is left is the plateau"});
  }
  if (shape.every <= 0 || shape.last <= 0) return problems;  // missing or zero: the parser's own complaint
  if (shape.last > shape.every / 10 * 8) {
    problems.push_back(
        {"episodes.last", "episodes would leave too little calm between them",
         "keep episodes.last within 80% of episodes.every, or use kind = \"degrade\" for a lasting fault"});
  }
  if (duration < shape.every) {
    problems.push_back({"episodes.every", "the fault ends before one episodes.every has passed: it may meet no episode",
                        "make the fault longer, or episodes.every shorter"});
  }
  if (duration / shape.every > kMaxEpisodes) {
    problems.push_back({"episodes.every", "the fault would have more than 10000 episodes",
                        "make the fault shorter, or episodes.every longer"});
  }
  return problems;
}

Channel compile(const Request& request) {
  const Params& params = request.params;
  const EpisodeShape shape(params);
  const double spread = params.probability("spread");
  const std::uint64_t link = fl_text_key(request.link.data(), request.link.size());
  const double gain = uniform(fl_random(request.seed, kGain, link, 0), 1 - spread, 1 + spread);
  const Ns lag =
      std::llround(uniform(fl_random(request.seed, kLag, link, 0), 0, spread * static_cast<double>(shape.last)));
  const double delay = gain * static_cast<double>(params.duration("delay"));
  const double jitter = gain * static_cast<double>(params.duration("jitter"));
  const double loss = std::min(1.0, gain * params.probability("loss"));

  Channel channel;
  for (const Window& common : episodes(shape, request.window, request.seed)) {
    const Window own{common.start + lag, common.end + lag};
    if (delay > 0) add_episode(channel.delay, shape, own, delay);
    if (jitter > 0) add_episode(channel.jitter, shape, own, jitter);
    if (loss > 0) add_episode(channel.loss, shape, own, loss);
  }
  for (Track* track : {&channel.delay, &channel.jitter, &channel.loss}) cut_track(*track, request.window.end);
  return channel;
}

}  // namespace

Kind machine_room_jitter() {
  return {.name = "machine-room-jitter",
          .summary = "a room's network turns bad in episodes, on all its links together",
          .keys = {{.name = "episodes.every",
                    .type = ValueType::timeline,
                    .doc = "Mean time from one episode's start to the next.",
                    .example = "\"8s\"",
                    .required = true,
                    .min = 10 * kMillisecond},
                   {.name = "episodes.last",
                    .type = ValueType::timeline,
                    .doc = "Mean length of an episode; at most 80% of episodes.every.",
                    .example = "\"1500ms\"",
                    .required = true,
                    .min = kMillisecond},
                   {.name = "episodes.onset",
                    .type = ValueType::probability,
                    .doc = "Share of an episode in which it builds up.",
                    .example = "\"15%\"",
                    .fallback = "\"15%\""},
                   {.name = "episodes.decay",
                    .type = ValueType::probability,
                    .doc = "Share of an episode in which it dies away; the plateau lies between onset and decay.",
                    .example = "\"35%\"",
                    .fallback = "\"35%\""},
                   {.name = "delay",
                    .type = ValueType::duration,
                    .doc = "Delay of a packet at an episode's height, on a link of gain 1.",
                    .example = "\"200ms\"",
                    .max = kMaxHold},
                   {.name = "jitter",
                    .type = ValueType::duration,
                    .doc = "Half width of the delay's variation at an episode's height, on a link of gain 1.",
                    .example = "\"150ms\"",
                    .max = kMaxHold},
                   {.name = "loss",
                    .type = ValueType::probability,
                    .doc = "Chance of a packet to be dropped at an episode's height, on a link of gain 1.",
                    .example = "\"12%\""},
                   {.name = "spread",
                    .type = ValueType::probability,
                    .doc = "How much links differ: gains lie within 1 ± spread, lags within spread * episodes.last.",
                    .example = "\"20%\"",
                    .fallback = "\"20%\""}},
          .validate = validate,
          .compile = compile};
}

}  // namespace faultline::faults
