// The plan as it was played, for those who have the report alone.
#include <fmt/format.h>

#include <regex>

#include "injector/base/secrets.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"

namespace faultline::report {
namespace {

constexpr std::size_t kMost = 100'000;  // bytes of a plan; no more than that is shown

/// A line of the plan without what nobody else should read: values of keys that say so, passwords in URLs, and what a
/// header lets one in with.
std::string without_secrets_of_plan(const std::string& line) {
  static const std::regex value(R"re((["']?[\w.-]+["']?)(\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}\]#"']+))re");
  static const std::regex url(R"re([A-Za-z][\w+.-]*://[^\s"']+)re");
  static const std::regex header(R"re(((?:[Aa]uthorization|[Cc]ookie)["']?\s*[=:]\s*["']?)[^"',}]+)re");
  std::string masked;
  auto from = line.cbegin();
  for (std::sregex_iterator it(line.begin(), line.end(), value), end; it != end; ++it) {
    const auto& match = *it;
    masked.append(from, match[0].first);
    masked += match[1].str() + match[2].str() + (is_secret(match[1].str()) ? "\"***\"" : match[3].str());
    from = match[0].second;
  }
  masked.append(from, line.cend());
  std::string out;
  auto rest = masked.cbegin();
  for (std::sregex_iterator it(masked.begin(), masked.end(), url), end; it != end; ++it) {
    out.append(rest, (*it)[0].first);
    out += without_passwords(it->str());
    rest = (*it)[0].second;
  }
  out.append(rest, masked.cend());
  return std::regex_replace(out, header, "$1***");
}

}  // namespace

std::string plan_section(const std::string& plan_text) {
  if (plan_text.empty()) return "";
  std::string text;
  std::size_t at = 0;
  while (at < plan_text.size() && text.size() < kMost) {
    const std::size_t end = std::min(plan_text.find('\n', at), plan_text.size());
    // A regular expression is matched recursively: a longer line is no plan of a person.
    const std::string line = plan_text.substr(at, std::min<std::size_t>(end - at, 2000));
    text += escaped(without_secrets_of_plan(line)) + "\n";
    at = end + 1;
  }
  const char* cut = at < plan_text.size() ? "<p class=\"dim\">The rest is in plan.toml.</p>\n" : "";
  return fmt::format(
      "<h2>The plan</h2>\n<details><summary>plan.toml</summary>\n<pre class=\"plan\">{}</pre>{}</details>\n", text,
      cut);
}

}  // namespace faultline::report
