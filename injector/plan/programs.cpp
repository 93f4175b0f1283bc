#include "injector/plan/programs.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <utility>

namespace faultline::plan {
namespace {

/// The words of a script's lines, without the folders before them: "$bin/postgres" is postgres. Nothing of what is no
/// text.
std::vector<std::string> words_of(const std::string& script) {
  constexpr std::size_t kMostLines = 1000;
  std::vector<std::string> words;
  std::ifstream file(script);
  std::string line;
  for (std::size_t i = 0; i < kMostLines && std::getline(file, line); i++) {
    if (line.find('\0') != std::string::npos) return {};
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    std::string word;
    for (const char c : line + ' ') {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-') {
        word += c;
      } else if (!word.empty()) {
        words.push_back(std::exchange(word, ""));
      }
    }
  }
  return words;
}

}  // namespace

std::vector<std::string> programs_of(const Plan& plan, const std::function<bool(const std::string&)>& known) {
  std::vector<std::string> programs;
  const auto add = [&](const std::string& program) {
    if (std::find(programs.begin(), programs.end(), program) == programs.end()) programs.push_back(program);
  };
  const auto add_command = [&](const std::vector<std::string>& command) {
    if (!command.empty() && !command.front().empty() && command.front().find('/') == std::string::npos)
      add(command.front());
    for (const auto& argument : command) {
      if (argument.find('/') == std::string::npos || !argument.ends_with(".sh")) continue;
      for (const auto& word : words_of(argument))
        if (known(word)) add(word);
    }
  };
  if (plan.lab) {
    for (const auto& host : plan.lab->hosts) {
      add_command(host.command);
      if (host.ready) add_command(host.ready->command);
    }
  }
  for (const auto& probe : plan.probes)
    if (probe.kind == Probe::Kind::exec) add_command(probe.command);
  return programs;
}

}  // namespace faultline::plan
