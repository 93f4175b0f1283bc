// How soon traffic is untouched once the injector is killed or stopped: a steady UDP stream through a delay of 100 ms, the
// signal at random instants, and the first packet sent after it that takes less than half the delay. Needs root.
//
//   kill_bench [--runs N] [--rate PACKETS_PER_SECOND] [--engine tcx|clsact] [--load]
#include <signal.h>
#include <fmt/format.h>

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

/// From the signal to the first untouched packet; empty when the fault was not in force before, or never ended.
std::optional<Ns> once(const TwoNamespaces& net, const Settings& settings, int signal, Ns wait) {
  const TemporaryFolder folder;
  Command run = Command::run(folder.write("plan.toml", fmt::format(kPlan, net.path())), folder.path() / "run", {"--engine", settings.engine});
  if (!await_event(folder.path() / "run", "fault_begin", "", 30 * kSecond)) return {};
  UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", settings.rate);
  sleep_for(250 * kMillisecond + wait);
  const Ns instant = monotonic_now();
  run.signal(signal);
  sleep_for(400 * kMillisecond);
  const auto& packets = stream.finish(150 * kMillisecond);
  run.signal(SIGKILL);
  run.wait(10 * kSecond);
  std::size_t touched = 0;
  for (const auto& p : packets) touched += p.sent > instant - 200 * kMillisecond && p.sent < instant - 110 * kMillisecond && p.took() >= 100 * kMillisecond;
  if (touched == 0) return {};
  return first_quick(packets, instant, 50 * kMillisecond);
}

void measure(const Settings& settings, int signal) {
  const TwoNamespaces net;
  std::optional<Command> server, client;
  if (settings.load) {
    server.emplace(std::vector<std::string>{"nsenter", "--net=" + TwoNamespaces::path(net.there), "iperf3", "-s"});
    sleep_for(500 * kMillisecond);
    client.emplace(std::vector<std::string>{"nsenter", "--net=" + net.path(), "iperf3", "-c", "10.7.0.2", "-t", "86400"});
  }
  std::mt19937 random(1);
  std::uniform_int_distribution<Ns> instants(0, 100 * kMillisecond);
  std::vector<Ns> took;
  unsigned invalid = 0;
  for (unsigned i = 0; i < settings.runs; i++) {
    if (const auto t = once(net, settings, signal, instants(random))) took.push_back(*t);
    else invalid++;
  }
  std::sort(took.begin(), took.end());
  const auto at = [&](double q) { return took.empty() ? 0.0 : static_cast<double>(took[static_cast<std::size_t>(q * static_cast<double>(took.size() - 1) + 0.5)]) / kMillisecond; };
  fmt::print("{:6} {:7} {:5} {:4} instants: p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms{}\n", settings.engine, signal == SIGKILL ? "SIGKILL" : "SIGSTOP",
             settings.load ? "load" : "idle", took.size(), at(0.5), at(0.99), at(1), invalid == 0 ? "" : fmt::format(" ({} runs not counted)", invalid));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    const auto value = [&] { return ++i < argc ? argv[i] : ""; };
    if (word == "--runs") settings.runs = static_cast<unsigned>(std::atoi(value()));
    else if (word == "--rate") settings.rate = std::max(1u, static_cast<unsigned>(std::atoi(value())));
    else if (word == "--engine") settings.engine = value();
    else if (word == "--load") settings.load = true;
    else {
      fmt::print(stderr, "kill_bench [--runs N] [--rate PACKETS_PER_SECOND] [--engine tcx|clsact] [--load]\n");
      return 2;
    }
  }
  for (const int signal : {SIGKILL, SIGSTOP}) measure(settings, signal);
  return 0;
}
