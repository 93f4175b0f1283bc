// The limit of open descriptors. The usual soft limit of 1024 is for programs that use select(); we do not, and a run
// over many namespaces holds some descriptors for each. What we start gets the limit that we were given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "injector/base/fd.h"

namespace faultline {

/// Raises the soft limit to the hard one, for this process and those it forks. What it was is remembered.
void raise_descriptor_limit();
/// In a child, before it becomes another program: as it was when we were started.
void restore_descriptor_limit() noexcept;
/// How many more descriptors this process may open by now.
std::uint64_t descriptors_left();

/// Descriptors that are kept from everybody until the end: to take a run apart takes a few (a namespace to come back
/// to, a socket to the kernel), and it must not fail for want of them.
class SpareDescriptors {
 public:
  static constexpr std::size_t kCount = 16;
  /// Raises the limit first, in which there may be no room for them. Throws std::system_error. Made first of all they
  /// are the lowest numbers, which stay within a limit that is lowered later.
  SpareDescriptors();
  /// There are so many more from here on.
  void give_up() noexcept;

 private:
  std::array<Fd, kCount> fds_;
};

}  // namespace faultline
