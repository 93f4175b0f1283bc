// Who connects to a socket of ours, taken without ever waiting. Without a descriptor for it a connection stays in the
// queue and poll() says at once that it is there, again and again: whoever listens then looks away for a while.
#pragma once

#include "injector/base/fd.h"
#include "injector/base/units.h"

namespace faultline {

class Newcomers {
 public:
  static constexpr Ns kDeaf = 200 * kMillisecond;

  /// Takes one from a listening socket, non-blocking and close-on-exec; nothing: there is none, or nothing to take it
  /// with, and nobody is to be taken for kDeaf from `now` (CLOCK_MONOTONIC) on.
  Fd take(int listening, Ns now);
  /// When newcomers may be taken again; in the past: now.
  Ns deaf_until() const { return deaf_until_; }
  bool were_refused() const { return deaf_until_ != 0; }  ///< ever, for want of descriptors
  bool is_deaf(Ns now) const { return now < deaf_until_; }

 private:
  Ns deaf_until_ = 0;
};

}  // namespace faultline
