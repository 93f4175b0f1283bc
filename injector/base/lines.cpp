#include "injector/base/lines.h"

#include <utility>

namespace faultline {

void Lines::add(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end).substr(0, kLongestLine - rest_.size());
    const bool broken = piece.size() == end;
    bytes.remove_prefix(piece.size() + (broken ? 1 : 0));
    rest_ += piece;
    if (!broken && rest_.size() < kLongestLine) return;
    std::string line = std::exchange(rest_, {});
    if (broken && line.ends_with('\r')) line.pop_back();
    take(line);
  }
}

void Lines::finish(const Take& take) {
  if (rest_.empty()) return;
  take(std::exchange(rest_, {}));
}

}  // namespace faultline
