// The tables of pages: what a cell carries with it, so that a narrow screen can do without columns.
#include "injector/report/table.h"

#include <gtest/gtest.h>

namespace faultline::report {
namespace {

using Of = Table::Of;

TEST(Table, EachCellCarriesItsColumnsHeading) {
  Table table({{"", Of::mark}, {"who", Of::name}, {"bytes\nsent", Of::number, "of \"all\""}});
  EXPECT_TRUE(table.empty());
  table.row("first").cell("✗", "broken", "it broke").cell("<b>shop</b>").cell("12", "dim");
  EXPECT_FALSE(table.empty());
  EXPECT_EQ(table.html(),
            "<div class=\"wide\"><table><thead><tr><th></th><th>who</th><th class=\"n\" title=\"of &quot;all&quot;\">"
            "bytes<br>sent</th></tr></thead>\n"
            "<tbody><tr class=\"first\"><td class=\"mark broken\" title=\"it broke\">✗</td><td class=\"name\" "
            "data-label=\"who\"><b>shop</b></td><td class=\"n dim\" data-label=\"bytes sent\">12</td></tr>\n"
            "</tbody></table></div>\n");
}

TEST(Table, ACellAcrossTheRestHasNoHeading) {
  Table table({{"a"}, {"b"}, {"c"}}, "narrow");
  table.row().cell("1").rest("nothing").row().cell("2");
  EXPECT_NE(table.html().find("<table class=\"narrow\">"), std::string::npos);
  EXPECT_NE(table.html().find("<tr><td data-label=\"a\">1</td><td colspan=\"2\">nothing</td></tr>\n<tr><td "
                              "data-label=\"a\">2</td></tr>\n"),
            std::string::npos)
      << table.html();
}

TEST(Table, HeadingsThatUsersWriteCannotBecomeMarkup) {
  Table table({{"<script>\"", Of::text}, {""}});
  table.row().cell("1").cell("");
  EXPECT_EQ(table.html().find("<script>"), std::string::npos) << table.html();
  EXPECT_NE(table.html().find("data-label=\"&lt;script&gt;&quot;\""), std::string::npos) << table.html();
}

}  // namespace
}  // namespace faultline::report
