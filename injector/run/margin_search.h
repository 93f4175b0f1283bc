// The largest fault that a service bears, found by halving: between a value at which all hypotheses hold and one at
// which they do not, the middle is tried, until the two are near enough. A service answers with some chance near its
// limit, so both ends are tried again before they are believed, and the more frequent answer counts. Pure arithmetic:
// who tries a value, and how, is the caller's.
#pragma once

#include <map>
#include <optional>
#include <vector>

namespace faultline::run {

enum class Tried { held, broken, unknown };

class MarginSearch {
 public:
  /// `from` is mild, `to` severe, whichever is the larger number; both above 0, or the middle is the arithmetic one.
  /// `within`: how near the two ends must be, as a share of the larger.
  MarginSearch(double from, double to, double within);

  /// The value to try next; nothing: it is done.
  std::optional<double> next() const;
  void add(double value, Tried result);

  /// What the search came to.
  enum class End { found, none_held, all_held, unknown };
  struct Margin {
    End end = End::unknown;
    std::optional<double> held;    ///< the severest value that holds
    std::optional<double> broken;  ///< the mildest that does not
  };
  Margin margin() const;

  struct Count {
    int held = 0, broken = 0, unknown = 0;
    int decided() const { return held + broken; }
  };
  const std::map<double, Count>& counts() const { return counts_; }

  static constexpr int kMostRuns = 60, kMostUnknown = 3;

 private:
  struct Ends {
    std::optional<double> held, broken;
  };
  /// The last value that holds, from the mild end on, before the first that does not.
  Ends ends() const;
  std::vector<double> from_mild_to_severe() const;
  const Count* find(double value) const;
  std::optional<bool> holds(double value) const;
  bool believed(double value) const;
  std::optional<double> middle(double held, double broken) const;

  double from_, to_, within_;
  std::map<double, Count> counts_;
  int runs_ = 0;
};

}  // namespace faultline::run
