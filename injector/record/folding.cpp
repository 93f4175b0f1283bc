#include "injector/record/folding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "injector/base/text.h"

namespace faultline::record {
namespace {

constexpr Ns kHoldBack = 10 * kSecond;
constexpr const char* kLapse = "faults were off meanwhile";

bool of_a_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

/// The text without its names and numbers: each word that has a digit in it stands for all such.
std::string kind_of(const Remark& remark) {
  if (remark.lapse > 0) return "lapse";
  std::string key, word;
  bool digit = false;
  const auto put = [&] {
    key += digit ? "#" : word;
    word.clear();
    digit = false;
  };
  for (const char c : remark.text) {
    if (of_a_word(c)) {
      word += c;
      digit |= c >= '0' && c <= '9';
      continue;
    }
    put();
    key += c;
  }
  put();
  return key;
}

std::string at(const std::optional<Ns>& when) {
  return when ? fmt::format(" at {:.1f} s", static_cast<double>(std::max<Ns>(*when, 0)) / kSecond) : "";
}

/// All of one kind.
std::string told(const std::vector<Remark>& alike) {
  const Remark& first = alike.front();
  if (first.lapse > 0) {
    const auto& longest =
        *std::max_element(alike.begin(), alike.end(), [](const auto& a, const auto& b) { return a.lapse < b.lapse; });
    if (alike.size() == 1)
      return fmt::format("the injector got no CPU for {}{}: {}", short_duration(first.lapse), at(first.when), kLapse);
    return fmt::format("the injector got no CPU: {} lapses, longest {},{}: {}", alike.size(),
                       short_duration(longest.lapse), at(longest.when), kLapse);
  }
  if (alike.size() == 1) return first.text;
  const bool same = std::all_of(alike.begin(), alike.end(), [&](const auto& r) { return r.text == first.text; });
  const std::string last = at(alike.back().when);
  return same ? fmt::format("{} ({} times{}{})", first.text, alike.size(), last.empty() ? "" : ", the last", last)
              : fmt::format("{} (and {} more like it{}{})", first.text, alike.size() - 1,
                            last.empty() ? "" : ", the last", last);
}

}  // namespace

std::vector<std::string> folded(const std::vector<Remark>& remarks) {
  std::vector<std::pair<std::string, std::vector<Remark>>> kinds;
  for (const auto& remark : remarks) {
    const std::string key = kind_of(remark);
    auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.first == key; });
    if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {key, {}});
    kind->second.push_back(remark);
  }
  std::vector<std::string> texts;
  for (const auto& [key, alike] : kinds) texts.push_back(told(alike));
  return texts;
}

std::optional<std::string> Folding::add(Remark remark, Ns now) {
  const std::string key = kind_of(remark);
  for (auto& kind : kinds_) {
    if (kind.key != key) continue;
    kind.held.push_back(std::move(remark));
    return {};
  }
  kinds_.push_back({key, {}, now});
  return told({remark});
}

std::vector<std::string> Folding::due(Ns now, bool end) {
  std::vector<std::string> texts;
  for (auto& kind : kinds_) {
    if (kind.held.empty() || (!end && now - kind.told < kHoldBack)) continue;
    texts.push_back(told(kind.held));
    kind.held.clear();
    kind.told = now;
  }
  return texts;
}

}  // namespace faultline::record
