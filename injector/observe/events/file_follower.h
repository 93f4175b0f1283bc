// Follows a file of this machine that somebody writes to: each line that comes after the beginning. One that is renamed
// away and made anew (logrotate) is read to its end and then left for the new one; one that is cut short (copytruncate)
// is read from its beginning; one that is not there yet is read from its beginning when it comes.
#pragma once

#include <sys/stat.h>

#include <string>

#include "injector/base/fd.h"
#include "injector/base/lines.h"

namespace faultline::observe {

class FileFollower {
 public:
  /// Of a file that is there, what it holds by now is not looked at.
  explicit FileFollower(std::string path);

  static constexpr off_t kMostAtOnce = 4 << 20;  ///< bytes of a look: whoever waits for it is not held up

  /// Hands out the lines that came since the last call, of kMostAtOnce at most: whether these were all. A file that
  /// only grows loses none; of one that is cut short and grows beyond what it was between two calls, the beginning is
  /// lost.
  bool look(const Lines::Take& take);
  /// Why it cannot be read now; empty: it can.
  const std::string& trouble() const { return trouble_; }

 private:
  void open(bool at_end);
  /// Whether it came to the end: of much it takes a part at a time.
  bool read(const Lines::Take& take);
  /// Whether the path stands for another file than the one that is open.
  bool was_replaced() const;

  const std::string path_;
  Fd file_;
  off_t offset_ = 0;
  Lines lines_;
  std::string trouble_;
};

}  // namespace faultline::observe
