// What can be told of the command line from the command line itself: man pages and shell completion, made from the same
// definitions as --help, so that they cannot say something else. Pure functions of the parsed definitions.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace faultline::cli {

/// One option as it is told: "--engine", "tcx|clsact", "How programs are attached".
struct OptionText {
  std::vector<std::string> names;  ///< with dashes; empty for a positional
  std::string positional;          ///< "PLAN"
  std::string value;               ///< "DIR"; empty for a flag
  std::string what, group;
  std::vector<std::string> choices;  ///< when the value is one of a few words
  bool required = false, repeated = false;
};
std::vector<OptionText> options_of(const CLI::App& app);
std::vector<const CLI::App*> commands_of(const CLI::App& app);

/// roff, section 1. `path` is the command's: {} for faultline itself, {"inject", KIND} for a kind. Throws
/// Failure(invalid) when there is no such command.
std::string man_page(const CLI::App& root, const std::vector<std::string>& path);
/// Every page there is, by file name: "faultline-run.1".
std::vector<std::pair<std::string, std::string>> man_pages(const CLI::App& root);

std::string bash_completion(const CLI::App& root);
std::string zsh_completion(const CLI::App& root);
std::string fish_completion(const CLI::App& root);

}  // namespace faultline::cli
