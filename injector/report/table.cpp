#include "injector/report/table.h"

#include <fmt/format.h>

#include <utility>

#include "injector/report/chart.h"

namespace faultline::report {
namespace {

std::string attribute(const char* name, const std::string& value) {
  return value.empty() ? "" : fmt::format(" {}=\"{}\"", name, value);
}

/// A heading, its lines apart by `by`.
std::string heading(const std::string& text, const char* by) {
  const auto end = text.find('\n');
  return end == std::string::npos ? escaped(text) : escaped(text.substr(0, end)) + by + escaped(text.substr(end + 1));
}

/// The class by which page.css knows a column.
const char* class_of(Table::Of of) {
  switch (of) {
    case Table::Of::number:
      return "n";
    case Table::Of::name:
      return "name";
    case Table::Of::mark:
      return "mark";
    case Table::Of::text:
      break;
  }
  return "";
}

std::string joined(std::string a, std::string_view b) {
  if (!a.empty() && !b.empty()) a += ' ';
  return a.append(b);
}

}  // namespace

Table::Table(std::vector<Column> columns, std::string look) : columns_(std::move(columns)), look_(std::move(look)) {}

Table& Table::row(std::string_view look) {
  rows_ += fmt::format("{}<tr{}>", rows_.empty() ? "" : "</tr>\n", attribute("class", std::string(look)));
  at_ = 0;
  return *this;
}

void Table::add(std::string_view opening, std::string look, std::string_view title, std::string_view html) {
  rows_ += fmt::format("<td{}{}{}>{}</td>", attribute("class", look), opening,
                       attribute("title", escaped(std::string(title))), html);
}

Table& Table::cell(std::string_view html, std::string_view look, std::string_view title) {
  const Column& column = columns_.at(at_++);
  add(attribute("data-label", heading(column.head, " ")), joined(class_of(column.of), look), title, html);
  return *this;
}

Table& Table::rest(std::string_view html, std::string_view look) {
  add(fmt::format(" colspan=\"{}\"", columns_.size() - at_), std::string(look), "", html);
  at_ = columns_.size();
  return *this;
}

std::string Table::html() const {
  std::string heads;
  for (const auto& column : columns_)
    heads += fmt::format("<th{}{}>{}</th>", attribute("class", column.of == Of::number ? "n" : ""),
                         attribute("title", escaped(column.title)), heading(column.head, "<br>"));
  return fmt::format("<div class=\"wide\"><table{}><thead><tr>{}</tr></thead>\n<tbody>{}{}</tbody></table></div>\n",
                     attribute("class", look_), heads, rows_, empty() ? "" : "</tr>\n");
}

}  // namespace faultline::report
