// Devices that come to a seat's namespace while the run goes on: new ones, and those that had left and are back. Our
// programs are put on them, and what they carried until then is told as an escape.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "injector/base/text.h"
#include "injector/pen/seat.h"
#include "injector/site/devices.h"

namespace faultline::pen {
namespace {

/// Of the ways that rules act on. A counter that has shrunk is another device's, and all of it is new.
Carried between(const Traffic& before, const Traffic& now, bool sends, bool receives) {
  const auto grown = [](std::uint64_t was, std::uint64_t is) { return is >= was ? is - was : is; };
  Carried carried;
  for (const auto& [hook, acts] : {std::pair{Hook::egress, sends}, {Hook::ingress, receives}}) {
    if (!acts) continue;
    const Carried was = carried_by(hook, before), is = carried_by(hook, now);
    carried.packets += grown(was.packets, is.packets);
    carried.bytes += grown(was.bytes, is.bytes);
  }
  return carried;
}

/// Whether what was tried may well work later: something is short that others give back.
bool may_pass(const std::exception& error) {
  const auto* of_system = dynamic_cast<const std::system_error*>(&error);
  if (of_system == nullptr) return false;
  const auto& short_of = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN};
  return std::find(short_of.begin(), short_of.end(), of_system->code().value()) != short_of.end();
}

}  // namespace

/// What is not attached to is looked at as well: should it come to be, what went by begins there.
void Seat::note_traffic(const std::map<int, Traffic>& traffic, const Moment& now) {
  for (auto& post : on_devices_) {
    const auto at = traffic.find(post.device);
    if (at != traffic.end() && !post.carried) post.carried = carried_by(post.hook, at->second);
  }
  if (devices_changed_ && inspected_.instant != 0) return;  // look() comes first
  for (const auto& [index, carried] : traffic)
    if (!attached_.contains(index)) sights_[index] = {now, carried};
}

/// Whether a device is one of the site's, and not attached to.
bool Seat::is_missing(const Device& device) const {
  if (device.index == near_index_ || attached_.contains(device.index) || reported_.contains(device.index) ||
      !site::is_l3(device))
    return false;
  if (place_.every_device) return true;
  const auto named = named_.find(device.name);  // its name may be another's by now, which was renamed
  return named != named_.end() && !attached_.contains(named->second);
}

/// A device that the plan names has another index when it is made anew.
void Seat::know_as(const Device& device) {
  const auto named = named_.find(device.name);
  if (named == named_.end() || named->second == device.index || attached_.contains(named->second)) return;
  for (auto& rule : place_.rules)
    if (rule.match.device == named->second) rule.match.device = device.index;
  selectors_->move_device(number_, static_cast<std::uint32_t>(named->second), static_cast<std::uint32_t>(device.index));
  named->second = device.index;
}

void Seat::take_in(const Device& device) {
  site::refuse_unknown_link(device);
  if (site::is_bare(device) && !bare_)
    throw std::runtime_error(
        "it has no Ethernet header, and the programs were loaded for devices that have one; begin the run when it is "
        "there");
  attach_to(device);
}

std::vector<std::string> Seat::look(const std::function<Moment()>& now) {
  if (!devices_changed_) return take_remarks();
  Inside in(place_.ns);
  const auto devices = list_devices();
  std::set<int> there, missing;
  std::vector<Device> came;
  for (const auto& device : devices) {
    there.insert(device.index);
    if (!is_missing(device)) continue;
    missing.insert(device.index);
    if (try_to_take_in(device)) came.push_back(device);
  }
  // What has left, or is none of the site's by now, is waited for no longer: else each call would list all devices.
  std::erase_if(waiting_, [&](int index) { return !missing.contains(index); });
  devices_changed_ = !waiting_.empty();  // only now: when this throws the next call looks again
  device_expected_ = false;
  entrances_.clear();
  if (!came.empty()) tell_arrivals(came, now());
  // Of what has left hear() is told at once; this is for what it was not told.
  std::vector<int> gone;
  for (const auto& device : place_.devices)
    if (!there.contains(device.index)) gone.push_back(device.index);
  for (const int index : gone) {
    devices_changed_ = true;
    if (reported_.insert(-index).second) continue;
    reported_.erase(-index);
    leave({index, false, index}, now());
  }
  return take_remarks();
}

/// Whether our programs are on it now. If they are not, its traffic is told to go by: for good, or until the next try.
bool Seat::try_to_take_in(const Device& device) {
  const bool is_back = left_.contains(device.name);
  const std::string appeared = is_back
                                   ? fmt::format("device {} came back to {}", device.name, place_.name)
                                   : fmt::format("device {} appeared in {} after the start", device.name, place_.name);
  const auto leave_out = [&](const std::string& why) {
    waiting_.erase(device.index);
    reported_.insert(device.index);
    remarks_.push_back(fmt::format("{}: its traffic is not faulted: {}", appeared, why));
  };
  try {
    if (const auto why = site::why_left_out(device); !why.empty()) {
      leave_out(why);
      return false;
    }
    if (!tunnels_.include(site::tunnels_of({device}))) {
      leave_out("it is a tunnel, and its outer packets would meet the faults as well; begin the run when it is there");
      return false;
    }
    know_as(device);
    take_in(device);
  } catch (const std::exception& e) {
    if (may_pass(e)) {
      attached_.erase(device.index);
      if (waiting_.insert(device.index).second)
        remarks_.push_back(
            fmt::format("{}: its traffic is not faulted yet: {}; this is tried again", appeared, e.what()));
    } else {
      leave_out(e.what());
    }
    tell_stranger(device, e.what());
    return false;
  }
  waiting_.erase(device.index);
  place_.devices.push_back(device);
  remarks_.push_back(fmt::format("{}: its traffic is faulted {}", appeared, is_back ? "again" : "from now on"));
  return true;
}

