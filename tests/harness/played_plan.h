// A plan in force, from its text to packets: parsed, resolved, composed, attached. Everything but the run around it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "injector/base/clock.h"
#include "injector/pen/pen.h"
#include "injector/plan/parse.h"
#include "injector/run/compose.h"
#include "tests/harness/steadiness.h"

namespace faultline::test {

class PlayedPlan {
 public:
  /// In force from the return of this on; T0 is now.
  explicit PlayedPlan(const std::string& text, const std::string& path = "/plans/played.toml",
                      pen::Engine engine = pen::probe_features().engine()) {
    auto parsed = plan::parse_text(text, path);
    if (!parsed.ok()) throw std::invalid_argument(plan::render(parsed));
    faults_ = parsed.plan.faults.size();
    auto sites = site::resolve(parsed.plan, nullptr);
    const auto composition = run::compose(parsed.plan, sites);
    pen::PenOptions options;
    options.engine = engine;
    options.alias = "faultline test";
    pen_ = std::make_unique<pen::Pen>(std::move(sites), composition.score, options, [](const std::string&) {});
    epoch_ = monotonic_now();
    pen_->arm(epoch_);
  }

  ~PlayedPlan() {
    if (pen_) disturbed_if_stalled(pen_->line_stats().stalled);  // the test gave up before finish()
  }

  Ns epoch() const { return epoch_; }  ///< of CLOCK_MONOTONIC

  /// Ends it, takes it apart, and says what each fault did. Nothing may be undelivered.
  std::vector<faults::Account> finish() {
    pen_->stop();
    pen_->drain();
    auto counts = pen_->accounts(faults_);
    disturbed_if_stalled(pen_->line_stats().stalled);
    for (const auto& c : counts) EXPECT_EQ(c.undelivered.total(), 0u);
    for (const auto& failure : pen_->close()) ADD_FAILURE() << failure;
    pen_.reset();
    return counts;
  }

 private:
  std::unique_ptr<pen::Pen> pen_;
  std::size_t faults_ = 0;
  Ns epoch_ = 0;
};

}  // namespace faultline::test
