// The command line of the demo services: `--name value`, and `--flag`. What is not accepted is refused with status 2
// and with what would be, so that a word mistyped in a plan is no experiment of another kind.
#pragma once

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/address.h"

namespace demo {

/// What a program takes: options with a value, flags without one, and whether words that are neither.
struct Accepts {
  std::set<std::string> options = {};
  std::set<std::string> flags = {};
  bool words = false;
};

/// What is thrown at a command line that is not accepted. It says what would be.
struct WrongCommandLine : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Where something is, by a name.
struct Way {
  std::string name, url;
};

class Options {
 public:
  /// Throws WrongCommandLine at what is not accepted, as everything here does.
  Options(int argc, char** argv, const Accepts& accepts);

  std::vector<std::string> words;  ///< what is no option, in order

  bool has(const std::string& name) const { return values_.contains(name); }
  std::string get(const std::string& name, const std::string& otherwise) const;
  std::string get(const std::string& name) const;
  /// One of `all`, the first where nothing is said.
  std::string choice(const std::string& name, const std::vector<std::string>& all) const;
  /// One of two designs: careful unless `--design naive` says otherwise.
  bool naive() const { return choice("design", {"careful", "naive"}) == "naive"; }
  /// A whole number from 0.
  int number(const std::string& name, int otherwise) const;
  /// --port, 8080 where nothing is said.
  int port() const;
  /// "http://HOST:PORT".
  std::string url(const std::string& name) const;
  /// "HOST:PORT".
  Address address(const std::string& name) const;
  /// "A=http://HOST:PORT,B=…", in the order in which they are preferred. At least one.
  std::vector<Way> ways(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace demo
