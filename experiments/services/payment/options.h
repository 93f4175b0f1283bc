// The command line of the demo services, `--name value` and `--flag`, and the main() that they share. What is not
// accepted is refused with status 2, so that a word mistyped in a plan is no experiment of another kind.
#pragma once

#include <charconv>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace payment {

/// What a program takes: options with a value, flags without one, and whether words that are neither.
struct Accepts {
  std::set<std::string> options = {};
  std::set<std::string> flags = {};
  bool words = false;
};

struct WrongCommandLine : std::runtime_error {
  using runtime_error::runtime_error;
};

class Options {
 public:
  /// Throws WrongCommandLine at what is not accepted, as everything here does.
  Options(int argc, char** argv, const Accepts& accepts) {
    for (int i = 1; i < argc; i++) {
      const std::string word = argv[i];
      if (!word.starts_with("--")) {
        if (!accepts.words) throw WrongCommandLine("no option begins like '" + word + "'" + list(accepts));
        words.push_back(word);
        continue;
      }
      const std::string name = word.substr(2);
      const bool flag = accepts.flags.contains(name);
      if (!flag && !accepts.options.contains(name)) throw WrongCommandLine("there is no " + word + list(accepts));
      if (!flag && i + 1 == argc) throw WrongCommandLine(word + " needs a value");
      values_[name] = flag ? "yes" : argv[++i];
    }
  }

  std::vector<std::string> words;  ///< what is no option, in order

  bool has(const std::string& name) const { return values_.contains(name); }
  std::string get(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::string get(const std::string& name) const {
    if (!has(name)) throw WrongCommandLine("--" + name + " is required");
    return values_.at(name);
  }
  /// A whole number from 0.
  int number(const std::string& name, int otherwise) const {
    if (!has(name)) return otherwise;
    const std::string& text = values_.at(name);
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0)
      throw WrongCommandLine("--" + name + " is a whole number from 0, not '" + text + "'");
    return number;
  }
  /// One of two designs: careful unless `--design naive` says otherwise.
  bool naive() const {
    const std::string design = get("design", "careful");
    if (design != "careful" && design != "naive")
      throw WrongCommandLine("--design is careful or naive, not '" + design + "'");
    return design == "naive";
  }

 private:
  static std::string list(const Accepts& accepts) {
    std::string all;
    for (const auto& names : {accepts.options, accepts.flags})
      for (const auto& name : names) all += (all.empty() ? "; it takes --" : ", --") + name;
    return all;
  }
  std::map<std::string, std::string> values_;
};

/// main() of each program: `work` is given the options. Exit status: what it returns, or 0; 2 for a wrong command line;
/// `failed` when it throws. Both are said on standard error.
template <class Work>
int run(int argc, char** argv, const Accepts& accepts, const Work& work, int failed = 1) {
  const std::string path = argv[0], name = path.substr(path.rfind('/') + 1);
  const auto say_why = [&](const std::exception& why) { std::cerr << name << ": " << why.what() << "\n"; };
  try {
    const Options options(argc, argv, accepts);
    if constexpr (std::is_void_v<decltype(work(options))>) {
      work(options);
      return 0;
    } else {
      return work(options);
    }
  } catch (const WrongCommandLine& wrong) {
    say_why(wrong);
    return 2;
  } catch (const std::exception& failure) {
    say_why(failure);
    return failed;
  }
}

}  // namespace payment
