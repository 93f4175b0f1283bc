// A file that a command was asked to write: a new one, unless somebody says that it may be written over.
#pragma once

#include <string>

namespace faultline::cli {

/// Throws Failure: invalid where `path` exists and `force` is not said, or is a symbolic link that leads nowhere;
/// cannot_run where it cannot be written.
void write_output(const std::string& path, const std::string& text, bool force);

}  // namespace faultline::cli
