#include "injector/plan/trace_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "faults/limits.h"
#include "injector/plan/values.h"

namespace faultline::plan {
namespace {

constexpr std::size_t kMaxMistakes = 20;  ///< of one file; a wrong column is wrong in every row
constexpr double kLongestTime = 366.0 * 24 * 3600 * kSecond;

using Figure = double faults::ProfilePoint::*;  // null: the time

/// What a column's header means. A null figure is the time.
struct Column {
  std::string_view name;
  Figure figure = nullptr;
  double unit = 0;  ///< of a number in it; 0: its cells are written as in a plan, with their units
  enum class Sort { time, chance, rate } sort = Sort::time;
};

struct Quantity {
  std::string_view name;
  Figure figure;
  Column::Sort sort;
};
constexpr std::array<Quantity, 5> kQuantities{{{"time", nullptr, Column::Sort::time},
                                               {"delay", &faults::ProfilePoint::delay, Column::Sort::time},
                                               {"jitter", &faults::ProfilePoint::jitter, Column::Sort::time},
                                               {"loss", &faults::ProfilePoint::loss, Column::Sort::chance},
                                               {"rate", &faults::ProfilePoint::rate, Column::Sort::rate}}};
struct ColumnUnit {
  std::string_view name;
  Column::Sort sort;
  double size;
};
constexpr std::array<ColumnUnit, 10> kColumnUnits{{{"s", Column::Sort::time, 1e9},
                                                   {"ms", Column::Sort::time, 1e6},
                                                   {"us", Column::Sort::time, 1e3},
                                                   {"ns", Column::Sort::time, 1},
                                                   {"percent", Column::Sort::chance, 0.01},
                                                   {"ratio", Column::Sort::chance, 1},
                                                   {"bit", Column::Sort::rate, 1},
                                                   {"kbit", Column::Sort::rate, 1e3},
                                                   {"mbit", Column::Sort::rate, 1e6},
                                                   {"gbit", Column::Sort::rate, 1e9}}};

/// Every header there is: "time", "time_s", …, "rate_gbit".
std::vector<std::string> known_columns() {
  std::vector<std::string> names;
  for (const auto& quantity : kQuantities) {
    names.emplace_back(quantity.name);
    for (const auto& unit : kColumnUnits)
      if (unit.sort == quantity.sort) names.push_back(fmt::format("{}_{}", quantity.name, unit.name));
  }
  return names;
}

std::optional<Column> read_column(std::string_view header) {
  const auto underscore = header.find('_');
  const auto base = header.substr(0, underscore);
  for (const auto& quantity : kQuantities) {
    if (quantity.name != base) continue;
    if (underscore == std::string_view::npos) return Column{header, quantity.figure, 0, quantity.sort};
    for (const auto& unit : kColumnUnits)
      if (unit.sort == quantity.sort && unit.name == header.substr(underscore + 1))
        return Column{header, quantity.figure, unit.size, quantity.sort};
  }
  return std::nullopt;
}

struct Cell {
  std::string_view text;
  std::uint32_t column;  ///< of its first character, from 1
};

constexpr std::string_view kBlank = " \t\r";

/// A line's cells, without blanks and quotes around them. None: an empty line, or a comment.
std::vector<Cell> cells_of(std::string_view line) {
  std::vector<Cell> cells;
  const auto first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos || line[first] == '#') return cells;
  std::size_t from = 0;
  while (true) {
    const auto comma = std::min(line.find(',', from), line.size());
    std::size_t begin = from, end = comma;
    while (begin < end && kBlank.find(line[begin]) != std::string_view::npos) ++begin;
    while (end > begin && kBlank.find(line[end - 1]) != std::string_view::npos) --end;
    if (end - begin >= 2 && line[begin] == '"' && line[end - 1] == '"') {
      ++begin;
      --end;
    }
    cells.push_back({line.substr(begin, end - begin), static_cast<std::uint32_t>(begin + 1)});
    if (comma == line.size()) return cells;
    from = comma + 1;
  }
}

std::optional<double> read_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

class TraceReader {
 public:
  TraceReader(const std::string& file, std::string_view text, double scale, Issues& issues)
      : file_(file), rest_(text), scale_(scale), issues_(issues) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // a byte order mark
  }

