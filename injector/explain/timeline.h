// The plan's course as rows of text: a scale, one row per fault with its window and the episodes in it, one row per
// hypothesis with the span that it is judged on. A pure function of the plan and the width, so that it reads the same
// in a terminal, in a CI log (ASCII) and in a test.
#pragma once

#include <string>
#include <vector>

#include "injector/explain/effect.h"
#include "injector/screen/row.h"

namespace faultline::explain {

/// Something that lasts, on the run's time.
struct Span {
  std::string name;
  Ns start = 0, end = 0;
  std::vector<faults::Window> active;  ///< of a fault: when it does something
  bool fault = false;
};

/// Faults in the plan's order, then hypotheses. `effects` are by fault.
std::vector<Span> spans(const plan::Plan& plan, const std::vector<Effect>& effects);

/// A scale, then a row per span, each at most look.width columns. `indent` columns are left free.
std::vector<Visible> draw(const std::vector<Span>& spans, Ns duration, const screen::Look& look, int indent);

/// What the signs mean.
std::string legend(const screen::Look& look);

}  // namespace faultline::explain
