// Containers of docker and podman: from a name to the process that is the container's first. Everything else (its
// namespace, its cgroup) is the kernel's to tell, alike for every runtime.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace faultline::site {

struct Container {
  std::string runtime;  ///< "docker", "podman"
  std::string id;
  std::string status;  ///< "running", "exited", …
  pid_t pid = 0;       ///< 0 when it does not run
};

class ContainerRuntimes {
 public:
  struct Api {
    std::string runtime;
    std::string socket;  ///< a unix socket that speaks docker's HTTP API, as podman's does too
  };
  /// Those of this machine: the sockets of docker and podman that exist, and the command `podman`, which needs no
  /// daemon.
  ContainerRuntimes();
  ContainerRuntimes(std::vector<Api> apis, bool podman_command)
      : apis_(std::move(apis)), podman_command_(podman_command) {}

  /// Empty when no runtime knows the name. Failure(cannot_run) when there is no runtime, or none that answers.
  std::optional<Container> find(const std::string& name) const;

 private:
  std::vector<Api> apis_;
  bool podman_command_ = false;
};

/// Reads what `inspect` answers: an object, or an array of one. Empty when it is neither.
std::optional<Container> read_container(const std::string& runtime, const std::string& json);

}  // namespace faultline::site