  std::optional<faults::Profile> read() {
    std::vector<Cell> head;
    while (head.empty()) {
      if (!next_line()) {
        error(1, "the file is empty", "its first line names its columns, such as time_s,delay_ms");
        return std::nullopt;
      }
      head = cells_of(line_);
    }
    if (head.size() == 1 && read_number(head[0].text))
      read_mahimahi(head[0]);
    else
      read_csv(head);
    if (mistakes_ > 0) return std::nullopt;
    return std::move(profile_);
  }

 private:
  bool next_line() {
    if (rest_.empty()) return false;
    const auto end = rest_.find('\n');
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    return true;
  }

  void error(std::uint32_t column, const std::string& message, std::string hint) {
    if (++mistakes_ <= kMaxMistakes) issues_.error_in(file_, {std::max(1u, number_), column}, message, std::move(hint));
  }
  Ns scaled(double time) const { return static_cast<Ns>(std::llround(time / scale_)); }
  bool enough() const { return mistakes_ >= kMaxMistakes; }

  void read_csv(const std::vector<Cell>& head) {
    std::vector<Column> columns;
    for (const Cell& cell : head) {
      const auto column = read_column(cell.text);
      const auto known = known_columns();
      if (!column) {
        const bool numbers = read_number(cell.text).has_value();
        error(cell.column, "unknown column",
              numbers ? "the first line names the columns, such as time_s,delay_ms"
                      : issues_.suggest(cell.text, known,
                                        "columns are time, delay, jitter, loss and rate, with a unit behind: time_s, "
                                        "delay_ms, loss_percent, rate_mbit"));
      } else {
        for (const Column& other : columns)
          if (other.figure == column->figure)
            error(cell.column, fmt::format("this column and another say the same: {}", column->name),
                  "give each figure one column");
        columns.push_back(*column);
      }
    }
    if (mistakes_ > 0) return;
    if (std::none_of(columns.begin(), columns.end(), [](const Column& c) { return c.figure == nullptr; }))
      return error(1, "there is no column for the time", "add a column time_s or time_ms");
    if (columns.size() == 1)
      return error(1, "there is no column beside the time", "add a column such as delay_ms, loss_percent or rate_mbit");
    while (!enough() && next_line()) {
      const auto cells = cells_of(line_);
      if (!cells.empty()) read_row(columns, cells);
    }
    if (profile_.empty() && mistakes_ == 0) error(1, "there are no rows below the header", "add at least one");
  }

