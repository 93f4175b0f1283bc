// Structs with fields (record/fields.h), with a value of its own in every field: what is written of such a struct and
// read back must be the same in each.
#pragma once

#include "injector/record/json_fields.h"
#include "injector/record/schema.h"
#include "injector/run/protocol.h"

namespace faultline::record::testing {

class Filler {
 public:
  template <class T>
  T made() {
    T value{};
    fill(value);
    return value;
  }

 private:
  template <class T>
  void fill(std::optional<T>& value) {
    fill(value.emplace());
  }
  template <class T>
  void fill(std::vector<T>& values) {
    fill(values.emplace_back());
  }
  template <class T>
  void fill(std::map<std::string, T>& values) {
    fill(values["key " + std::to_string(++n_)]);
  }
  template <class A, class B>
  void fill(std::pair<A, B>& value) {
    fill(value.first);
    fill(value.second);
  }
  void fill(plan::Bound::Op& op) { op = plan::Bound::Op::lt; }
  void fill(plan::Bound::Measure& measure) { measure = plan::Bound::Measure::times_baseline; }
  void fill(const faults::Effect*& effect) { effect = &faults::kEffects[1]; }
  void fill(run::State& state) { state = run::State::ending; }
  template <class T>
  void fill(T& value) {
    if constexpr (Described<T>)
      for_each_field<T>([&](const auto& field) { fill(value.*field.in); });
    else if constexpr (std::is_same_v<T, std::string>)
      value = "text " + std::to_string(++n_) + " \"ü\"\n";
    else if constexpr (std::is_same_v<T, bool>)
      value = !value;
    else if constexpr (std::is_floating_point_v<T>)
      value = ++n_ + 0.25;
    else
      value = static_cast<T>(++n_);
  }
  int n_ = 100;
};

}  // namespace faultline::record::testing
