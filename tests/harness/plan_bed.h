// Two hosts joined by a wire, and a plan's faults in force between them: resolution, composition and the pen, with nothing
// in between left out. The plan's targets are a (`here`) and b (`there`).
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "injector/plan/parse.h"
#include "injector/run/compose.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {

class PlanBed : public testing::Test {
 protected:
  /// `rest` is TOML. In force from the return of this on.
  void play(const std::string& rest, pen::Engine engine = pen::probe_features().engine()) {
    const std::string text = fmt::format("[targets.a]\nnetns = \"/proc/self/fd/{}\"\n[targets.b]\nnetns = \"/proc/self/fd/{}\"\n{}",
                                         bed.here.fd(), bed.there.fd(), rest);
    auto parsed = plan::parse_text(text, "/plans/bed.toml");
    if (!parsed.ok()) throw std::invalid_argument(plan::render(parsed));
    faults_ = parsed.plan.faults.size();
    auto sites = site::resolve(parsed.plan, nullptr);
    const auto composition = run::compose(parsed.plan, sites);
    pen::Options options;
    options.engine = engine;
    pen_ = std::make_unique<pen::Pen>(std::move(sites), composition.score, options, [](const std::string&) {});
    pen_->arm(monotonic_now());
  }
  /// Ends it. Nothing may be undelivered, and nothing may have been let pass for safety.
  std::vector<pen::FaultCount> finish() {
    pen_->stop();
    pen_->drain();
    const auto counts = pen_->counts(faults_);
    for (const auto& c : counts) EXPECT_EQ(c.undelivered.total(), 0u);
    for (const auto& failure : pen_->close()) ADD_FAILURE() << failure;
    pen_.reset();
    return counts;
  }

  Bed bed;

 private:
  std::unique_ptr<pen::Pen> pen_;
  std::size_t faults_ = 0;
};

}  // namespace faultline::test
