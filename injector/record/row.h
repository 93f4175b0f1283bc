// One row of a terminal: text that never gets wider than the terminal, whatever is in it. Control characters from plans
// and services are shown as '?', so that a title cannot move the cursor; East Asian characters count two columns.
#pragma once

#include <climits>
#include <cstddef>
#include <string>
#include <string_view>

namespace faultline::record {

struct Look {
  int width = 80;
  int height = 24;
  bool color = false;
  bool utf8 = false;
};

/// Columns that a UTF-8 text takes.
int columns(std::string_view text);
inline constexpr int kUncut = INT_MAX;
/// `text` without control characters, cut to `width` columns.
std::string clipped(std::string_view text, int width = kUncut);

class Row {
 public:
  explicit Row(const Look& look) : look_(look) {}
  /// Adds what fits. `style` is an SGR code such as "1;32", used only in colour.
  Row& add(std::string_view text, const char* style = nullptr);
  Row& pad_to(int column);
  int used() const { return used_; }
  int room() const { return look_.width - used_; }
  const std::string& text() const { return text_; }

 private:
  Look look_;
  std::string text_;
  int used_ = 0;
};

}  // namespace faultline::record
