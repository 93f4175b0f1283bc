// Lists of names with addresses, as the cashier and the switch are given them:
// "A=http://pay-a:8080,B=http://pay-b:8080".
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "options.h"

namespace payment {

/// One by its name, in the order in which they are preferred.
struct Way {
  std::string name, url;
};

/// The ways in `list`, which is the value of --`option`. Throws WrongCommandLine.
inline std::vector<Way> ways_in(const std::string& option, const std::string& list) {
  std::vector<Way> ways;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) throw WrongCommandLine("--" + option + " is A=URL,B=URL, not " + word);
    ways.push_back({word.substr(0, equals), word.substr(equals + 1)});
  }
  return ways;
}

}  // namespace payment
