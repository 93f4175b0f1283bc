// A run's ear: other processes ask it what it is, stop it, write into its journal, enter its lab. A thread of its own
// answers, so that it does so while the run prepares, and while it takes things apart. One JSON object a message
// (docs/control.md). What a run is anybody may ask; everything else takes root or the run's own user (SO_PEERCRED).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/fd.h"
#include "injector/lab/lab.h"
#include "injector/observe/observer.h"
#include "injector/plan/plan.h"

namespace faultline::run {

/// What the run does when it is asked to. Called on Control's thread; `who` is for people: "alice".
struct Handlers {
  std::function<void(const std::string& who)> stop;
  std::function<void(const std::string& text, const std::string& who)> note;
};

class Control : public observe::Observer {
 public:
  /// Listens from here on. `folder` is the run folder. The plan must outlive this.
  Control(const plan::Plan& plan, const std::string& folder, Handlers handlers);
  ~Control() override;  ///< closes every socket; never throws

  /// Answers at the lock of a site, too; `ns` is the inode of the network namespace that is locked.
  void add_lock(Fd lock, const std::string& site, std::uint64_t ns);
  /// Gives one lock back: its site has left the namespace.
  void drop_lock(std::uint64_t ns);
  /// Gives the locks back: other runs may have the namespaces.
  void drop_locks();
  /// The lab that visitors may enter; null: none (any more). When it returns, nobody is being let in.
  void set_lab(const lab::Lab* lab);

  void preparing(const std::string& step);
  void waiting(const std::string& faults);  ///< for the confirmation of a step with these; empty: no longer

  void begin(Ns epoch) override;
  void wait(Ns epoch) override { begin(epoch); }
  void healed() noexcept override;  ///< tells those who asked for it

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::run
