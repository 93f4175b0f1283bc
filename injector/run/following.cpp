#include "injector/run/following.h"

#include <utility>
#include <vector>

#include "injector/pen/pen.h"
#include "injector/record/events.h"
#include "injector/run/lock.h"
#include "injector/site/control_path.h"

namespace faultline::run {
namespace events = record::events;

void Following::prepare(const observe::Scene& scene) {
  journal_ = &scene.journal;
  clock_ = &scene.clock;
  tell_ = scene.tell;
  note_ = scene.note;
  if (scene.sites.empty()) return;
  follower_ = std::make_unique<site::Follower>(
      scene.plan, scene.finder, scene.sites,
      site::Follower::Effects{[this](std::size_t site, const auto& rules) { pen_->set_cgroups(site, rules); },
                              [this](std::size_t site, site::Site place) { move(site, std::move(place)); }});
}

void Following::attached(pen::Pen& pen) {
  pen_ = &pen;
  follower_->start();
}

/// A target came back in another network namespace. On the follower's thread.
void Following::move(std::size_t index, site::Site place) {
  const auto ns = place.ns.inode();
  const std::string name = place.name;
  Fd lock = lock_namespace(place.ns, name);
  std::vector<site::Site> places;
  places.push_back(std::move(place));
  const auto exempt = site::exempt_control_path(places);
  const NetNs space = places.front().ns.duplicate();
  auto ears = learning_.listen(index, space);  // first: what can fail does so before the site has moved
  pen_->move(index, std::move(places.front()));
  if (ears) learning_.move(index, std::move(*ears));
  locks_.move(index, name, ns, std::move(lock));
  for (const auto& text : exempt) {
    events::warning(*journal_, text);
    note_(text);
  }
}

std::optional<observe::Stop> Following::tick(Ns now) {
  std::optional<observe::Stop> stop;
  if (!follower_) return stop;
  for (const auto& news : follower_->take_news()) {
    auto gap = news.gap;
    if (gap) gap = {clock_->since_t0(gap->first), clock_->since_t0(gap->second)};
    events::target(*journal_, news.target, news.what, news.text, gap);
    tell_({news.text, clock_->since_t0(now)});
    if (news.aborts) stop = observe::Stop{events::By::target, news.text};
  }
  return stop;
}

}  // namespace faultline::run
