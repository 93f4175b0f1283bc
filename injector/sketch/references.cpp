#include "injector/sketch/references.h"

namespace faultline::sketch {
namespace {

/// Calls `is(name)` for each reference; what it returns takes its place, null: nothing does.
template <class Is>
std::string walk(std::string_view text, Is is) {
  std::string out;
  std::size_t from = 0;
  for (std::size_t dollar = 0; (dollar = text.find("${", dollar)) != std::string_view::npos;) {
    const auto end = text.find('}', dollar);
    if (end == std::string_view::npos) break;
    const bool written_out = dollar > 0 && text[dollar - 1] == '$';  // $${x} stands for ${x}
    const std::string* value = written_out ? nullptr : is(std::string(text.substr(dollar + 2, end - dollar - 2)));
    if (value == nullptr) {
      dollar += 2;
      continue;
    }
    out.append(text, from, dollar - from).append(*value);
    from = dollar = end + 1;
  }
  return out.append(text, from);
}

}  // namespace

std::string with_known(std::string_view text, const std::map<std::string, std::string>& values) {
  return walk(text, [&](const std::string& name) {
    const auto known = values.find(name);
    return known == values.end() ? nullptr : &known->second;
  });
}

void fill_in(plan::Node& value, const std::map<std::string, std::string>& values) {
  value.text = with_known(value.text, values);
  for (auto& item : value.items) fill_in(item, values);
  for (auto& entry : value.entries) fill_in(entry.value, values);
}

void add_references(const plan::Node& value, std::set<std::string>& names) {
  walk(value.text, [&](const std::string& name) {
    names.insert(name);
    return static_cast<const std::string*>(nullptr);
  });
  for (const auto& item : value.items) add_references(item, names);
  for (const auto& entry : value.entries) add_references(entry.value, names);
}

}  // namespace faultline::sketch
