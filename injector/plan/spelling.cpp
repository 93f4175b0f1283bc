#include <algorithm>
#include <array>

#include "injector/plan/values.h"

namespace faultline::plan {

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  };
  const std::string a = lower(word);
  constexpr std::size_t kLongest = 64;
  if (a.empty() || a.size() > kLongest) return {};
  std::size_t best = std::max<std::size_t>(1, a.size() / 3) + 1;
  std::string nearest;
  for (const auto& candidate : known) {
    if (candidate.size() + best <= a.size() || a.size() + best <= candidate.size()) continue;
    const std::string b = lower(candidate);
    // Edit distance in which two swapped neighbours count once: rows i-2, i-1 and i of the table.
    std::array<std::array<std::size_t, 2 * kLongest + 1>, 3> rows{};
    if (b.size() > 2 * kLongest) continue;
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      auto& row = rows[i % 3];
      const auto& above = rows[(i + 2) % 3];
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
          row[j] = std::min(row[j], rows[(i + 1) % 3][j - 2] + 1);
      }
    }
    const std::size_t distance = rows[a.size() % 3][b.size()];
    if (distance < best && distance < std::max(a.size(), b.size())) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace faultline::plan
