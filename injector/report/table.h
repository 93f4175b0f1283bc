// A table of a page. Each cell carries its column's heading, as `data-label`: where a screen is too narrow for columns,
// page.css makes of a row a block of headings and values, which needs no script. So no page writes a <td> of its own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::report {

class Table {
 public:
  /// A name says what its row is about: a narrow screen has it on a line of its own. A mark is understood without its
  /// heading.
  enum class Of { text, number, name, mark };
  /// Texts, not yet HTML; '\n' breaks a heading in two.
  struct Column {
    std::string head;
    Of of = Of::text;
    std::string title = {};
  };

  /// `look` is a class of page.css, as is a row's and a cell's.
  explicit Table(std::vector<Column> columns, std::string look = "");
  /// Begins a row; its cells follow from left to right.
  Table& row(std::string_view look = "");
  /// `html` is HTML already, `title` a text.
  Table& cell(std::string_view html, std::string_view look = "", std::string_view title = "");
  /// A cell across all columns that are left.
  Table& rest(std::string_view html, std::string_view look = "");
  bool empty() const { return rows_.empty(); }
  std::string html() const;

 private:
  void add(std::string_view opening, std::string look, std::string_view title, std::string_view html);

  std::vector<Column> columns_;
  std::string look_, rows_;
  std::size_t at_ = 0;  ///< the column of the next cell
};

}  // namespace faultline::report
