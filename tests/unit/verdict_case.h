// A change to a recording that passes, and the verdict that comes of it: what the tests of verdicts have in common.
#pragma once

#include <functional>
#include <ostream>
#include <string>

#include "injector/record/verdict.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record::testing {

struct VerdictCase {
  const char* name;
  std::function<void(Recording&)> change;  ///< to a recording that passes
  Exit exit;
  const char* reason;  ///< part of the first reason; "" if none is expected
};

inline std::ostream& operator<<(std::ostream& out, const VerdictCase& c) { return out << c.name; }

inline void expect_verdict_of(const VerdictCase& c) {
  Recording r = good_recording();
  c.change(r);
  const Verdict verdict = judge(r);
  EXPECT_EQ(static_cast<int>(verdict.exit), static_cast<int>(c.exit));
  const std::string first = verdict.reasons.empty() ? "" : verdict.reasons.front();
  if (std::string(c.reason).empty())
    EXPECT_EQ(first, "");
  else
    EXPECT_NE(first.find(c.reason), std::string::npos) << first;
}

/// What the one fault of the recording came to.
inline Account& result(Recording& r) { return *r.faults.at(0).account; }
inline void meet_nothing(Recording& r) { result(r) = Account{}; }
/// As of a fault that asked for these effects alone.
inline void ask(Recording& r, const std::vector<std::string>& effects) {
  result(r).delayed = 0;
  for (const auto& effect : faults::kEffects)
    if (std::find(effects.begin(), effects.end(), effect.name) != effects.end()) result(r).asks.push_back(&effect);
}

}  // namespace faultline::record::testing
