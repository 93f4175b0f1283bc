// A regular expression of a plan, which may be a stranger's, against lines of a service, which is one. RE2 matches in
// time that grows with the line and the pattern, and in bounded memory, whatever the two are: no pattern makes a run
// late (docs/dependencies.md). The language is that of RE2: no back references and no looking around.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "injector/base/read.h"

namespace faultline {

class Pattern {
 public:
  /// Any text; why it is not a pattern, where it is none.
  static Read<Pattern> parse(std::string_view text);

  /// Whether some part of `line` matches; it need not be UTF-8.
  bool matches(std::string_view line) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace faultline
