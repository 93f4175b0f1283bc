// What the scheduler says of a process's threads, and of those of all its descendants.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <utility>

#include "injector/record/contention_fields.h"

namespace faultline::observe {

class CpuWaitsReader {
 public:
  /// Of `root` and what it starts, as `proc` (a folder such as /proc) numbers them. What happened before counts for
  /// nothing.
  explicit CpuWaitsReader(pid_t root, std::string proc = "/proc");

  struct Since {
    record::CpuWaits root, descendants;
  };
  /// What came to it since the last call. A thread that has ended meanwhile has taken its last share with it.
  Since read();

 private:
  using Thread = std::pair<pid_t, pid_t>;  // process, thread
  void read_process(pid_t process, std::map<Thread, record::CpuWaits>& found, int depth) const;

  pid_t root_;
  std::string proc_;
  std::map<Thread, record::CpuWaits> known_;
};

}  // namespace faultline::observe
