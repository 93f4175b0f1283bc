// The watch for names of peers (site/name_watch.h) as an observer: what it learns goes to the pen and into the journal.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/observe/observer.h"
#include "injector/site/name_watch.h"

namespace faultline::run {

class Learning : public observe::Observer {
 public:
  void prepare(const observe::Scene& scene) override;
  void attached(pen::Pen& pen) override;
  void take_apart() noexcept override { watch_.reset(); }

  /// For a site that is about to move: see NameWatch. None where no names are learned.
  std::optional<site::NameWatch::Ears> listen(std::size_t site, const NetNs& ns) const;
  void move(std::size_t site, site::NameWatch::Ears ears) { watch_->move(site, std::move(ears)); }

 private:
  std::unique_ptr<site::NameWatch> watch_;  // null: there is no site, or it may not listen
  pen::Pen* pen_ = nullptr;                 // written before the watch starts
  record::Journal* journal_ = nullptr;
  std::string refusal_;
};

}  // namespace faultline::run
