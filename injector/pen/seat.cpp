#include "injector/pen/seat.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <functional>

#include "injector/pen/before.h"
#include "injector/pen/entrance.h"
#include "injector/pen/wires.h"
#include "injector/site/devices.h"
#include "injector/site/masks.h"

namespace faultline::pen {

Seat::Seat(const Surroundings& around, std::uint32_t number, std::uint32_t site, site::Site place)
    : around_(around),
      number_(number),
      site_(site),
      place_(std::move(place)),
      near_(fmt::format("flpen{}", number)),
      far_(fmt::format("far{}", number)) {
  for (const auto& device : place_.devices)
    if (std::any_of(place_.rules.begin(), place_.rules.end(),
                    [&](const site::Rule& rule) { return rule.match.device == device.index; }))
      named_[device.name] = device.index;
}

Seat::~Seat() {
  const Attempt quietly = [](const std::string&, const std::function<void()>& action) {
    try {
      action();
    } catch (const std::exception&) {  // what is to be told is told by who takes it apart beforehand
    }
  };
  leave_devices(quietly);
  leave_pen(quietly);
}

void Seat::build() {
  {
    Inside in(around_.pen);
    add_veth({far_, nullptr, kVethMtu, 1000, true, kFarGroup}, {near_, &place_.ns, kVethMtu, 1000, true});
  }
  {
    Inside in(place_.ns);
    near_index_ = index_of(near_);  // first: from here on it is taken away, whatever goes wrong
    set_quiet(near_);
    set_alias(near_, around_.alias);
    set_up(near_);
  }
  Inside in(around_.pen);
  far_index_ = index_of(far_);
  set_quiet(far_);
  if (auto remark = keep_order(far_); !remark.empty()) remarks_.push_back(std::move(remark));
  set_up(far_);
}

Seating Seat::seating() {
  {
    Inside in(place_.ns);
    tunnels_ = site::tunnels_of(place_.devices);
  }
  bare_ = std::any_of(place_.devices.begin(), place_.devices.end(), site::is_bare);
  return {&place_.rules,
          {.site = site_,
           .near = static_cast<std::uint32_t>(near_index_),
           .exempt_ports = place_.exempt_ports,
           .bare = bare_,
           .tunnels = tunnels_,
           .seat = number_,
           .netns = static_cast<std::uint32_t>(place_.ns.inode())}};
}

void Seat::attach_to_pen(const BpfObject& player) {
  const auto attach = [&](int program, int ifindex, const std::string& device, const NetNs& ns) {
    Inside in(ns);
    if (auto made = attach_to_own(around_.engine, program, ifindex, device, ns)) in_pen_.push_back(std::move(*made));
  };
  attach(player.program("play_arrival"), far_index_, far_, around_.pen);
  attach(selectors_->common().program("give_back"), near_index_, near_, place_.ns);
}

void Seat::attach_to_devices(const Moment& now) {
  Inside in(place_.ns);
  for (const auto& device : place_.devices) attach_to(device);
  note_traffic(list_traffic(), now);
  seated_ = now;
  for (const auto& other : others_before_faults(place_.devices))
    remarks_.push_back(fmt::format("{}: {}", place_.name, other));
  entrances_.clear();
  if (!place_.every_device) return;
  for (const auto& device : list_devices()) {
    const auto why = site::is_l3(device) ? site::why_left_out(device) : "";
    if (why.empty() || !reported_.insert(device.index).second) continue;
    remarks_.push_back(fmt::format("device {} of {} is left out: {}", device.name, place_.name, why));
  }
}

void Seat::attach_to(const Device& device) {
  bool egress = false, ingress = false, loopback = false;
  for (const auto& rule : place_.rules) {
    egress |= rule.match.egress;
    ingress |= rule.match.ingress;
    loopback |= rule.match.loopback;
  }
  attached_.insert(device.index);
  attended_[device.index] = device.name;
  // One hook alone would be half a fault, of which nobody is told.
  bool whole = false;
  const std::unique_ptr<Seat, std::function<void(Seat*)>> undo(this, [&](Seat* seat) {
    if (!whole) std::erase_if(seat->on_devices_, [&](const Post& post) { return post.device == device.index; });
  });
  const auto select = [&](int at, Hook hook) {
    Fd& entrance = entrances_[at];
    if (!entrance) entrance = make_entrance(selectors_->programs(number_), number_, static_cast<std::uint32_t>(at));
    Attachment made =
        Attachment::make(around_.engine, entrance.get(), device.index, hook, device.name, place_.ns, around_.janitor);
    if (auto remark = made.remark(); !remark.empty()) remarks_.push_back(std::move(remark));
    Post post{std::move(made), device.index, device.name, hook};
    post.counts_at_once = counts_at_once(device);
    post.rules = rules_at(device, hook);
    on_devices_.push_back(std::move(post));
  };
  if ((device.flags & IFF_LOOPBACK) != 0) {  // its egress hook serves both ways
    if (loopback) select(FL_AT_LO, Hook::egress);
  } else {
    const bool bare = site::is_bare(device);
    if (egress) select(bare ? FL_AT_BARE_OUT : FL_AT_OUT, Hook::egress);
    if (ingress) select(bare ? FL_AT_BARE_IN : FL_AT_IN, Hook::ingress);
  }
  whole = true;
}

std::vector<std::uint32_t> Seat::rules_at(const Device& device, Hook hook) const {
  std::vector<std::uint32_t> found;
  const auto& own = around_.score.sites.at(site_);
  for (std::uint32_t i = 0; i < own.rule_count; i++) {
    const site::Match& match = place_.rules.at(i).match;
    const bool acts = (device.flags & IFF_LOOPBACK) != 0 ? match.loopback && hook == Hook::egress
                      : hook == Hook::egress             ? match.egress
                                                         : match.ingress;
    if (acts && (match.device == 0 || match.device == device.index)) found.push_back(own.first_rule + i);
  }
  return found;
}

bool Seat::counts_at_once(const Device& device) { return !device.kind.empty() || (device.flags & IFF_LOOPBACK) != 0; }

std::string Seat::device_name(int index) const {
  const auto at = attended_.find(index);
  return at == attended_.end() ? "" : at->second;
}

bool Seat::learn(const std::string& name, const IpPrefix& address) {
  const fl_masks rules = site::learn(place_.rules, name, address, around_.score.sites.at(site_).bits);
  const fl_address key = site::learned_key(address);
  const auto known = learned_.find({key.high, key.low});
  fl_masks all = known == learned_.end() ? fl_masks{} : known->second;
  if (((rules.out & ~all.out) | (rules.in & ~all.in)) == 0) return false;
  all.out |= rules.out;
  all.in |= rules.in;
  try {
    if (known == learned_.end() && learned_.size() == FL_MAX_LEARNED)
      throw std::runtime_error("there is no room for more");
    selectors_->tell_learned(site_, key, all);
  } catch (const std::exception& e) {
    if (!std::exchange(is_full_, true))
      remarks_.push_back(fmt::format("{}: {} addresses of names were learned, further ones were not: {}", place_.name,
                                     learned_.size(), e.what()));
    return false;
  }
  learned_[{key.high, key.low}] = all;
  return true;
}

void Seat::learn_from(const Seat& other) {
  learned_ = other.learned_;
  is_full_ = other.is_full_;
}

void Seat::leave_devices(const Attempt& attempt) {
  for (auto& post : on_devices_) attempt("detach", [&] { post.attachment.close(); });
  on_devices_.clear();
}

void Seat::leave_pen(const Attempt& attempt) {
  for (auto& attachment : in_pen_) attempt("detach", [&] { attachment.close(); });
  in_pen_.clear();
  if (near_index_ == 0) return;
  attempt("remove " + near_, [&] {
    Inside in(place_.ns);
    delete_device(std::exchange(near_index_, 0));
  });
  if (selectors_ != nullptr) selectors_->leave(number_);
}

}  // namespace faultline::pen
