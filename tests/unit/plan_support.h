// What the tests of the plan parser share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "injector/plan/parse.h"

namespace faultline::plan {

inline Parsed parse(const std::string& text, const ParseOptions& options = {}) {
  return parse_text(text, "/plans/shop.toml", options);
}

/// A text that has no mistakes, with what was found otherwise.
inline Plan parse_good(const std::string& text, const ParseOptions& options = {}) {
  auto parsed = parse(text, options);
  EXPECT_TRUE(parsed.ok()) << render(parsed);
  return std::move(parsed.plan);
}

/// The only mistake of a text must contain `message`, and its hint `hint`; returns it for further looks.
inline Diagnostic only_mistake(const std::string& text, const std::string& message, const std::string& hint = "",
                               const ParseOptions& options = {}) {
  const auto parsed = parse(text, options);
  EXPECT_EQ(parsed.diagnostics.size(), 1u) << text << "\n" << render(parsed);
  if (parsed.diagnostics.empty()) return {};
  const auto& first = parsed.diagnostics.front();
  EXPECT_NE(first.message.find(message), std::string::npos) << "expected: " << message << "\n" << render(parsed);
  EXPECT_NE(first.hint.find(hint), std::string::npos) << "expected: " << hint << "\n" << render(parsed);
  return first;
}

/// One of the mistakes of a text must contain `message`.
inline bool has_mistake(const Parsed& parsed, const std::string& message) {
  return std::any_of(parsed.diagnostics.begin(), parsed.diagnostics.end(),
                     [&](const Diagnostic& d) { return d.message.find(message) != std::string::npos; });
}

/// A target, a probe and a degrade fault from 5s to 15s: something to add to. Five lines of fault come last.
inline const std::string kSmall = R"([targets.shop]
netns = "shop"
[probes.pay]
icmp = "10.0.0.1"
[[faults]]
kind = "degrade"
on = "shop"
start = "5s"
for = "10s"
delay = "10ms"
)";

}  // namespace faultline::plan
