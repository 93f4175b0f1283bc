// Bytes that come in pieces, as lines: what a service writes into a pipe or a file. A line may be of any length; one
// that is longer than kLongestLine is handed out in pieces, so that nobody's memory grows with it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace faultline {

class Lines {
 public:
  static constexpr std::size_t kLongestLine = 16 << 10;  ///< bytes
  /// Without its line break, a carriage return before it included.
  using Take = std::function<void(std::string_view line)>;

  /// Hands out each line that is whole by now.
  void add(std::string_view bytes, const Take& take);
  /// Nothing more comes: hands out what is left, which has no line break.
  void finish(const Take& take);
  /// Forgets what is left: what comes next begins a line.
  void clear() { rest_.clear(); }

 private:
  std::string rest_;
};

}  // namespace faultline
