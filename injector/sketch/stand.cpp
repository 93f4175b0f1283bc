#include "injector/sketch/stand.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/error.h"
#include "injector/plan/document.h"
#include "injector/plan/subjects.h"

namespace faultline::sketch {
namespace {

/// What the lines of a target come to, as far as it matters here; the parser has the last word.
void tell_abilities(Stand& stand) {
  using Where = plan::Target::Where;
  bool reached = true;
  for (const auto& line : stand.lines) {
    for (const auto& way : plan::ways()) {
      if (line.key != way.key) continue;
      stand.place |= way.where != Where::none;
      stand.addresses = true;
      reached &= way.where != Where::interface && !plan::is_by_socket(way.where);
    }
  }
  stand.addresses &= reached;
}

}  // namespace

std::vector<Stand> read_stands(const std::vector<std::string>& given) {
  std::vector<Stand> stands;
  for (const auto& option : given) {
    const auto equals = option.find('=');
    Stand stand;
    stand.name = option.substr(0, equals);
    stand.option = option;
    if (!stand.name.empty() && equals != std::string::npos && equals + 1 < option.size())
      stand.lines = target_lines("--bind " + stand.name + "=", std::string_view(option).substr(equals + 1));
    if (stand.lines.empty())
      throw Failure(Exit::invalid,
                    fmt::format("--bind {}: write NAME=KEY=VALUE: a name that the outage's faults use, and how to find "
                                "your own, for example --bind payment=unit=payment.service",
                                option));
    tell_abilities(stand);
    stand.target = stand.name;
    for (int number = 2;
         std::any_of(stands.begin(), stands.end(), [&](const Stand& other) { return other.target == stand.target; });
         number++)
      stand.target = fmt::format("{}-{}", stand.name, number);
    stands.push_back(std::move(stand));
  }
  return stands;
}

bool is_local(const Stand& stand) {
  for (const auto& line : stand.lines) {
    if (line.key != "address") continue;
    std::vector<plan::Diagnostic> mistakes;
    const plan::Node read = plan::read_document("address = " + line.value, mistakes);
    const plan::Entry* entry = read.find("address");
    if (entry == nullptr) return false;
    if (plan::is_loopback_address(entry->value.text)) return true;
    return std::any_of(entry->value.items.begin(), entry->value.items.end(),
                       [](const plan::Node& item) { return plan::is_loopback_address(item.text); });
  }
  return false;
}

bool all_of(const Stands& stands, bool Stand::*able) {
  return !stands.empty() && std::all_of(stands.begin(), stands.end(), [&](const Stand* s) { return s->*able; });
}

}  // namespace faultline::sketch
