// The words of a command line, as they were given: what would have to be typed to have the same again.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace faultline::cli {

/// What was given to a command that has been parsed: positionals first, then each option with its values, in the order
/// of its help; without the options named in `without` ("--out").
std::vector<std::string> given_words(const CLI::App& command, const std::set<std::string>& without);

/// The command line of a process of our own that plays a part of what was asked for: `command`, what was `given` to it
/// (given_words()), and `more` behind it.
std::vector<std::string> child_words(const std::string& command, const std::vector<std::string>& given,
                                     const std::vector<std::string>& more);

/// The value of an option that takes a share ("5%"). Throws Failure(invalid) for what is none, and for 0% where it must
/// be `above_zero`.
double read_share(const char* option, const std::string& text, bool above_zero = false);

/// Throws Failure(invalid) for an option whose value is empty: `--out ""` is what a script writes whose variable is not
/// set, and must not be taken for the default. `--title ""` alone may be meant.
void refuse_empty_values(const CLI::App& app);

}  // namespace faultline::cli
