// Where programs are looked for. One rule for all: whether a program is there is asked before a run (doctor, an exec
// probe), and what is found then must be what runs.
#pragma once

#include <string>

namespace faultline {

/// Our PATH, with the sbin folders behind it: services live there, and `su` does not hand them on.
std::string search_path();
/// Whether a command can be executed: `program` is a path when it has a slash in it, else a name in search_path().
bool can_execute(const std::string& program);

/// Where the programs that come with Faultline are, such as the demo services of experiments: libexec/ beside the
/// binary in a build folder, PREFIX/libexec/faultline of an installed bin/faultline. It need not exist.
std::string libexec_folder();

}  // namespace faultline
