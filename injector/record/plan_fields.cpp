#include "injector/record/plan_fields.h"

#include <array>
#include <utility>

namespace faultline::record {
namespace {

using Op = plan::Bound::Op;

constexpr std::array<std::pair<Op, std::string_view>, 4> kOps{
    {{Op::ge, ">="}, {Op::gt, ">"}, {Op::le, "<="}, {Op::lt, "<"}}};

}  // namespace

const char* WordOf<Op>::of(Op op) {
  for (const auto& [known, word] : kOps)
    if (known == op) return word.data();
  return "";
}

void WordOf<Op>::read(std::string_view word, Op& op) {
  for (const auto& [known, text] : kOps)
    if (text == word) op = known;
}

}  // namespace faultline::record
