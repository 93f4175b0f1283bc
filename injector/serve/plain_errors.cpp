#include "injector/serve/plain_errors.h"

#include <algorithm>

#include "injector/probe/errors.h"

namespace faultline::serve {

void PlainErrors::keep(const plan::Conditions& conditions) {
  if (!conditions.errors) return;
  for (const auto& [name, bound] : *conditions.errors) kept_.insert(name);
}

std::string PlainErrors::name(const std::string& error) const {
  const auto space = error.find(' ');
  if (space == std::string::npos) return error;
  const bool number = std::all_of(error.begin() + static_cast<std::ptrdiff_t>(space) + 1, error.end(),
                                  [](unsigned char c) { return std::isdigit(c); });
  if (number || kept_.contains(error) || probe::is_own_error(error)) return error;
  return error.substr(0, space);
}

}  // namespace faultline::serve
