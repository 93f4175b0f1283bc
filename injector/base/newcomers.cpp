#include "injector/base/newcomers.h"

#include <sys/socket.h>

#include <cerrno>

namespace faultline {

Fd Newcomers::take(int listening, Ns now) {
  Fd newcomer(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  // Descriptors or memory are short; else it went away before it was taken.
  if (!newcomer && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) deaf_until_ = now + kDeaf;
  return newcomer;
}

}  // namespace faultline
