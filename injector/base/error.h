// Errors and exit statuses. There is one error channel: exceptions. A system call or libbpf result goes through
// check(), which names what was attempted; everything that has an exit status of its own is a Failure. main() alone
// catches, prints and maps to the status documented in docs/exit-status.md.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace faultline {

/// The process's exit status. When several hold, the order of precedence is 6 > 5 > 2 > 1 > 0.
enum class Exit : int {
  passed = 0,        ///< every hypothesis held
  deviated = 1,      ///< a hypothesis failed
  inconclusive = 2,  ///< a fault met no packet, the injector ran late, the service was not steady, a probe never ran
  invalid = 3,       ///< the plan or the arguments are wrong
  cannot_run = 4,    ///< privilege, kernel, or a target that is not found on this machine
  aborted = 5,       ///< stopped by a guard or by the user
  failed = 6,        ///< our own failure, or cleanup incomplete
};

/// Says why the program ends with a status of its own. what() is one message, complete for the user.
class Failure : public std::runtime_error {
 public:
  Failure(Exit status, const std::string& message) : std::runtime_error(message), status_(status) {}
  Exit status() const { return status_; }

 private:
  Exit status_;
};

/// Passes a system call's result on, or throws std::system_error with `attempt` when it is -1 (errno is read at once).
inline long check(const std::string& attempt, long result) {
  if (result == -1) throw std::system_error(errno, std::generic_category(), attempt);
  return result;
}

/// The same for libbpf and netlink, which return -errno: errno is never read.
inline int check_neg(const std::string& attempt, int result) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), attempt);
  return result;
}

}  // namespace faultline
