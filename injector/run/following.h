// The follower of targets (site/follow.h) as an observer: where a target was replaced, its rules follow it, and its
// site moves with everything that a site has: the seat in the pen, the ears for names, the lock.
#pragma once

#include <memory>

#include "injector/observe/observer.h"
#include "injector/run/learning.h"
#include "injector/run/site_locks.h"
#include "injector/site/follow.h"

namespace faultline::run {

class Following : public observe::Observer {
 public:
  /// `learning` comes before this in the list of observers: it is there for as long.
  Following(Learning& learning, SiteLocks& locks) : learning_(learning), locks_(locks) {}

  void prepare(const observe::Scene& scene) override;
  void attached(pen::Pen& pen) override;
  std::optional<observe::Stop> tick(Ns now) override;
  void take_apart() noexcept override { follower_.reset(); }

 private:
  void move(std::size_t index, site::Site place);

  Learning& learning_;
  SiteLocks& locks_;
  record::Journal* journal_ = nullptr;
  const observe::RunClock* clock_ = nullptr;
  std::function<void(record::Remark)> tell_;
  std::function<void(const std::string&)> note_;
  pen::Pen* pen_ = nullptr;  // written before the follower starts
  std::unique_ptr<site::Follower> follower_;
};

}  // namespace faultline::run
