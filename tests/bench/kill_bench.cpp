// How soon traffic is untouched once the injector is killed or stopped: a steady UDP stream through a delay of 100 ms,
// the signal at random instants, and the first packet sent after it that takes less than half the delay. Needs root.
// Where other work shares the machine, the sender may not run for a while: then that first packet is late by itself,
// and the last packet that was still touched tells more. Both are printed; the truth lies between them.
//
//   kill_bench [--runs N] [--rate PACKETS_PER_SECOND] [--engine tcx|clsact] [--load]
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/harness/command.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp_stream.h"

namespace {

using namespace faultline;
using namespace faultline::test;

struct Settings {
  unsigned runs = 100, rate = 10000;
  std::string engine = "tcx";
  bool load = false;
};

constexpr const char* kPlan = R"(
seed = 1
duration = "30s"
[targets.victim]
netns = "{}"
[[faults]]
kind = "degrade"
on = "victim"
direction = "egress"
start = "50ms"
for = "20s"
delay = "100ms"
)";

void sleep_for(Ns time) {
  const timespec t{time / kSecond, time % kSecond};
  nanosleep(&t, nullptr);
}

struct Took {
  Ns untouched;  ///< from the signal to the sending of the first untouched packet
  Ns touched;    ///< to that of the last touched one; 0: there was none
};

/// Empty when the fault was not in force before, or never ended.
std::optional<Took> once(const TwoNamespaces& net, const Settings& settings, int signal, Ns wait) {
  const TemporaryFolder folder;
  Command run = Command::run(folder.write("plan.toml", fmt::format(kPlan, net.path())), folder.path() / "run",
                             {"--engine", settings.engine});
  if (!await_event(folder.path() / "run", "fault_begin", "", 30 * kSecond)) return {};
  UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", settings.rate);
  sleep_for(250 * kMillisecond + wait);
  const Ns instant = monotonic_now();
  run.signal(signal);
  sleep_for(settings.engine == "tcx" ? 150 * kMillisecond : 450 * kMillisecond);
  const auto& packets = stream.finish(120 * kMillisecond);
  run.signal(SIGKILL);
  run.wait(10 * kSecond);
  std::size_t touched = 0;
  for (const auto& p : packets)
    touched += p.sent > instant - 200 * kMillisecond && p.sent < instant - 110 * kMillisecond &&
               p.took() >= 100 * kMillisecond;
  if (touched == 0) return {};
  const auto first = first_quick(packets, instant, 50 * kMillisecond);
  if (!first) return {};
  Took took{*first, 0};
  for (const Ns sent : stream.instants())
    if (sent >= instant && sent < instant + *first) took.touched = sent - instant;
  return took;
}

void measure(const Settings& settings, int signal) {
  const TwoNamespaces net;
  std::optional<Command> server, client;
  if (settings.load) {
    server.emplace(std::vector<std::string>{"nsenter", "--net=" + TwoNamespaces::path(net.there), "iperf3", "-s"});
    sleep_for(500 * kMillisecond);
    client.emplace(
        std::vector<std::string>{"nsenter", "--net=" + net.path(), "iperf3", "-c", "10.7.0.2", "-t", "86400"});
  }
  std::mt19937 random(1);
  std::uniform_int_distribution<Ns> instants(0, 100 * kMillisecond);
  std::vector<Ns> untouched, touched;
  for (unsigned i = 0; i < settings.runs; i++) {
    const auto took = once(net, settings, signal, instants(random));
    if (!took) continue;
    untouched.push_back(took->untouched);
    touched.push_back(took->touched);
  }
  const auto spread = [](std::vector<Ns>& values) -> std::string {
    if (values.empty()) return "nothing";
    std::sort(values.begin(), values.end());
    const auto at = [&](double q) {
      return static_cast<double>(values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))]) /
             kMillisecond;
    };
    return fmt::format("p50 {:.2f}, p90 {:.2f}, p99 {:.2f}, max {:.2f} ms", at(0.5), at(0.9), at(0.99), at(1));
  };
  fmt::print("{:6} {} {} {} of {} instants: first untouched {}; last touched {}\n", settings.engine,
             signal == SIGKILL ? "SIGKILL" : "SIGSTOP", settings.load ? "load" : "idle", untouched.size(),
             settings.runs, spread(untouched), spread(touched));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    const auto value = [&] { return ++i < argc ? argv[i] : ""; };
    if (word == "--runs")
      settings.runs = static_cast<unsigned>(std::atoi(value()));
    else if (word == "--rate")
      settings.rate = std::max(1u, static_cast<unsigned>(std::atoi(value())));
    else if (word == "--engine")
      settings.engine = value();
    else if (word == "--load")
      settings.load = true;
    else {
      fmt::print(stderr, "kill_bench [--runs N] [--rate PACKETS_PER_SECOND] [--engine tcx|clsact] [--load]\n");
      return 2;
    }
  }
  for (const int signal : {SIGKILL, SIGSTOP}) measure(settings, signal);
  return 0;
}
