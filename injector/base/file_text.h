// Files that are read as a whole. One reader, so that what a device, a folder, a growing file or one without an end
// does to us is thought of once.
#pragma once

#include <cstddef>
#include <string>

namespace faultline {

enum class Readable {
  anything,      ///< a pipe or a device, too: what the user names by hand, such as /dev/stdin
  regular_file,  ///< what a plan names, which may be a stranger's: to open a device may do something already
};

/// Why a file cannot be read; empty when `text` has all of it.
std::string read_file(const std::string& path, Readable sort, std::string& text);

/// The text of a file such as those of /proc and /sys; empty when it cannot be read.
std::string file_text(const std::string& path);

}  // namespace faultline
