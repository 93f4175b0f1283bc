#include "injector/plan/samples_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "injector/plan/values.h"

namespace faultline::plan {
namespace {

constexpr std::size_t kMaxMistakesOfSamples = 20;       ///< of one file
constexpr double kSmallest = -32768, kLargest = 32767;  ///< tc's own bounds of a table's numbers
/// Of a table's numbers, whose deviation should be 1: what lies outside was measured, and its units were left out.
constexpr double kLeastDeviation = 0.2, kMostDeviation = 5;
constexpr std::string_view kBetween = " \t\r,";

class SamplesReader {
 public:
  SamplesReader(const std::string& file, Issues& issues) : file_(file), issues_(issues) {}

  std::optional<std::vector<double>> read(std::string_view text) {
    while (!text.empty() && mistakes_ < kMaxMistakesOfSamples) {
      const auto end = std::min(text.find('\n'), text.size());
      line_ = text.substr(0, end);
      number_++;
      read_line();
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (mistakes_ == 0 && values_.size() < 2)
      error(1, "a distribution takes two values or more",
            "write the delays that were measured, such as 12.4ms, one a line");
    if (mistakes_ > 0) return std::nullopt;
    std::sort(values_.begin(), values_.end());
    if (values_.front() == values_.back()) {
      error(1, "all values are the same: there is no jitter in them", "leave the table out, and use delay alone");
      return std::nullopt;
    }
    const auto [mean, deviation] = moments();
    if (*measured_) {
      for (double& value : values_) value = (value - mean) / deviation;
    } else if (deviation < kLeastDeviation || deviation > kMostDeviation) {
      error(1,
            "this is not a table of tc's: its numbers would have a standard deviation of about 8192, and these are far "
            "from that",
            "measured delays need their units: 12.4ms");
      return std::nullopt;
    }
    return std::move(values_);
  }

 private:
  void error(std::size_t column, const std::string& message, std::string hint) {
    mistakes_++;
    issues_.error_in(file_, {std::max(1u, number_), static_cast<std::uint32_t>(column)}, message, std::move(hint));
  }

  void read_line() {
    const std::string_view content = line_.substr(0, line_.find('#'));
    for (std::size_t at = content.find_first_not_of(kBetween); at < content.size();
         at = content.find_first_not_of(kBetween, at)) {
      const auto end = std::min(content.find_first_of(kBetween, at), content.size());
      read_value(content.substr(at, end - at), at + 1);
      if (mistakes_ >= kMaxMistakesOfSamples) return;
      at = end;
    }
  }

  void read_value(std::string_view word, std::size_t column) {
    if (values_.size() == kMostSamples)
      return error(column, fmt::format("there are more than {} values", kMostSamples),
                   "take a part of them: a distribution needs some thousands");
    double number = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
    const bool bare = failed == std::errc() && end == word.data() + word.size() && std::isfinite(number);
    if (!measured_) measured_ = !bare;
    if (bare == *measured_)
      return error(
          column,
          fmt::format("this value {} a unit, those before it {}", bare ? "has not" : "has", bare ? "have" : "have not"),
          "measured delays have units (12.4ms), the numbers of tc's tables have none");
    if (bare) {
      if (number < kSmallest || number > kLargest)
        return error(column, fmt::format("this value is outside of {} to {}", kSmallest, kLargest),
                     "a table has deviations, in units of 1/8192");
      values_.push_back(number / kTableScale);
      return;
    }
    const auto delay = read_duration(word);
    if (!delay.value)
      return error(column, "expected a delay with its unit, or a number",
                   "write the delays that were measured, such as 12.4ms, one a line");
    values_.push_back(static_cast<double>(*delay.value));
  }

  /// Mean and standard deviation.
  std::pair<double, double> moments() const {
    const auto count = static_cast<double>(values_.size());
    const double mean = std::accumulate(values_.begin(), values_.end(), 0.0) / count;
    double squares = 0;
    for (const double value : values_) squares += (value - mean) * (value - mean);
    return {mean, std::sqrt(squares / count)};
  }

  const std::string& file_;
  Issues& issues_;
  std::string_view line_;
  std::uint32_t number_ = 0;
  std::size_t mistakes_ = 0;
  std::vector<double> values_;
  std::optional<bool> measured_;  ///< delays with units; false: a table's numbers
};

}  // namespace

std::optional<std::vector<double>> read_samples(const std::string& file, std::string_view text, Issues& issues) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  return SamplesReader(file, issues).read(text);
}

}  // namespace faultline::plan
