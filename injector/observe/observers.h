// All observers of a run, and the order in which each of the calls reaches them: up in the order of the list, down in
// the opposite one.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "injector/observe/observer.h"

namespace faultline::observe {

class Observers {
 public:
  Observers() = default;
  ~Observers();  ///< takes them apart, should nobody have done so
  Observers(const Observers&) = delete;
  Observers& operator=(const Observers&) = delete;

  /// Makes one and puts it at the end of the list. All of them before the first call of anything else: sample() comes
  /// on other threads.
  template <class Kind, class... Arguments>
  Kind& add(Arguments&&... arguments) {
    auto made = std::make_unique<Kind>(std::forward<Arguments>(arguments)...);
    Kind& kind = *made;
    all_.push_back(std::move(made));
    return kind;
  }

  void prepare(const Scene& scene);
  void attached(pen::Pen& pen);
  void begin(Ns epoch);
  /// The first reason to stop; those after it in the list are not asked then.
  std::optional<Stop> tick(Ns now);
  void sample(const probe::Sample& sample);
  void counted(const record::events::Telemetry& counted);
  void counted_until(Ns until);
  void uncounted(const record::events::Uncounted& missing);
  void seen(const record::events::Seen& seen);
  void hold(Ns instant);
  void wait(Ns epoch);
  void go_on(Ns epoch);

  void healed() noexcept;
  void end();
  void abort();
  /// Of the first in the list that has one; empty when all is well.
  std::string failure() const;
  void take_apart() noexcept;

 private:
  std::vector<std::unique_ptr<Observer>> all_;
};

}  // namespace faultline::observe
