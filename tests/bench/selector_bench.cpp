// What the selector costs a packet that no rule selects, in nanoseconds above an empty program. BPF_PROG_TEST_RUN runs
// a program many times on one packet; for changing addresses, a program in front writes the next of 16,384 random ones
// into the packet and tail-calls the selector, or the empty program to compare with. Each figure is the median of
// paired runs. Needs root, and nothing else busy:
//   cmake --build build --target selector_bench && sudo build/selector_bench [PAIRS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <random>

#include "tests/harness/programs.h"
#include "tests/harness/stage.h"

namespace faultline::test {
namespace {

constexpr unsigned kRepeat = 1'000'000;
constexpr std::size_t kPrefixes = 10'000;

using pen::Engine;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double cost(int program, const Frame& frame) {
  std::uint32_t ns = 0;
  const Skb run = run_program(program, {.frame = frame}, kRepeat, &ns);
  if (run.verdict != kNext) throw std::runtime_error("the packet was selected");
  return ns;
}

struct Bench {
  Stage plain, varied;
  int pairs = 5;

  void row(const char* what, double base, double with) {
    std::printf("%-66s %8.0f %8.0f %8.0f\n", what, base, with, with - base);
    std::fflush(stdout);
  }

  /// One frame, again and again.
  void same(const char* what, const Programs& programs, const char* program, const Frame& frame) {
    std::vector<double> base, with;
    for (int i = 0; i < pairs; i++) {
      base.push_back(cost(plain.program("empty"), frame));
      with.push_back(cost(programs.program(program), frame));
    }
    row(what, median(base), median(with));
  }

