#include "injector/plan/programs.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace faultline::plan {
namespace {

/// The words of a script's lines, without the folders before them: "$bin/postgres" is postgres. Empty for a file that
/// is not text.
std::vector<std::string> words_of(std::istream& file) {
  constexpr std::size_t kMostLines = 1000;
  std::vector<std::string> words;
  std::string line;
  for (std::size_t i = 0; i < kMostLines && std::getline(file, line); i++) {
    if (line.find('\0') != std::string::npos) return {};
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    // What is only said is not run.
    if (const std::string_view rest = std::string_view(line).substr(begin);
        rest.starts_with("echo ") || rest.starts_with("printf ")) {
      const auto next = line.find_first_of("|;&", begin);
      line = next == std::string::npos ? "" : line.substr(next);
    }
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

constexpr std::size_t kMostBytes = 256 << 10;

}  // namespace

std::vector<std::string> programs_used_by(const std::vector<std::string>& command,
                                          const std::function<bool(const std::string&)>& known) {
  std::vector<std::string> programs;
  const auto add_words = [&](std::istream& script) {
    for (const auto& word : words_of(script))
      if (known(word) && std::find(programs.begin(), programs.end(), word) == programs.end()) programs.push_back(word);
  };
  for (std::size_t i = 0; i < command.size(); i++) {
    if (command[i].find('/') != std::string::npos && command[i].ends_with(".sh")) {
      std::error_code none;
      if (!std::filesystem::is_regular_file(command[i], none)) continue;
      std::string text(kMostBytes, '\0');
      std::ifstream file(command[i]);
      file.read(text.data(), kMostBytes);
      text.resize(static_cast<std::size_t>(file.gcount()));
      std::istringstream script(text);
      add_words(script);
    } else if (i > 1 && command[i - 1] == "-c" && command[0].ends_with("sh")) {
      std::istringstream script(command[i]);
      add_words(script);
    }
  }
  return programs;
}

std::vector<std::string> programs_of(const Plan& plan, const std::function<bool(const std::string&)>& known) {
  std::vector<std::string> programs;
  const auto add = [&](const std::string& program) {
    if (std::find(programs.begin(), programs.end(), program) == programs.end()) programs.push_back(program);
  };
  const auto add_command = [&](const std::vector<std::string>& command) {
    if (!command.empty() && !command.front().empty() && command.front().find('/') == std::string::npos)
      add(command.front());
    for (const auto& word : programs_used_by(command, known)) add(word);
  };
  if (plan.lab) {
    for (const auto& host : plan.lab->hosts) {
      add_command(host.command);
      if (host.ready) add_command(host.ready->command);
    }
  }
  for (const auto& probe : plan.probes) add_command(probe.program());
  return programs;
}

}  // namespace faultline::plan
