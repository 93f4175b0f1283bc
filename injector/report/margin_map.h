// Margins side by side: how much of one value of a fault a service bears, for each of some values of another. Each is a
// search in a folder of its own with a margin.json; this record says which there are, and how they look together.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "injector/record/fields.h"
#include "injector/report/margin.h"

namespace faultline::report {

struct MarginRow {
  std::string value, folder, end;
  std::optional<std::string> held, broken;

  static constexpr const char* shape = "row of a map";
  static constexpr auto fields =
      std::tuple{record::field("value", &MarginRow::value, "of `against`"),
                 record::field("folder", &MarginRow::folder, "of the search, below this one"),
                 record::field("end", &MarginRow::end, "as in margin.json; empty: it was not searched to its end"),
                 record::field("held", &MarginRow::held, "the severest value at which all hypotheses held"),
                 record::field("broken", &MarginRow::broken, "the mildest at which one did not")};
};

/// margin_map.json
struct MarginMap : MarginAsked {
  std::string against;
  std::vector<MarginRow> rows;

  static constexpr auto fields =
      std::tuple{record::Among<MarginAsked>{"what was asked for, of every row"},
                 record::field("against", &MarginMap::against, "the value that each row has another of"),
                 record::field("rows", &MarginMap::rows, "a search each, in the order that was asked for")};
};

inline constexpr const char* kMarginMapFile = "margin_map.json";

/// Absent where the folder has none. Throws Failure(invalid) for one that is damaged.
std::optional<MarginMap> read_margin_map(const std::filesystem::path& folder);
/// margin_map.json and report.html, with what the searches in the folder have come to.
void write_margin_map(const std::filesystem::path& folder, MarginMap& map);

Visible render_margin_map(const MarginMap& map, const std::filesystem::path& folder, bool color);
/// A page: the map, and a link to each search. `searches` are by row; absent: there is no record of it.
std::string margin_map_page(const MarginMap& map, const std::vector<std::optional<Margin>>& searches);

}  // namespace faultline::report
