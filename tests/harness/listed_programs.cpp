#include "tests/harness/listed_programs.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "injector/base/error.h"

namespace faultline::test {
namespace fs = std::filesystem;

std::vector<ListedProgram> listed_programs() {
  std::vector<ListedProgram> all;
  std::ifstream list(FAULTLINE_SOURCE_DIR "/tests/programs");
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    ListedProgram program;
    words >> program.name >> program.package;
    for (std::string tier; words >> tier;) program.tiers.insert(tier);
    if (program.tiers.empty()) throw std::runtime_error("tests/programs: PROGRAM PACKAGE TIER…, not " + line);
    all.push_back(std::move(program));
  }
  if (all.empty()) throw std::runtime_error("there is no " FAULTLINE_SOURCE_DIR "/tests/programs");
  return all;
}

std::string where_is(const std::string& program) {
  for (const std::string folder : {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"})
    if (access((folder + program).c_str(), X_OK) == 0) return folder + program;
  return {};
}

void find_listed_programs_only(const std::string& tier) {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path() / "programs" / tier;
  std::map<std::string, std::string> wanted;
  for (const auto& program : listed_programs())
    if (program.tiers.contains(tier))
      if (const std::string at = where_is(program.name); !at.empty()) wanted[program.name] = at;

  // Others may be using the folder, or making it as well: each link is put into its place at once.
  fs::create_directories(folder);
  for (const auto& [name, at] : wanted) {
    std::error_code none;
    if (fs::read_symlink(folder / name, none) == at) continue;
    const std::string fresh = folder / ("." + name + "." + std::to_string(getpid()));
    check("make " + fresh, symlink(at.c_str(), fresh.c_str()));
    fs::rename(fresh, folder / name);
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name[0] != '.' && !wanted.contains(name)) unlink(entry.path().c_str());
  }
  setenv("PATH", folder.c_str(), 1);
}

}  // namespace faultline::test