  /// A new address for each run.
  void vary(const char* what, const Programs& programs, bool v6, const std::vector<std::uint8_t>& addresses,
            const Frame& frame) {
    varied.set_addresses(addresses);
    const int front = varied.program(v6 ? "vary6" : "vary4");
    std::vector<double> base, with;
    for (int i = 0; i < pairs; i++) {
      varied.set_next(varied.program("empty"));
      base.push_back(cost(front, frame));
      varied.set_next(programs.program("select_out"));
      with.push_back(cost(front, frame));
    }
    row(what, median(base), median(with));
  }
};

std::mt19937_64 generator(1);

IpPrefix random_prefix(bool v6, int least, int most) {
  IpPrefix prefix;
  prefix.v6 = v6;
  for (std::size_t i = 0; i < (v6 ? 16u : 4u); i++) prefix.bytes[i] = static_cast<std::uint8_t>(generator());
  if (v6) prefix.bytes[0] = 0x20 | (prefix.bytes[0] & 0x1f);  // 2000::/3
  prefix.length = least + static_cast<int>(generator() % static_cast<unsigned>(most - least + 1));
  return prefix;
}

/// 64 rules that share `kPrefixes` random prefixes a family as their peers, for UDP port 9 alone.
std::vector<Rule> many_rules(std::vector<IpPrefix>& prefixes4, std::vector<IpPrefix>& prefixes6) {
  std::vector<Rule> rules(64);
  for (std::uint32_t i = 0; i < 64; i++) {
    rules[i].fault = i;
    rules[i].channel = steady(rules[i].window, 0, 0, 1);
    rules[i].match.any_peer = false;
    rules[i].match.protocol = "udp";
    rules[i].match.peer_ports = {{9, 9}};
  }
  for (std::size_t i = 0; i < kPrefixes; i++) {
    prefixes4.push_back(random_prefix(false, 12, 32));
    prefixes6.push_back(random_prefix(true, 24, 128));
    rules[i % 64].match.peers.push_back(prefixes4.back());
    rules[i % 64].match.peers.push_back(prefixes6.back());
  }
  return rules;
}

/// Random addresses: anywhere, or each within one of `prefixes`.
std::vector<std::uint8_t> addresses(bool v6, const std::vector<IpPrefix>* prefixes) {
  std::vector<std::uint8_t> out;
  for (std::uint32_t i = 0; i < Stage::kAddresses; i++) {
    IpPrefix address = random_prefix(v6, 1, 1);
    if (!v6 && address.bytes[0] == 169) address.bytes[0] = 170;  // not the metadata address: it ends the search at once
    if (prefixes != nullptr) {
      const IpPrefix& in = (*prefixes)[generator() % prefixes->size()];
      for (int bit = 0; bit < in.length; bit++) {
        const auto at = static_cast<std::size_t>(bit / 8);
        const auto one = static_cast<std::uint8_t>(0x80 >> bit % 8);
        address.bytes[at] = static_cast<std::uint8_t>((address.bytes[at] & ~one) | (in.bytes[at] & one));
      }
    }
    out.insert(out.end(), address.bytes.begin(), address.bytes.end());
  }
  return out;
}

void measure(Engine engine, int pairs) {
  Bench bench;
  bench.pairs = pairs;
  std::printf("%s build, ns per packet%*s %8s %8s %8s\n", engine == Engine::tcx ? "modern" : "classic",
              engine == Engine::tcx ? 38 : 37, "", "empty", "selector", "above");
  const Frame udp4 = build({}), tcp4 = build({.l4 = L4::tcp});
  const Frame udp6 = build({.source = "fd00::1", .destination = "fd00::2"});

  Rule later{.match = {},
             .channel = steady({3000 * kSecond, 3600 * kSecond}, 0, 0, 1),
             .window = {3000 * kSecond, 3600 * kSecond}};
  const Programs idle(engine, {later});
  bench.same("no live rule", idle, "select_out", udp4);
  bench.same("no live rule, on lo", idle, "select_lo", udp4);

  Rule rule{.match = {}, .channel = steady({0, 3600 * kSecond}, 0, 0, 1)};
  rule.match.protocol = "tcp";
  bench.same("one rule, other protocol", Programs(engine, {rule}), "select_out", udp4);
  bench.same("one rule, other protocol, IPv6", Programs(engine, {rule}), "select_out", udp6);
  rule.match.protocol = "";
  rule.match.peer_ports = {{443, 443}};
  bench.same("one rule, other port", Programs(engine, {rule}), "select_out", tcp4);
  bench.same("one rule, other port, on lo", Programs(engine, {rule}), "select_lo", tcp4);
  rule.match.peer_ports.clear();
  rule.match.any_peer = false;
  rule.match.peers = {*IpPrefix::parse("10.9.0.0/16"), *IpPrefix::parse("fd09::/16")};
  bench.same("one rule, other peer", Programs(engine, {rule}), "select_out", udp4);
  bench.same("one rule, other peer, IPv6", Programs(engine, {rule}), "select_out", udp6);

  std::vector<IpPrefix> prefixes4, prefixes6;
  const Programs many(engine, many_rules(prefixes4, prefixes6));
  bench.same("64 rules, 10,000 prefixes, one address", many, "select_out", udp4);
  bench.same("64 rules, 10,000 prefixes, one address, IPv6", many, "select_out", udp6);
  bench.vary("64 rules, 10,000 prefixes, random addresses", many, false, addresses(false, nullptr), udp4);
  bench.vary("64 rules, 10,000 prefixes, random addresses, IPv6", many, true, addresses(true, nullptr), udp6);
  bench.vary("64 rules, 10,000 prefixes, addresses within, other port", many, false, addresses(false, &prefixes4),
             udp4);
  bench.vary("64 rules, 10,000 prefixes, addresses within, other port, IPv6", many, true, addresses(true, &prefixes6),
             udp6);
}

}  // namespace
}  // namespace faultline::test

int main(int argc, char** argv) try {
  const int pairs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  if (faultline::pen::probe_features().engine() == faultline::pen::Engine::tcx)
    faultline::test::measure(faultline::pen::Engine::tcx, pairs);
  faultline::test::measure(faultline::pen::Engine::clsact, pairs);
} catch (const std::exception& e) {
  std::fprintf(stderr, "selector_bench: %s\n", e.what());
  return 1;
}
