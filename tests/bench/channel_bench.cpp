// What it costs a packet to meet rules: BPF_PROG_TEST_RUN of the player, a million runs of one packet, median of some repetitions.
// Usage: channel_bench [REPETITIONS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

void measure(pen::Engine engine, int repetitions) {
  struct Case {
    const char* name;
    std::function<void(faults::Channel&)> make;
  };
  const auto step = [](faults::Track& track, double value) { faults::add_step(track, kHour, value); };
  const Case cases[] = {
      {"delay", [&](faults::Channel& c) { step(c.delay, 1e6); }},
      {"delay, uniform jitter", [&](faults::Channel& c) { step(c.delay, 1e6), step(c.jitter, 1e5); }},
      {"delay, Pareto jitter", [&](faults::Channel& c) { step(c.delay, 1e6), step(c.jitter, 1e5), c.shape = faults::Shape::pareto; }},
      {"the same, correlated", [&](faults::Channel& c) { step(c.delay, 1e6), step(c.jitter, 1e5), c.shape = faults::Shape::pareto, c.correlation = 0.5; }},
      {"loss", [&](faults::Channel& c) { step(c.loss, 1e-6); }},
      {"bursts", [&](faults::Channel& c) { step(c.loss, 1), c.bursts = faults::Bursts{1e-6, 1, 0, 1e-6}; }},
      {"rate", [&](faults::Channel& c) { step(c.rate, 1e12), c.queue_time = kSecond; }},
      {"delay, jitter, loss, duplicate, corrupt, rate", [&](faults::Channel& c) {
         step(c.delay, 1e6), step(c.jitter, 1e5), step(c.loss, 1e-6), step(c.duplicate, 1e-9), step(c.corrupt, 1e-9), step(c.rate, 1e12);
         c.queue_time = kSecond;
       }}};
  std::printf("%s build, ns per packet %30s 1 rule %8s 64 rules\n", engine == pen::Engine::tcx ? "modern" : "classic", "", "");
  Frame frame = build({.l4 = L4::udp});
  set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 1, .hold = 0, .due = 0});
  for (const Case& c : cases) {
    double ns[2] = {0, 0};
    for (const int many : {0, 1}) {
      std::vector<Rule> rules;
      for (std::uint32_t i = 0; i < (many != 0 ? 64u : 1u); i++) {
        Rule rule{.match = {}, .channel = {}, .window = kHour, .fault = i, .seed = i + 1};
        c.make(rule.channel);
        rules.push_back(rule);
      }
      Programs programs(engine, rules);
      programs.set_slot(1, many != 0 ? ~0ull : 1);
      std::vector<std::uint32_t> runs;
      for (int i = 0; i < repetitions; i++) {
        std::uint32_t took = 0;
        run_program(programs.player().program("play_arrival"), {.frame = frame}, 1'000'000 / (many != 0 ? 10 : 1), &took);
        runs.push_back(took);
      }
      std::sort(runs.begin(), runs.end());
      ns[many] = runs[runs.size() / 2];
    }
    std::printf("%-54s %8.0f %16.0f\n", c.name, ns[0], ns[1]);
  }
}

}  // namespace
}  // namespace faultline::test

int main(int argc, char** argv) try {
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  if (faultline::pen::probe_features().engine() == faultline::pen::Engine::tcx) faultline::test::measure(faultline::pen::Engine::tcx, repetitions);
  faultline::test::measure(faultline::pen::Engine::clsact, repetitions);
} catch (const std::exception& e) {
  std::fprintf(stderr, "channel_bench: %s\n", e.what());
  return 1;
}
