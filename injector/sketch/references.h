// ${name} in the strings of a plan that is not read as a plan yet: which there are, and those that can be filled in
// before. (What a whole plan's references come to, and what is wrong with one, is the parser's: plan/variables.cpp.)
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "injector/plan/document.h"

namespace faultline::sketch {

/// With the value of each reference that has one in `values`; others, and `$${`, stay as they are.
std::string with_known(std::string_view text, const std::map<std::string, std::string>& values);
/// The same in each string of a value.
void fill_in(plan::Node& value, const std::map<std::string, std::string>& values);
/// Adds the names that the strings of a value refer to.
void add_references(const plan::Node& value, std::set<std::string>& names);

}  // namespace faultline::sketch
