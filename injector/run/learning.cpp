#include "injector/run/learning.h"

#include <system_error>

#include "injector/pen/pen.h"
#include "injector/record/events.h"

namespace faultline::run {
namespace events = record::events;

void Learning::prepare(const observe::Scene& scene) {
  if (scene.sites.empty()) return;
  journal_ = &scene.journal;
  std::vector<std::string> places;
  for (const auto& site : scene.sites) places.push_back(site.name);
  try {
    watch_ = std::make_unique<site::NameWatch>(
        scene.sites, [this, places](std::size_t site, const std::string& name, const IpPrefix& address) {
          if (pen_->learn(site, name, address)) events::learned(*journal_, name, places[site], address.address_text());
        });
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::operation_not_permitted) throw;
    refusal_ =
        "names of peers keep the addresses that they had at the start: to learn further ones from DNS answers takes "
        "CAP_NET_RAW";
  }
}

void Learning::attached(pen::Pen& pen) {
  pen_ = &pen;
  if (!refusal_.empty()) events::warning(*journal_, refusal_);
  if (watch_) watch_->start();
}

std::optional<site::NameWatch::Ears> Learning::listen(std::size_t site, const NetNs& ns) const {
  return watch_ ? watch_->listen(site, ns) : std::nullopt;
}

}  // namespace faultline::run
