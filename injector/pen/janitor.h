// A process that outlives a kill of its parent for some milliseconds, and takes away what cannot vanish by itself:
// filters and qdiscs under clsact. The parent tells it what it is about to attach, over a socket; when the parent's end
// closes with notes left, the parent has died, and the janitor removes exactly what is noted, with the code that the
// parent would have used. It holds no eBPF descriptor, or its life would keep the faults alive.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "injector/base/fd.h"
#include "injector/base/netns.h"
#include "injector/pen/clsact.h"

namespace faultline::pen {

class Janitor {
 public:
  /// Forks. Call it before there are threads and before any eBPF or TAP descriptor is opened.
  static std::unique_ptr<Janitor> start();
  Janitor(const Janitor&) = delete;
  Janitor& operator=(const Janitor&) = delete;
  ~Janitor();  ///< lets it end, having removed what is still noted, and waits

  /// Notes a placement before it comes into being; returns the note's number. What has been sent is seen to, whatever
  /// happens to us then. Throws when the janitor is gone: nothing may be attached without it. One thread at a time.
  std::uint64_t note(const NetNs& ns, const Placement& placement);
  void amend(std::uint64_t note, const Placement& placement);
  void forget(std::uint64_t note) noexcept;

  pid_t pid() const { return pid_; }

 private:
  Janitor(pid_t pid, Fd socket) : pid_(pid), socket_(std::move(socket)) {}
  pid_t pid_;
  Fd socket_;
  std::uint64_t next_ = 1;
};

}  // namespace faultline::pen
