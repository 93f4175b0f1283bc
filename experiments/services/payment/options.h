// The command line of the demo services: `--name value` and `--flag`, nothing else.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace payment {

class Options {
 public:
  /// Reads the command line; `flags` take no value. Ends the program with status 3 at what it cannot read.
  Options(int argc, char** argv, const std::vector<std::string>& flags = {}) : program_(argv[0]) {
    for (int i = 1; i < argc; i++) {
      const std::string word = argv[i];
      if (!word.starts_with("--")) {
        words.push_back(word);
        continue;
      }
      const bool flag = std::find(flags.begin(), flags.end(), word.substr(2)) != flags.end();
      if (!flag && i + 1 == argc) refuse(word + " needs a value");
      values_[word.substr(2)] = flag ? "yes" : argv[++i];
    }
  }

  std::vector<std::string> words;  ///< what is no option, in order

  bool has(const std::string& name) const { return values_.contains(name); }
  std::string get(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::string get(const std::string& name) const {
    if (!has(name)) refuse("--" + name + " is required");
    return values_.at(name);
  }
  int number(const std::string& name, int otherwise) const {
    return has(name) ? std::atoi(values_.at(name).c_str()) : otherwise;
  }
  /// One of two designs: careful unless `--design naive` says otherwise.
  bool naive() const {
    const std::string design = get("design", "careful");
    if (design != "careful" && design != "naive") refuse("--design is careful or naive");
    return design == "naive";
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    std::cerr << program_ << ": " << why << "\n";
    std::exit(3);
  }
  std::string program_;
  std::map<std::string, std::string> values_;
};

}  // namespace payment
