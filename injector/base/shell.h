// Words as a shell would have to be given them.
#pragma once

#include <string>
#include <vector>

namespace faultline {

/// `word` as it is where a shell leaves it alone, else in quotes.
std::string shell_quoted(const std::string& word);
/// The words with a space in between, each quoted where it has to be.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace faultline
