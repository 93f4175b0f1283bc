#include "injector/record/plan_fields.h"

#include <array>
#include <utility>

namespace faultline::record {
namespace {

using Op = plan::Bound::Op;

constexpr std::array<std::pair<Op, std::string_view>, 5> kOps{
    {{Op::ge, ">="}, {Op::gt, ">"}, {Op::le, "<="}, {Op::lt, "<"}, {Op::eq, "="}}};

using Measure = plan::Bound::Measure;

constexpr std::array<std::pair<Measure, std::string_view>, 2> kMeasures{
    {{Measure::count, "count"}, {Measure::times_baseline, "times baseline"}}};

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

const char* WordOf<Measure>::of(Measure measure) {
  for (const auto& [known, word] : kMeasures)
    if (known == measure) return word.data();
  return "";
}

void WordOf<Measure>::read(std::string_view word, Measure& measure) {
  for (const auto& [known, text] : kMeasures)
    if (text == word) measure = known;
}

}  // namespace faultline::record
