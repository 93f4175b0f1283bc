// Completion scripts. All three do the same: the words before the cursor tell the command, the command tells its
// options and its commands; an option with a few possible values offers these; a PLAN is a shipped experiment's name or
// a .toml file.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "injector/cli/manual.h"

namespace faultline::cli {
namespace {

struct Command {
  std::vector<std::string> path;  ///< {} for faultline itself
  const CLI::App* app;
};

std::vector<Command> all_commands(const CLI::App& root) {
  std::vector<Command> all{{{}, &root}};
  for (std::size_t i = 0; i < all.size(); i++) {
    const Command at = all[i];  // `all` grows
    for (const auto* sub : commands_of(*at.app)) {
      auto path = at.path;
      path.push_back(sub->get_name());
      all.push_back({std::move(path), sub});
    }
  }
  return all;
}

bool takes_plan(const CLI::App& app) {
  const auto options = options_of(app);
  return std::any_of(options.begin(), options.end(), [](const OptionText& o) { return o.positional == "PLAN"; });
}

std::vector<std::string> positional_choices(const CLI::App& app) {
  for (const auto& option : options_of(app))
    if (!option.positional.empty() && !option.choices.empty()) return option.choices;
  return {};
}

std::string escaped(std::string text, std::string_view characters, std::string_view by) {
  std::string out;
  for (const char c : text) {
    if (characters.find(c) != std::string_view::npos) out += by;
    out += c;
  }
  return out;
}

/// For `case "$where|$word"` of bash and zsh: to which command a word leads.
std::string steps(const CLI::App& root) {
  std::string out;
  for (const auto& [path, app] : all_commands(root)) {
    const std::string key = fmt::format("{}", fmt::join(path, " "));
    for (const auto* sub : commands_of(*app))
      out += fmt::format("      '{}|{}') where='{}{}{}' ;;\n", key, sub->get_name(), key, key.empty() ? "" : " ",
                         sub->get_name());
  }
  return out;
}

/// For a single-quoted word of fish; zsh needs colons escaped besides.
std::string in_quotes(std::string text) { return escaped(std::move(text), "'\\", "\\"); }

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string bash_completion(const CLI::App& root) {
  std::string words, values;
  for (const auto& [path, app] : all_commands(root)) {
    const std::string key = fmt::format("{}", fmt::join(path, " "));
    std::vector<std::string> offers;
    for (const auto* sub : commands_of(*app)) offers.push_back(sub->get_name());
    for (const auto& choice : positional_choices(*app)) offers.push_back(choice);
    for (const auto& option : options_of(*app)) {
      for (const auto& name : option.names) {
        offers.push_back(name);
        if (!option.choices.empty())
          values += fmt::format("    '{}|{}') COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n", key, name,
                                fmt::join(option.choices, " "));
        else if (option.value == "DIR")
          values += fmt::format("    '{}|{}') COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n", key, name);
        else if (option.value == "FILE")
          values += fmt::format("    '{}|{}') COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", key, name);
        else if (!option.value.empty())
          values += fmt::format("    '{}|{}') return ;;\n", key, name);
      }
    }
    words +=
        fmt::format("    '{}') words='{}'{} ;;\n", key, fmt::join(offers, " "), takes_plan(*app) ? "; plans=1" : "");
  }
  return fmt::format(R"sh(# bash completion of faultline; made by `faultline completion bash`
_faultline() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} where='' words='' plans='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$where|${{COMP_WORDS[i]}}" in
{}    esac
  done
  case "$where|$prev" in
{}  esac
  case "$where" in
{}  esac
  if [[ -n $plans && $cur != -* ]]; then
    words="$(faultline list --names 2>/dev/null)"
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -W "$words" -- "$cur") $(compgen -f -X '!*.toml' -- "$cur") $(compgen -d -- "$cur"))
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -F _faultline faultline
)sh",
                     steps(root), values, words);
}