/// Once, however often it is tried.
void Seat::tell_stranger(const Device& device, const std::string& why) {
  if (find_stranger(device.index) != nullptr) return;
  auto stranger = stranger_of(device, "Faultline's programs are not on the device: " + why);
  if (stranger.rules.empty()) return;
  told_late_.push_back(stranger.escape);
  strangers_.push_back(std::move(stranger));
}

Seat::Stranger* Seat::find_stranger(int device) {
  const auto at = std::find_if(strangers_.begin(), strangers_.end(), [&](const auto& s) { return s.device == device; });
  return at == strangers_.end() ? nullptr : &*at;
}

Moment Seat::first_seen(int device) const {
  const auto sight = sights_.find(device);
  return sight == sights_.end() ? last_look() : sight->second.when;
}

Seat::Stranger Seat::stranger_of(const Device& device, const std::string& why) const {
  Stranger stranger;
  stranger.device = device.index;
  // What a new device carries on a machine of many services is mostly not that of the one that a rule is about.
  const bool is_new = !left_.contains(device.name);
  const auto rules_of = [&](Hook hook) {
    auto rules = rules_at(device, hook);
    const std::uint32_t first = around_.score.sites.at(site_).first_rule;
    if (is_new)
      std::erase_if(rules, [&](std::uint32_t rule) { return place_.rules.at(rule - first).match.cgroups.has_value(); });
    return rules;
  };
  stranger.rules = rules_of(Hook::egress);
  const auto in = rules_of(Hook::ingress);
  stranger.sends = !stranger.rules.empty();
  stranger.receives = !in.empty();
  stranger.rules.insert(stranger.rules.end(), in.begin(), in.end());
  if (const auto sight = sights_.find(device.index); sight != sights_.end()) stranger.carried = sight->second.carried;
  const char* hook = !stranger.receives ? "egress" : !stranger.sends ? "ingress" : "egress and ingress";
  stranger.escape = {place_.name, device.name, hook, why, first_seen(device.index).instant, {}};
  stranger.escape.faults = faults_of(stranger.rules);
  stranger.escape.bounded = counts_at_once(device);
  return stranger;
}

void Seat::count(Stranger& stranger, const Traffic& traffic, const Moment& since, const Moment& now) const {
  charge(stranger.escape, stranger.rules, between(stranger.carried, traffic, stranger.sends, stranger.receives), since,
         now);
  stranger.carried = traffic;
}

/// Of a device that was not there before: what it may say of its own accord, and in what time.
constexpr std::uint64_t kOfItsOwn = 10;
constexpr Ns kToBeThere = kSecond / 2;

/// What went by devices until our programs were on them, which they are now.
void Seat::tell_arrivals(const std::vector<Device>& came, const Moment& now) {
  std::map<int, Traffic> traffic;
  bool counted = true;
  try {
    traffic = list_traffic();
  } catch (const std::exception&) {  // they are told all the same, without a bound
    counted = false;
  }
  for (const auto& device : came) {
    Stranger* waited = find_stranger(device.index);
    const bool is_told = waited != nullptr;
    Stranger stranger =
        is_told ? std::move(*waited)
                : stranger_of(device, fmt::format("the device {}, and Faultline's programs were not on it yet",
                                                  left_.contains(device.name) ? "had left and was back"
                                                                              : "had come after the start"));
    const Moment from = is_told ? last_look() : first_seen(device.index);
    if (is_told) std::erase_if(strangers_, [&](const auto& one) { return one.device == device.index; });
    sights_.erase(device.index);
    if (!is_told && !are_in_force(stranger.rules, from, now)) continue;
    if (const auto at = traffic.find(device.index); at != traffic.end()) count(stranger, at->second, from, now);
    stranger.escape.bounded &= counted;
    stranger.escape.until = now.instant;
    const Ns took = now.instant - from.instant;
    // A device that comes up speaks for itself first: ARP, neighbour and router discovery, reports of groups.
    if (!is_told && !left_.contains(device.name) && stranger.escape.bounded && stranger.escape.packets <= kOfItsOwn &&
        took <= kToBeThere) {
      if (stranger.escape.packets > 0)
        remarks_.push_back(fmt::format("device {} of {} carried {} packet{} in the {} before it was faulted",
                                       device.name, place_.name, stranger.escape.packets,
                                       stranger.escape.packets == 1 ? "" : "s", short_duration(took)));
      continue;
    }
    told_late_.push_back(std::move(stranger.escape));
  }
  note_traffic(traffic, now);
}

}  // namespace faultline::pen
