// What it costs a packet to meet rules, one and 64 of them: BPF_PROG_TEST_RUN, a million runs of one packet (100,000
// with 64 rules), median of some repetitions. A packet that is neither held nor changed meets its rules in the
// selector; any other meets them in the player, and is counted rule by rule when it returns. (What the selector does to
// such a one cannot be repeated on one packet: it looks at as many rules as it takes to find one that holds.) Usage:
// channel_bench [REPETITIONS [NAME]]: NAME is a part of those of the cases to be measured
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "tests/harness/programs.h"
#include "tests/harness/stage.h"

namespace faultline::test {
namespace {

void measure(pen::Engine engine, int repetitions, const std::string& name) {
  struct Case {
    const char* name;
    std::function<void(faults::Channel&)> make;
    std::uint32_t gso_size = 0;
    bool notes_losses = false;  ///< as in a run that counts connections
  };
  const auto step = [](faults::Track& track, double value) { faults::add_step(track, kHour, value); };
  const Case cases[] = {
      {"delay", [&](faults::Channel& c) { step(c.delay, 1e6); }},
      {"delay, uniform jitter", [&](faults::Channel& c) { step(c.delay, 1e6), step(c.jitter, 1e5); }},
      {"delay, Pareto jitter",
       [&](faults::Channel& c) { step(c.delay, 1e6), step(c.jitter, 1e5), c.shape = faults::JitterShape::pareto; }},
      {"the same, correlated",
       [&](faults::Channel& c) {
         step(c.delay, 1e6), step(c.jitter, 1e5), c.shape = faults::JitterShape::pareto, c.correlation = 0.5;
       }},
      {"loss", [&](faults::Channel& c) { step(c.loss, 1e-6); }},
      {"bursts",
       [&](faults::Channel& c) {
         step(c.loss, 1), c.bursts = faults::Bursts{1e-6, 1, 0, 1e-6};
       }},
      {"rate", [&](faults::Channel& c) { step(c.rate, 1e12), c.queue_time = kSecond; }},
      // What is dropped, in a run without telemetry and in one with it.
      {"lost, of TCP", [&](faults::Channel& c) { step(c.loss, 1); }},
      {"lost, of TCP, and noted", [&](faults::Channel& c) { step(c.loss, 1); }, 0, true},
      // What passes: short enough, not silent for too long, not beyond.
      {"loss of what is too long", [&](faults::Channel& c) { step(c.loss, 1), c.above = 2000; }},
      {"the same, a bundle", [&](faults::Channel& c) { step(c.loss, 1), c.above = 2000; }, 500},
      {"connections that were silent",
       [&](faults::Channel& c) {
         step(c.loss, 1), c.answer.filter = FL_FILTER_SILENT, c.answer.silent = 3000 * kSecond;
       }},
      {"connections that carried too much",
       [&](faults::Channel& c) {
         step(c.loss, 1), c.answer.filter = FL_FILTER_SENT, c.answer.sent = 1 << 30, c.answer.reply = FL_REPLY_SILENT;
       }},
      {"delay, jitter, loss, duplicate, corrupt, rate", [&](faults::Channel& c) {
         step(c.delay, 1e6), step(c.jitter, 1e5), step(c.loss, 1e-6), step(c.duplicate, 1e-9), step(c.corrupt, 1e-9),
             step(c.rate, 1e12);
         c.queue_time = kSecond;
       }}};
  std::printf("\n%s build, ns per packet %28s %8s %8s %8s %8s %8s %8s\n",
              engine == pen::Engine::tcx ? "modern " : "classic", "", "selector", "64", "player", "64", "return", "64");
  Stage stage;
  Frame frame = build({.l4 = L4::udp}), stamped = frame;
  const Frame segment = build({.l4 = L4::tcp, .payload = 1200});
  const fl_stamp stamp{.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 1, .hold = 1'000'000 >> FL_TICK_SHIFT, .due = 0};
  set_stamp(stamped, stamp);
  stage.restamp(stamp);
  // Of a program on a frame; behind a program of the stage, less what that costs.
  const auto cost = [&](int program, const Frame& on, int repeat, std::uint32_t gso_size = 0) {
    std::vector<std::uint32_t> runs;
    for (int i = 0; i < repetitions; i++) {
      std::uint32_t took = 0;
      run_program(program, {.frame = on, .gso_size = gso_size}, static_cast<unsigned>(repeat), &took);
      runs.push_back(took);
    }
    std::sort(runs.begin(), runs.end());
    return static_cast<double>(runs[runs.size() / 2]);
  };
  stage.set_next(stage.program("empty"));
  const double front =
      cost(stage.program("restamp"), stamped, 1'000'000) - cost(stage.program("empty"), stamped, 1'000'000);
  for (const Case& c : cases) {
    if (std::string(c.name).find(name) == std::string::npos) continue;
    double ns[3][2] = {};
    bool holds = false;
    for (const int many : {0, 1}) {
      std::vector<Rule> rules;
      for (std::uint32_t i = 0; i < (many != 0 ? 64u : 1u); i++) {
        Rule rule{.match = {}, .channel = {}, .window = kHour, .fault = i, .seed = i + 1};
        c.make(rule.channel);
        rules.push_back(rule);
      }
      Programs programs(engine, rules, Programs::Owner::us, {}, c.notes_losses);
      programs.set_slot(1, many != 0 ? ~0ull : 1);
      const int repeat = 1'000'000 / (many != 0 ? 10 : 1);
      holds = (programs.score().rules[0].uses & FL_HOLDING) != 0;
      if (!holds) {
        const bool of_tcp = rules[0].channel.above != 0 || rules[0].channel.answer.filtered() ||
                            std::string(c.name).find("of TCP") != std::string::npos;
        ns[0][many] = cost(programs.program("select_out"), of_tcp ? segment : frame, repeat, c.gso_size);
        continue;
      }
      ns[1][many] = cost(programs.player().program("play_arrival"), stamped, repeat);
      stage.set_next(programs.program("give_back"));
      ns[2][many] = cost(stage.program("restamp"), stamped, repeat) - front;
    }
    std::printf("%-50s ", c.name);
    for (const auto& part : ns)
      for (const double each : part) each != 0 ? std::printf(" %8.0f", each) : std::printf(" %8s", "-");
    std::printf("\n");
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace faultline::test

int main(int argc, char** argv) try {
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  const std::string name = argc > 2 ? argv[2] : "";
  if (faultline::pen::probe_features().engine() == faultline::pen::Engine::tcx)
    faultline::test::measure(faultline::pen::Engine::tcx, repetitions, name);
  faultline::test::measure(faultline::pen::Engine::clsact, repetitions, name);
} catch (const std::exception& e) {
  std::fprintf(stderr, "channel_bench: %s\n", e.what());
  return 1;
}
