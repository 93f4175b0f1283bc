#include "injector/cli/words.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "injector/base/error.h"
#include "injector/plan/values.h"

namespace faultline::cli {
namespace {

bool is_positional(const CLI::Option& option) { return option.get_lnames().empty() && option.get_snames().empty(); }
bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

}  // namespace

std::vector<std::string> given_words(const CLI::App& command, const std::set<std::string>& without) {
  std::vector<std::string> words;
  for (const CLI::Option* option : command.get_options())
    if (is_positional(*option)) words.insert(words.end(), option->results().begin(), option->results().end());
  for (const CLI::Option* option : command.get_options()) {
    if (is_positional(*option) || option->count() == 0) continue;
    const std::string name =
        "--" + (option->get_lnames().empty() ? option->get_snames() : option->get_lnames()).front();
    if (without.contains(name)) continue;
    if (is_flag(*option)) {
      words.push_back(name);
      continue;
    }
    for (const auto& value : option->results()) {
      if (value.starts_with("-")) {  // it would be taken for an option
        words.push_back(name + "=" + value);
        continue;
      }
      words.push_back(name);
      words.push_back(value);
    }
  }
  return words;
}

std::vector<std::string> child_words(const std::string& command, const std::vector<std::string>& given,
                                     const std::vector<std::string>& more) {
  std::vector<std::string> words{command};
  words.insert(words.end(), given.begin(), given.end());
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

double read_share(const char* option, const std::string& text, bool above_zero) {
  const auto read = plan::read_probability(text);
  if (!read.value)
    throw Failure(Exit::invalid,
                  fmt::format("{} {}: {}{}", option, text, read.error, read.hint.empty() ? "" : "; " + read.hint));
  if (above_zero && *read.value <= 0)
    throw Failure(Exit::invalid, fmt::format("{} {}: write a share above 0%, such as 5%", option, text));
  return *read.value;
}

void refuse_empty_values(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (is_positional(*option) || is_flag(*option) || option->count() == 0) continue;
    const std::string name = option->get_name();
    const auto& values = option->results();
    if (name == "--title" || std::none_of(values.begin(), values.end(), [](const auto& v) { return v.empty(); }))
      continue;
    throw Failure(Exit::invalid, fmt::format("{}: the value is empty; leave the option out to have its default", name));
  }
  for (const CLI::App* command : app.get_subcommands()) refuse_empty_values(*command);
}

}  // namespace faultline::cli
