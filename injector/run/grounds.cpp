#include "injector/run/grounds.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <thread>
#include <utility>

#include "injector/base/error.h"
#include "injector/record/events.h"
#include "injector/run/lab_watch.h"
#include "injector/site/control_path.h"

namespace faultline::run {
namespace events = record::events;
namespace {

site::LabView view_of(const lab::Lab& lab) {
  site::LabView view;
  view.host_ns = [&](const std::string& host) { return lab.host_ns(host).duplicate(); };
  view.room_ns = [&](const std::string& room) { return lab.room_ns(room).duplicate(); };
  view.hosts_of = [&](const std::string& room) { return lab.hosts_of(room); };
  view.addresses = [&](const std::string& host) { return lab.addresses(host); };
  view.link_ends = [&](const std::string& link) {
    std::vector<std::pair<std::string, std::string>> ends;
    for (const auto& end : lab.link_ends(link)) ends.emplace_back(end.room, end.device);
    return ends;
  };
  return view;
}

}  // namespace

void Grounds::build_lab(nursery::Nursery& nursery, const std::filesystem::path& logs) {
  telling_.step("building the lab");
  lab_ = std::make_unique<lab::Lab>(*plan_.lab, nursery, plan_.directory, logs.string(), plan_.scale,
                                    [this](const std::string& what) { telling_.advance(what); });
  {
    // Services may take long to become ready: a signal does not wait for them.
    const std::jthread listener = stops_.listen([this] { lab_->cancel(); });
    lab_->start([this](const std::string& host, const std::string& event, const std::string& detail) {
      const std::string text = tell_service(journal_, host, event, detail);
      if (event != "started")
        display_.step("lab: " + text);  // with its command line: for the journal; people wait for "ready"
    });
  }
  if (const auto& stop = stops_.taken()) throw Failure(Exit::aborted, stop->reason);
  control_.set_lab(lab_.get());
}

/// Targets with `wait` may start late.
void Grounds::await_targets() {
  const Ns began = monotonic_now();
  for (const auto& target : plan_.targets) {
    for (bool told = false; target.wait > 0;) {
      try {
        finder_.find(target);
        break;
      } catch (const site::NotThere& failure) {
        if (monotonic_now() - began >= target.wait) break;  // resolving says it, with all else that is not there
        if (!std::exchange(told, true))
          telling_.step(fmt::format("waiting for target {}: {}", target.name, failure.what()));
      } catch (const Failure&) {
        break;
      }
      if (const auto asked = stops_.await(100 * kMillisecond)) throw Failure(Exit::aborted, asked->reason);
    }
  }
}

void Grounds::find_sites() {
  if (lab_) view_ = view_of(*lab_);
  await_targets();
  std::vector<site::ResolvedName> names;
  telling_.wait_to_tell(Telling::kEvery);
  sites_ = site::resolve(plan_, view(), finder_, &names, [this](const std::string& what) { telling_.advance(what); });
  for (const auto& name : names) {
    std::vector<std::string> addresses;
    for (const auto& address : name.addresses) addresses.push_back(address.address_text());
    events::name(journal_, name.name, name.asked_from, addresses);
    display_.step(fmt::format("{} is {}, asked from {}", name.name, fmt::join(addresses, ", "), name.asked_from));
  }
  for (const auto& text : site::exempt_control_path(sites_)) telling_.warn(text);
}

std::vector<std::string> Grounds::leave() {
  std::vector<std::string> failures;
  control_.set_lab(nullptr);
  if (lab_) failures = lab_->stop();
  lab_.reset();
  return failures;
}

}  // namespace faultline::run
