// Network namespaces as values: a NetNs is an open descriptor of one, an Inside moves the calling *thread* into it for
// a scope. Anonymous namespaces (no name under /run/netns) vanish with the last descriptor, device or process in them,
// which is what lets nothing of ours outlive us.
#pragma once

#include <cstdint>
#include <string>

#include "injector/base/fd.h"

namespace faultline {

class NetNs {
 public:
  /// Opens by name (`/run/netns/NAME`) or by path (`/proc/123/ns/net`). Throws Failure(cannot_run) if there is none.
  static NetNs open(const std::string& name_or_path);
  /// The calling thread's own.
  static NetNs current();
  /// A new one without a name; lo is down in it. The calling thread stays where it is.
  static NetNs create();

  /// inode() of the one at a path, without opening it; 0 when it cannot be looked at.
  static std::uint64_t inode_of(const std::string& path);

  explicit NetNs(Fd fd);
  int fd() const { return fd_.get(); }
  /// (device, inode) of the nsfs file: equal for two descriptors of one namespace.
  std::uint64_t inode() const { return inode_; }
  NetNs duplicate() const;

 private:
  Fd fd_;
  std::uint64_t inode_ = 0;
};

/// Moves the calling thread into `ns` until the end of the scope. Throws on entry; if the way back fails the process
/// is ended, since every later system call would act in the wrong namespace.
class Inside {
 public:
  explicit Inside(const NetNs& ns);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Fd back_;
};

}  // namespace faultline
