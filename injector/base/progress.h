// How far work that takes long has come. Who does it calls this many times a second, where it can be left off; who
// waits for it shows what it pleases, and throws to give the work up.
#pragma once

#include <functional>
#include <string>

namespace faultline {

using Progress = std::function<void(const std::string& step)>;

/// For work that nobody waits for.
inline void unwatched(const std::string&) {}

}  // namespace faultline
