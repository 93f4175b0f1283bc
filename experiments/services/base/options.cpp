#include "base/options.h"

#include <charconv>
#include <sstream>

namespace demo {
namespace {

std::string list(const Accepts& accepts) {
  std::string all;
  for (const auto& names : {accepts.options, accepts.flags})
    for (const auto& name : names) all += (all.empty() ? "it takes --" : ", --") + name;
  return all;
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : &word == &words.back() ? " or " : ", ") + word;
  return all;
}

}  // namespace

Options::Options(int argc, char** argv, const Accepts& accepts) {
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      if (!accepts.words) throw WrongCommandLine("'" + word + "' is no option; " + list(accepts));
      words.push_back(word);
      continue;
    }
    const std::string name = word.substr(2);
    const bool flag = accepts.flags.contains(name);
    if (!flag && !accepts.options.contains(name)) throw WrongCommandLine("there is no " + word + "; " + list(accepts));
    if (!flag && i + 1 == argc) throw WrongCommandLine(word + " needs a value");
    values_[name] = flag ? "yes" : argv[++i];
  }
}

std::string Options::get(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

std::string Options::get(const std::string& name) const {
  if (!has(name)) throw WrongCommandLine("--" + name + " is required");
  return values_.at(name);
}

std::string Options::choice(const std::string& name, const std::vector<std::string>& all) const {
  std::string said = get(name, all.front());
  for (const auto& each : all)
    if (said == each) return said;
  throw WrongCommandLine("--" + name + " is " + joined(all) + ", not '" + said + "'");
}

int Options::number(const std::string& name, int otherwise) const {
  if (!has(name)) return otherwise;
  const std::string& text = values_.at(name);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0)
    throw WrongCommandLine("--" + name + " is a whole number from 0, not '" + text + "'");
  return number;
}

int Options::port() const {
  const int port = number("port", 8080);
  if (port < 1 || port > 65535) throw WrongCommandLine("--port is a number from 1 to 65535, not " + get("port"));
  return port;
}

std::string Options::url(const std::string& name) const {
  std::string text = get(name);
  if (!Address::of_url(text)) throw WrongCommandLine("--" + name + " is http://HOST:PORT, not '" + text + "'");
  return text;
}

Address Options::address(const std::string& name) const {
  std::string text = get(name);
  const auto address = Address::of(text);
  if (!address) throw WrongCommandLine("--" + name + " is HOST:PORT, not '" + text + "'");
  return *address;
}

std::vector<Way> Options::ways(const std::string& name) const {
  const auto refuse = [&](const std::string& what) -> WrongCommandLine {
    return WrongCommandLine("--" + name + " is NAME=http://HOST:PORT,…, not '" + what + "'");
  };
  std::vector<Way> ways;
  std::istringstream words(get(name));
  for (std::string word; std::getline(words, word, ',');) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || !Address::of_url(word.substr(equals + 1))) throw refuse(word);
    ways.push_back({word.substr(0, equals), word.substr(equals + 1)});
  }
  if (ways.empty()) throw refuse("");
  return ways;
}

}  // namespace demo
