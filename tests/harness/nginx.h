// A real nginx in a namespace.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "tests/harness/command.h"

namespace faultline::test {

/// Its configuration and its files are in `folder`. It is one process, so that a test that is killed leaves none. It is
/// not ready yet.
inline std::unique_ptr<Command> start_nginx(const NetNs& ns, const TemporaryFolder& folder, const std::string& http) {
  const std::string path = folder.path().string();
  const auto config = folder.write(
      "nginx.conf", fmt::format("daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr;\nevents {{ "
                                "worker_connections 8192; }}\nhttp {{\naccess_log off;\n{}}}\n",
                                path, http));
  return start_in(ns, {"nginx", "-c", config.string(), "-p", path});
}

inline void stop_nginx(Command& nginx) {
  nginx.signal(SIGTERM);
  nginx.wait(10 * kSecond);
}

}  // namespace faultline::test
