// One row of a terminal: text that never gets wider than the terminal, whatever is in it. What cannot be seen is
// written out (visible_text.h), so that a title cannot move the cursor; East Asian characters count two columns.
#pragma once

#include <climits>
#include <cstddef>
#include <string>
#include <string_view>

#include "injector/base/visible_text.h"

namespace faultline::screen {

struct Look {
  int width = 80;
  int height = 24;
  bool color = false;
  bool utf8 = false;
};

/// Columns that a text takes once it is visible, on one line.
int columns(std::string_view text);
inline constexpr int kUncut = INT_MAX;
/// `text` made visible, cut to `width` columns.
std::string clipped(std::string_view text, int width = kUncut);

class Row {
 public:
  explicit Row(const Look& look) : look_(look) {}
  /// Adds what fits. `style` is an SGR code such as "1;32", used only in colour.
  Row& add(std::string_view text, const char* style = nullptr);
  Row& pad_to(int column);
  int used() const { return used_; }
  int room() const { return look_.width - used_; }
  const Visible& text() const { return text_; }

 private:
  Look look_;
  Visible text_;
  int used_ = 0;
};

}  // namespace faultline::screen
