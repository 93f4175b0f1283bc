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

/// Throws Failure(invalid) for an option whose value is empty: `--out ""` is what a script writes whose variable is not
/// set, and must not be taken for the default. `--title ""` alone may be meant.
void refuse_empty_values(const CLI::App& app);

}  // namespace faultline::cli