std::string zsh_completion(const CLI::App& root) {
  std::string offers, values;
  const auto described = [](const std::string& name, const std::string& what) {
    return fmt::format("      '{}:{}'\n", escaped(name, ":", "\\"),
                       escaped(escaped(first_line(what), ":", "\\"), "'", "'\\'"));
  };
  for (const auto& [path, app] : all_commands(root)) {
    const std::string key = fmt::format("{}", fmt::join(path, " "));
    std::string commands, options;
    for (const auto* sub : commands_of(*app)) commands += described(sub->get_name(), sub->get_description());
    for (const auto& choice : positional_choices(*app)) commands += described(choice, "");
    for (const auto& option : options_of(*app)) {
      for (const auto& name : option.names) {
        options += described(name, option.what);
        if (!option.choices.empty())
          values += fmt::format("    '{}|{}') compadd -- {}; return ;;\n", key, name, fmt::join(option.choices, " "));
        else if (option.value == "DIR")
          values += fmt::format("    '{}|{}') _files -/; return ;;\n", key, name);
        else if (option.value == "FILE")
          values += fmt::format("    '{}|{}') _files; return ;;\n", key, name);
        else if (!option.value.empty())
          values += fmt::format("    '{}|{}') _message '{}'; return ;;\n", key, name, in_quotes(option.value));
      }
    }
    offers += fmt::format("    '{}')\n      commands=(\n{}      )\n      options=(\n{}      )\n{}      ;;\n", key,
                          commands, options, takes_plan(*app) ? "      plans=1\n" : "");
  }
  return fmt::format(R"sh(#compdef faultline
# zsh completion of faultline; made by `faultline completion zsh`
_faultline() {{
  local where='' plans='' i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "$where|${{words[i]}}" in
{}    esac
  done
  case "$where|${{words[CURRENT-1]}}" in
{}  esac
  case "$where" in
{}  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
    return
  fi
  (( $#commands )) && _describe command commands
  if [[ -n $plans ]]; then
    compadd -- ${{(f)"$(faultline list --names 2>/dev/null)"}}
    _files -g '*.toml'
  fi
}}
if [[ $funcstack[1] == _faultline ]]; then _faultline "$@"; else compdef _faultline faultline; fi
)sh",
                     steps(root), values, offers);
}

std::string fish_completion(const CLI::App& root) {
  std::string out = "# fish completion of faultline; made by `faultline completion fish`\ncomplete -c faultline -f\n";
  for (const auto& [path, app] : all_commands(root)) {
    std::string when;  // this command was named, and none of its own
    for (const auto& word : path)
      when += fmt::format("{}__fish_seen_subcommand_from {}", when.empty() ? "" : "; and ", word);
    std::string none;
    for (const auto* sub : commands_of(*app)) none += " " + sub->get_name();
    if (!none.empty()) when += fmt::format("{}not __fish_seen_subcommand_from{}", when.empty() ? "" : "; and ", none);
    const std::string head = fmt::format("complete -c faultline -n '{}'", when);
    for (const auto* sub : commands_of(*app))
      out += fmt::format("{} -a {} -d '{}'\n", head, sub->get_name(), in_quotes(first_line(sub->get_description())));
    for (const auto& choice : positional_choices(*app)) out += fmt::format("{} -a {}\n", head, choice);
    if (takes_plan(*app))
      out += fmt::format("{0} -a '(faultline list --names 2>/dev/null)'\n{0} -k -a '(__fish_complete_suffix .toml)'\n",
                         head);
    for (const auto& option : options_of(*app)) {
      if (option.names.empty()) continue;
      out += head;
      for (const auto& name : option.names)
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.choices.empty())
        out += fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
      else if (option.value == "DIR" || option.value == "FILE")
        out += " -r -F";
      else if (!option.value.empty())
        out += " -x";
      out += fmt::format(" -d '{}'\n", in_quotes(first_line(option.what)));
    }
  }
  return out;
}

}  // namespace faultline::cli
