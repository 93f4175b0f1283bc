// Two hosts joined by a wire, with faults at either of them: the test bed of the tests about what real traffic meets.
// Rules come straight from channels, without a plan; the pen is the whole one.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "faults/chance.h"
#include "faults/score.h"
#include "injector/base/flow_steering.h"
#include "injector/pen/pen.h"
#include "injector/site/devices.h"
#include "tests/harness/steadiness.h"
#include "tests/harness/traffic.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {

constexpr faults::Window kAlways{0, 600 * kSecond};

struct Rule {
  Ns delay = 0, jitter = 0;
  double loss = 0;
  std::string protocol = {};
  bool egress = true, ingress = true;
  std::uint64_t seed = 1;
  faults::Window window = kAlways;
  std::vector<faults::Window> episodes = {};        ///< within the window; empty: all of it
  std::function<void(faults::Channel&)> more = {};  ///< what else the channel does
};

class Bed : public TwoNamespaces {
 public:
  explicit Bed(unsigned mtu = 1500, Wire wire = Wire::ethernet) : TwoNamespaces(Family::both, mtu, wire) {}

  /// For tests of order: a wire that keeps it. A veth has a backlog per sending CPU, and lets packets of one flow
  /// overtake each other; and while a neighbour is being resolved, the last packet of the first burst may pass those
  /// that wait for the answer. Before play().
  void keep_order_on_the_wire() {
    for (const NetNs* end : {&here, &there}) {
      Inside in(*end);
      keep_flows_together("eth0");
    }
    for (const bool v6 : {false, true})
      send_stream(near(9, v6), far(9, v6), {.count = 1});  // the answer resolves the other end, too
  }

  /// In force from the return of this on, at `here`.
  void play(const std::vector<Rule>& rules, pen::Engine engine = pen::probe_features().engine()) {
    rules_ = rules.size();
    site::Site site{"here", here.duplicate(), {}, {}};
    {
      Inside in(here);
      site.devices = site::l3_devices();
    }
    std::vector<faults::RuleSource> sources;
    for (std::uint32_t i = 0; i < rules_; i++) {
      const Rule& r = rules[i];
      site::Match match;
      match.protocol = r.protocol;
      match.egress = r.egress;
      match.ingress = r.ingress;
      site.rules.push_back({i, "here", match});
      faults::RuleSource source{{}, r.window, fl_rule_seed(r.seed, i), 0, i};
      for (const auto& span : r.episodes.empty() ? std::vector{r.window} : r.episodes) {
        if (r.delay != 0) faults::add_step(source.channel.delay, span, static_cast<double>(r.delay));
        if (r.jitter != 0) faults::add_step(source.channel.jitter, span, static_cast<double>(r.jitter));
        if (r.loss != 0) faults::add_step(source.channel.loss, span, r.loss);
      }
      if (r.more) r.more(source.channel);
      sources.push_back(std::move(source));
    }
    pen::PenOptions options;
    options.engine = engine;
    options.alias = "faultline test";
    std::vector<site::Site> sites;
    sites.push_back(std::move(site));
    pen_ =
        std::make_unique<pen::Pen>(std::move(sites), faults::flatten(sources, 1), options, [](const std::string&) {});
    epoch_ = monotonic_now();
    pen_->arm(epoch_);
  }

  ~Bed() {
    if (pen_) disturbed_if_stalled(pen_->line_stats().stalled);  // the test gave up before finish()
  }

  /// T0, of CLOCK_MONOTONIC.
  Ns epoch() const { return epoch_; }

  /// Ends it and takes it apart.
  std::vector<faults::Account> finish() {
    pen_->stop();
    pen_->drain();
    auto counts = pen_->accounts(rules_);
    line = pen_->line_stats();
    disturbed_if_stalled(line.stalled);
    failures = pen_->close();
    pen_.reset();
    return counts;
  }

  End near(std::uint16_t port, bool v6 = false) const { return {&here, address(v6 ? "fd07::1" : "10.7.0.1", port)}; }
  End far(std::uint16_t port, bool v6 = false) const { return {&there, address(v6 ? "fd07::2" : "10.7.0.2", port)}; }
  End at(const std::string& text, std::uint16_t port) const { return {&here, address(text, port)}; }

  std::vector<std::string> failures;  ///< of taking it apart
  line::Stats line;                   ///< at its end

 private:
  std::unique_ptr<pen::Pen> pen_;
  std::size_t rules_ = 0;
  Ns epoch_ = 0;
};

/// Nothing was lost on the way through the pen, nothing passed it by, nothing is left.
inline void expect_clean(const Bed& bed, const std::vector<faults::Account>& counts) {
  EXPECT_TRUE(bed.failures.empty()) << bed.failures[0];
  for (const auto& c : counts) {
    EXPECT_EQ(c.undelivered.total(), 0u) << "full " << c.undelivered.full << " overdue " << c.undelivered.overdue
                                         << " refused " << c.undelivered.refused << " queue " << c.undelivered.tap_queue
                                         << " transit " << c.undelivered.in_transit << " unreturned "
                                         << c.undelivered.unaccounted << "; longest stall of the line "
                                         << bed.line.stalled << " ns";
    EXPECT_EQ(c.passed_by_safety, 0u);
    EXPECT_EQ(c.undelivered.untaken, 0u);
  }
}

}  // namespace faultline::test
