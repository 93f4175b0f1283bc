// A plan's nodes as text, read back.
#include "injector/sketch/node_text.h"

#include <gtest/gtest.h>

#include "injector/plan/document.h"

namespace faultline::sketch {
namespace {

TEST(NodeText, ReadsBackAsTheSame) {
  const std::string text =
      "a = \"x\\\\ \\\" ${v} \\r\\n\\t\\u0000\\u001b \\u202e \\u00fc\"\nb = [1, -2, [\"x\"], []]\n\"c d\" = { e = "
      "true, \"\" = "
      "false, f = { g = [{ h = \"1\" }, { h = \"2\" }] } }\n'x.y' = 9223372036854775807\n";
  std::vector<plan::Diagnostic> mistakes;
  const plan::Node read = plan::read_document(text, mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes[0].message;
  std::string written;
  for (const auto& entry : read.entries) written += toml_key(entry.key) + " = " + toml_of(entry.value) + "\n";
  const plan::Node again = plan::read_document(written, mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes[0].message << written;
  ASSERT_EQ(again.entries.size(), 4u);
  EXPECT_EQ(again.find("a")->value.text, read.find("a")->value.text);
  std::string twice;
  for (const auto& entry : again.entries) twice += toml_key(entry.key) + " = " + toml_of(entry.value) + "\n";
  EXPECT_EQ(twice, written);
}

}  // namespace
}  // namespace faultline::sketch
