#include "injector/base/shell.h"

#include <gtest/gtest.h>

#include "tests/harness/command.h"

namespace faultline {
namespace {

TEST(Shell, LeavesPlainWordsAlone) {
  EXPECT_EQ(shell_line({"faultline", "run", "/a/b.toml", "--var", "loss=25%", "--scale", "1:30"}),
            "faultline run /a/b.toml --var loss=25% --scale 1:30");
}

TEST(Shell, QuotedWordsComeBackAsTheyWere) {
  for (const std::string word : {"", "two words", "it's", "$HOME", "`id`", "a;b", "a\nb", "\x1b]0;x\x07", "tab\t'q'\\",
                                 "*?[]", "\"", "!x", "~", "#c", "a=b c", "µ", "µ\xe2\x80\xae\xff"}) {
    const auto said = test::say_all({"bash", "-c", "printf %s " + shell_quoted(word)});
    EXPECT_EQ(said.out, word) << shell_quoted(word);
  }
}

}  // namespace
}  // namespace faultline