  void read_row(const std::vector<Column>& columns, const std::vector<Cell>& cells) {
    if (cells.size() != columns.size())
      return error(
          cells.size() > columns.size() ? cells[columns.size()].column : static_cast<std::uint32_t>(line_.size() + 1),
          fmt::format("the row has {} cells, the header {}", cells.size(), columns.size()), "");
    faults::ProfilePoint point;
    double time = 0;
    std::uint32_t time_column = 1;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto value = read_cell(columns[i], cells[i]);
      if (!value) return;
      if (columns[i].figure) {
        point.*(columns[i].figure) = *value;
      } else {
        time = *value;
        time_column = cells[i].column;
      }
    }
    if (!begun_) first_ = time;
    begun_ = true;
    if (time < last_time_)
      return error(time_column, "this row is earlier than the one above it", "rows stand in the order of their times");
    last_time_ = time;
    if (time - first_ > kLongestTime)
      return error(time_column, "this row is more than a year after the first", "times count from the first row");
    if (point.delay + point.jitter > static_cast<double>(faults::kMaxHold))
      return error(1, "delay and jitter of this row would hold a packet for longer than 100 s",
                   "keep their sum within 100 s");
    point.at = scaled(time - first_);
    profile_.push_back(point);
  }

  std::optional<double> read_cell(const Column& column, const Cell& cell) {
    const auto wrong = [&](std::string_view what, std::string hint) {
      error(cell.column, fmt::format("{}: this cell {}", column.name, what), std::move(hint));
      return std::nullopt;
    };
    if (cell.text.empty()) return wrong("is empty", "every row gives every figure");
    double value = 0;
    if (column.unit == 0 && column.sort == Column::Sort::time) {
      const auto read = read_duration(cell.text);
      if (!read.value)
        return wrong("is not a duration with a unit",
                     fmt::format("write \"300ms\", or name the column {}_ms", column.name));
      value = static_cast<double>(*read.value);
    } else if (column.unit == 0 && column.sort == Column::Sort::chance) {
      const auto read = read_probability(cell.text);
      if (!read.value)
        return wrong("is not a percentage", fmt::format("write \"5%\", or name the column {}_percent", column.name));
      value = *read.value;
    } else if (column.unit == 0) {
      const auto read = read_rate(cell.text);
      if (!read.value)
        return wrong("is not a rate", fmt::format("write \"10mbit\", or name the column {}_mbit", column.name));
      value = *read.value;
    } else {
      const auto read = read_number(cell.text);
      if (!read) return wrong("is not a number", "");
      if (*read < 0) return wrong("is negative", "");
      value = *read * column.unit;
    }
    if (column.sort == Column::Sort::chance && value > 1)
      return wrong("is more than 100 percent", "a loss is at most 100 percent");
    if (column.sort == Column::Sort::rate && value == 0)
      return wrong("is zero: nothing would ever pass", "a link that is down has a loss of 100 percent");
    if (column.sort == Column::Sort::rate &&
        (value < static_cast<double>(FL_RATE_MIN) || value > static_cast<double>(FL_RATE_MAX)))
      return wrong("is out of range", "rates are between 1 kbit and 1000 gbit");
    if (column.sort == Column::Sort::time && column.figure && value > static_cast<double>(faults::kMaxHold))
      return wrong("is too long", "at most 100 s");
    return value;
  }

  void read_mahimahi(Cell first) {
    Ns cell_start = 0, cell_end = kMahimahiCell, last = 0;
    double packets = 0;
    const auto add = [&](Ns at, double rate) {
      profile_.push_back({.at = scaled(static_cast<double>(at)), .rate = rate});
    };
    const auto close = [&](Ns end) {
      if (packets == 0) return;  // the cell goes on until a packet passes
      const double rate = std::clamp(packets * kMahimahiBits * kSecond / static_cast<double>(end - cell_start),
                                     static_cast<double>(FL_RATE_MIN), static_cast<double>(FL_RATE_MAX));
      add(cell_start, rate);
      cell_start = end;
      packets = 0;
    };
    for (std::vector<Cell> cells{first}; !enough();) {
      if (!cells.empty()) {
        std::uint64_t ms = 0;
        const auto text = cells[0].text;
        const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), ms);
        if (bad != std::errc() || end != text.data() + text.size() || cells.size() > 1) {
          error(cells[0].column, "not a number of milliseconds",
                "a mahimahi trace has one whole number a line; CSV has a first line that names its columns");
        } else if (static_cast<double>(ms) * 1e6 > kLongestTime) {
          error(cells[0].column, "more than a year", "");
        } else if (const Ns t = static_cast<Ns>(ms) * kMillisecond; t < last) {
          error(cells[0].column, "this line is earlier than the one above it",
                "lines stand in the order of their times");
        } else {
          if (t > cell_end) {  // cells begin after their first instant: what passes at 20 ms is of the first 20 ms
            close(cell_end);
            cell_end = (t + kMahimahiCell - 1) / kMahimahiCell * kMahimahiCell;
          }
          last = t;
          packets++;
        }
      }
      if (!next_line()) break;
      cells = cells_of(line_);
    }
    if (mistakes_ > 0) return;
    if (last == 0)
      return error(1, "every line is at 0 ms: the trace has no length", "the last line says how long the trace is");
    close(last);
    add(last, profile_.back().rate);
  }

  const std::string& file_;
  std::string_view rest_, line_;
  double scale_;
  Issues& issues_;
  std::uint32_t number_ = 0;
  std::size_t mistakes_ = 0;
  faults::Profile profile_;
  bool begun_ = false;
  double first_ = 0, last_time_ = 0;
};

}  // namespace

std::optional<faults::Profile> read_trace(const std::string& file, std::string_view text, double scale,
                                          Issues& issues) {
  return TraceReader(file, text, scale, issues).read();
}

}  // namespace faultline::plan
