// [vars] and ${…}: what a string of the plan may leave to the command line.
#include <fmt/format.h>

#include <algorithm>

#include "injector/base/program.h"
#include "injector/base/secrets.h"
#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

using Variables = std::map<std::string, std::string>;

/// Variables that refer to large values many times could fill the memory of the machine.
constexpr std::size_t kMaxSubstituted = 64 << 20;

class Substitution {
 public:
  Substitution(const Variables& variables, Issues& issues) : variables_(variables), issues_(issues) {
    for (const auto& [name, value] : variables) names_.push_back(name);
  }

  void walk(Node& node, bool bytes = false) {
    if (node.type == Node::Type::string) {
      replace(node, bytes);
    } else {
      for (auto& item : node.items) walk(item);
      for (auto& entry : node.entries) walk(entry.value, is_bytes(entry.key));
    }
  }

  /// What is sent or expected on the wire is bytes, and a NUL is one; everything else names something.
  static bool is_bytes(const std::string& key) { return key == "send" || key == "reply" || key == "body"; }

  void replace(Node& node, bool bytes = false) {
    std::string out;
    std::size_t from = 0;
    const std::string& text = node.text;
    if (!bytes && text.find('\0') != std::string::npos) {
      issues_.error(node.at, "a string contains a NUL character", "take it out");
      node.text.clear();
      return;
    }
    for (std::size_t dollar; (dollar = text.find("${", from)) != std::string::npos;) {
      if (dollar > from && text[dollar - 1] == '$') {  // $${x} stands for ${x}
        out.append(text, from, dollar - from).append("{");
        from = dollar + 2;
        continue;
      }
      const auto end = text.find('}', dollar);
      if (end == std::string::npos) {
        issues_.error(node.at, "\"${\" is never closed", "write ${name}, or $${ for the two characters themselves");
        return;
      }
      const std::string name = text.substr(dollar + 2, end - dollar - 2);
      const auto variable = variables_.find(name);
      if (variable == variables_.end()) {
        issues_.error(
            node.at, fmt::format("unknown variable \"{}\"", name.substr(0, 60)),
            issues_.suggest(name, names_,
                            fmt::format("give it a default in [vars], or write $${{{}}} for the characters themselves",
                                        name.substr(0, 60))));
        return;
      }
      out.append(text, from, dollar - from).append(variable->second);
      from = end + 1;
      total_ += variable->second.size();
      if (total_ > kMaxSubstituted) {
        if (!full_) issues_.error(node.at, "the values of variables add up to more than 64 MB");
        full_ = true;
        return;
      }
    }
    if (from == 0) return;
    node.text = out.append(text, from);
  }

 private:
  const Variables& variables_;
  Issues& issues_;
  std::vector<std::string> names_;
  std::size_t total_ = 0;
  bool full_ = false;
};

}  // namespace

bool Plan::is_secret(const std::string& variable) const {
  return faultline::is_secret(variable) || from_files.contains(variable);
}

std::vector<std::string> Plan::secret_values() const {
  std::vector<std::string> values;
  for (const auto& [name, value] : variables)
    if (value.size() >= kShortestSecret && is_secret(name)) values.push_back(value);
  return values;
}

void substitute_variables(Node& document, Draft& draft) {
  const Variables builtin{{"plan_dir", draft.plan.directory}, {"libexec_dir", libexec_folder()}};
  Variables variables = builtin;
  std::vector<std::string> names;
  for (auto& entry : document.entries) {
    if (entry.key != "vars") continue;
    if (entry.value.type != Node::Type::table) continue;  // reported by the reader of the top level
    Substitution defaults(builtin, draft.issues);
    for (auto& variable : entry.value.entries) {
      if (!check_name(draft.issues, variable.at, "a variable's name", variable.key, true)) continue;
      if (builtin.contains(variable.key)) {
        draft.issues.error(variable.at, fmt::format("\"{}\" is given by Faultline", variable.key),
                           "choose another name");
        continue;
      }
      names.push_back(variable.key);
      if (variable.value.type != Node::Type::string) {
        draft.issues.error(
            variable.value.at,
            fmt::format("vars.{}: expected a string, found {}", variable.key, describe(variable.value.type)),
            "variables stand in strings: put the value in quotes");
        variables[variable.key];
        continue;
      }
      defaults.replace(variable.value);
      variables[variable.key] = variable.value.text;
    }
  }
  Substitution of_arms(builtin, draft.issues);
  for (auto& entry : document.entries)
    if (entry.key == "arms") of_arms.walk(entry.value);
  read_arms(document, names, draft);
  if (const Arm* arm = draft.plan.chosen_arm())
    for (const auto& [name, value] : arm->variables) variables[name] = value;
  for (const auto& [name, value] : draft.options.variables) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      draft.issues.error(
          {},
          fmt::format("{} {}: the plan has no such variable",
                      draft.options.from_files.contains(name) ? "--var-file" : "--var", name),
          draft.issues.suggest(name, names,
                               names.empty() ? "the plan has no [vars]" : list_known("its variables are", names)));
    else
      variables[name] = value;
  }
  for (const auto& name : names) {
    draft.plan.variables[name] = variables[name];
    if (draft.options.from_files.contains(name)) draft.plan.from_files.insert(name);
    if (draft.plan.is_secret(name)) draft.issues.hide(variables[name]);
  }
  Substitution substitution(variables, draft.issues);
  for (auto& entry : document.entries)
    if (entry.key != "vars" && entry.key != "arms") substitution.walk(entry.value);
}

}  // namespace faultline::plan
