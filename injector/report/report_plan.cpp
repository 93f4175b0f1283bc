// The plan as it was played, for those who have the report alone.
#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/hidden.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"

namespace faultline::report {
namespace {

constexpr std::size_t kMost = 100'000;  // bytes of a plan; no more than that is shown

}  // namespace

std::string plan_section(const std::string& plan_text) {
  if (plan_text.empty()) return "";
  // Whole lines, as long as there are any.
  const bool whole = plan_text.size() <= kMost;
  const auto end = whole ? plan_text.size() : std::min(kMost, plan_text.rfind('\n', kMost - 1)) + 1;
  const std::string_view shown = std::string_view(plan_text).substr(0, end);
  const std::string text =
      escaped(plan::without_hidden(shown, {0, shown.size()}, plan::hidden_in(shown, plan::Text::sound)));
  const char* cut = whole ? "" : "<p class=\"dim\">The rest is in plan.toml.</p>\n";
  return fmt::format(
      "<h2>The plan</h2>\n<details><summary>plan.toml</summary>\n<pre class=\"plan\">{}</pre>{}</details>\n", text,
      cut);
}

}  // namespace faultline::report
