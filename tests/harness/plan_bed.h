// Two hosts joined by a wire, and a plan's faults in force between them: resolution, composition and the pen, with
// nothing in between left out. The plan's targets are a (`here`) and b (`there`).
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/harness/played_plan.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {

class PlanBed : public testing::Test {
 protected:
  explicit PlanBed(Wire wire = Wire::ethernet) : bed(1500, wire) {}

  /// `rest` is TOML. In force from the return of this on.
  void play(const std::string& rest, pen::Engine engine = pen::probe_features().engine()) {
    played_.reset();
    played_.emplace(
        fmt::format("[targets.a]\nnetns = \"/proc/self/fd/{0}\"\n{2}[targets.b]\nnetns = \"/proc/self/fd/{1}\"\n{2}{3}",
                    bed.here.fd(), bed.there.fd(), of_targets, rest),
        "/plans/bed.toml", engine);
  }
  /// One fault on a, for as long as any test takes; `rest` are its further keys, a line each.
  void play_fault(const std::string& kind, const std::string& rest = "",
                  pen::Engine engine = pen::probe_features().engine()) {
    play(fmt::format("[[faults]]\nkind = \"{}\"\non = \"a\"\nstart = \"0s\"\nfor = \"600s\"\n{}", kind, rest), engine);
  }
  std::vector<faults::Account> finish() {
    auto counts = played_->finish();
    played_.reset();
    return counts;
  }

  Bed bed;
  std::string of_targets;  ///< further lines of either target

 private:
  std::optional<PlayedPlan> played_;
};

}  // namespace faultline::test
