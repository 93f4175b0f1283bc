#include "injector/run/site_locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "injector/run/lock.h"

namespace faultline::run {

void SiteLocks::lock(const std::vector<site::Site>& sites, const Progress& progress) {
  for (const auto& site : sites) {
    progress(fmt::format("locking {}", site.name));
    const auto ns = site.ns.inode();
    if (std::find(spaces_.begin(), spaces_.end(), ns) == spaces_.end())
      control_.add_lock(lock_namespace(site.ns, site.name), site.name, ns);
    spaces_.push_back(ns);
  }
}

void SiteLocks::move(std::size_t site, const std::string& name, std::uint64_t ns, Fd lock) {
  control_.add_lock(std::move(lock), name, ns);
  const auto before = std::exchange(spaces_.at(site), ns);
  if (std::find(spaces_.begin(), spaces_.end(), before) == spaces_.end()) control_.drop_lock(before);
}

}  // namespace faultline::run
