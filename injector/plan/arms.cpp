// [arms.NAME]: designs that one plan compares. An arm gives values to the plan's variables and says what is expected of
// it; faults and hypotheses are the same for all, so that what differs is the design alone.
#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

constexpr std::string_view kFails = "fails:", kPasses = "passes";
constexpr std::string_view kExample = "\"fails: nobody pays twice\"";

/// "passes", or "fails: NAME" for each hypothesis that must not hold.
std::vector<Word> read_expectation(Table& table) {
  std::vector<Word> fails;
  const std::vector<Word> words = table.words("expect", kExample);
  for (const auto& [text, at] : words) {
    const std::string_view said = trim(text);
    if (said == kPasses && words.size() == 1) continue;
    const std::string_view name = said.starts_with(kFails) ? trim(said.substr(kFails.size())) : std::string_view();
    if (name.empty())
      table.issues().error(at, fmt::format("expect: \"{}\" is not an expectation", text),
                           fmt::format("write \"passes\", or {} for each hypothesis that must not hold", kExample));
    else
      fails.push_back({std::string(name), at});
  }
  return fails;
}

void read_arm(const Entry& entry, const std::vector<std::string>& variables, Draft& draft,
              std::vector<std::vector<Word>>& expectations) {
  Issues& issues = draft.issues;
  if (!check_name(issues, entry.at, "an arm's name", entry.key, true)) return;
  if (entry.key.find('.') != std::string::npos) {
    issues.error(entry.at, fmt::format("an arm's name, \"{}\", has a dot in it", entry.key),
                 "it is a folder's name as well, beside files: use letters, digits, hyphens and underscores");
    return;
  }
  if (entry.value.type != Node::Type::table) {
    issues.error(entry.value.at, fmt::format("arms.{}: expected a table", entry.key), "write [arms.careful]");
    return;
  }
  Table table(entry.value, entry.at, fmt::format("arm \"{}\"", entry.key), issues);
  Arm arm;
  arm.name = entry.key;
  arm.at = entry.at;
  expectations.push_back(read_expectation(table));
  for (const auto& word : expectations.back()) arm.fails.push_back(word.text);
  for (const auto& variable : entry.value.entries) {
    if (variable.key == "expect") continue;
    if (std::find(variables.begin(), variables.end(), variable.key) == variables.end()) {
      issues.error(variable.at, fmt::format("arm \"{}\": the plan has no variable \"{}\"", arm.name, variable.key),
                   issues.suggest(variable.key, variables,
                                  fmt::format("give it a default in [vars]: {} = \"...\"", variable.key)));
      continue;
    }
    if (const auto value = table.text(variable.key, "\"value\"")) arm.variables[variable.key] = *value;
  }
  draft.plan.arms.push_back(std::move(arm));
}

}  // namespace

void read_arms(Node& document, const std::vector<std::string>& variables, Draft& draft) {
  std::vector<std::vector<Word>> expectations;
  for (const auto& entry : document.entries) {
    if (entry.key != "arms") continue;
    if (entry.value.type != Node::Type::table) {
      draft.issues.error(entry.value.at, "arms: expected tables", "write [arms.careful]");
      continue;
    }
    for (const auto& arm : entry.value.entries) read_arm(arm, variables, draft, expectations);
  }
  std::vector<std::string> names;
  for (const auto& arm : draft.plan.arms) names.push_back(arm.name);
  const std::string& asked = draft.options.arm;
  if (!asked.empty() && std::find(names.begin(), names.end(), asked) == names.end()) {
    draft.issues.error({}, fmt::format("--arm {}: the plan has no such arm", asked),
                       draft.issues.suggest(
                           asked, names, names.empty() ? "the plan has no [arms]" : list_known("its arms are", names)));
    return;
  }
  if (names.empty()) return;
  draft.plan.arm = asked.empty() ? names.front() : asked;
  for (std::size_t i = 0; i < names.size(); i++)
    if (names[i] == draft.plan.arm) draft.expected_to_fail = expectations[i];
}

void check_expectations(Draft& draft) {
  std::vector<std::string> names;
  for (const auto& hypothesis : draft.hypotheses) names.push_back(hypothesis.hypothesis.name);
  for (const auto& word : draft.expected_to_fail)
    if (std::find(names.begin(), names.end(), word.text) == names.end())
      draft.issues.error(word.at, fmt::format("expect: there is no hypothesis \"{}\"", word.text),
                         draft.issues.suggest(word.text, names, list_known("hypotheses are", names)));
}

}  // namespace faultline::plan
