#include "injector/base/pattern.h"

#include <re2/re2.h>

#include <utility>

namespace faultline {
namespace {

constexpr std::int64_t kMostMemory = 1 << 20;  // bytes, of a pattern and of what matching it keeps
constexpr std::size_t kLongest = 1000;         // bytes of a pattern: far more than anybody reads

re2::RE2::Options options() {
  re2::RE2::Options options;
  options.set_max_mem(kMostMemory);
  options.set_log_errors(false);
  options.set_never_capture(true);
  return options;
}

}  // namespace

struct Pattern::Impl {
  explicit Impl(std::string_view text) : expression(re2::StringPiece(text.data(), text.size()), options()) {}
  re2::RE2 expression;
};

Read<Pattern> Pattern::parse(std::string_view text) {
  if (text.empty()) return {{}, "it is empty, which every line matches", "write a part of the line: \"is DOWN\""};
  if (text.size() > kLongest) return {{}, "it is too long", "at most 1000 bytes"};
  auto impl = std::make_shared<Impl>(text);
  if (!impl->expression.ok())
    return {
        {},
        "it is not a regular expression: " + impl->expression.error(),
        "write one of RE2's: \"server .* is DOWN\"; a character that means something is written with \\\\ before it"};
  Pattern pattern;
  pattern.impl_ = std::move(impl);
  return {std::move(pattern), {}, {}};
}

bool Pattern::matches(std::string_view line) const {
  return impl_ && re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), impl_->expression);
}

}  // namespace faultline
