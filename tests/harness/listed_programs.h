// tests/programs lists every program that tests and experiments start, with the package that has it. Tests find no
// others: their PATH is one folder with a link to each of those, so that a program which nobody listed, and which a
// fresh machine may lack, is missed on every machine.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace faultline::test {

struct ListedProgram {
  std::string name;
  std::string package;          ///< "-": of every Debian
  std::set<std::string> tiers;  ///< that start it; "experiments" is one
};
/// All of the list. Throws std::runtime_error at a line that it cannot read.
std::vector<ListedProgram> listed_programs();

/// Where a program is on this machine, whatever our PATH is; empty if it is not.
std::string where_is(const std::string& program);

/// Makes PATH the folder of `tier`'s programs beside the running binary; what the machine lacks is not in it.
void find_listed_programs_only(const std::string& tier);

}  // namespace faultline::test
