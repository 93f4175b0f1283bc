// One run per network namespace: a second one there would hold packets that the first gave back, for ever. The lock is an
// abstract unix socket bound inside the namespace: it dies with us and is seen across mount and PID namespaces.
#pragma once

#include <string>

#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::run {

class NamespaceLock {
 public:
  /// Throws Failure(cannot_run) that names the run which holds `ns`. `place` is what people call the namespace,
  /// `description` what a second run is told about this one.
  NamespaceLock(const NetNs& ns, const std::string& place, std::string description);

  int fd() const { return socket_.get(); }
  /// Tells whoever has connected what holds the namespace. Called when fd() is readable.
  void answer();

 private:
  Fd socket_;
  std::string description_;
};

}  // namespace faultline::run
