// What a seat's programs stand like while the run goes on: who has come before them, who has taken them off, which
// devices have left with them.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/pkt_sched.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/pen/chain.h"
#include "injector/pen/seat.h"

namespace faultline::pen {
namespace {

/// Of one device, which is attached to: its counters only grow.
Carried more(const Carried& now, const Carried& before) {
  return {now.packets - std::min(now.packets, before.packets), now.bytes - std::min(now.bytes, before.bytes)};
}

const char* name_of(Hook hook) { return hook == Hook::ingress ? "ingress" : "egress"; }

std::string reason(const Standing& standing) {
  if (!standing.attached) return "Faultline's program was taken off";
  return fmt::format("{} {} before the fault", fmt::join(standing.before, ", "),
                     standing.before.size() == 1 ? "runs" : "run");
}

}  // namespace

Carried carried_by(Hook hook, const Traffic& traffic) {
  return hook == Hook::ingress ? Carried{traffic.received, traffic.received_bytes}
                               : Carried{traffic.sent, traffic.sent_bytes};
}

bool Seat::is_in_force(std::uint32_t rule, const Moment& since, const Moment& now) const {
  const fl_rule& one = around_.score.rules[rule];
  return static_cast<Ns>(one.start)<now.run&& static_cast<Ns>(one.end)> since.run;
}

bool Seat::are_in_force(const std::vector<std::uint32_t>& rules, const Moment& since, const Moment& now) const {
  return std::any_of(rules.begin(), rules.end(), [&](std::uint32_t rule) { return is_in_force(rule, since, now); });
}

std::vector<Share> Seat::faults_of(const std::vector<std::uint32_t>& rules) const {
  std::vector<Share> faults;
  for (const auto index : rules) {
    const std::uint32_t fault = around_.score.rules[index].fault;
    if (std::none_of(faults.begin(), faults.end(), [&](const Share& known) { return known.fault == fault; }))
      faults.push_back({fault});
  }
  return faults;
}

/// Puts down what a device has carried since a moment: once in all, and to each fault that was in force meanwhile.
void Seat::charge(Escape& escape, const std::vector<std::uint32_t>& rules, const Carried& carried, const Moment& since,
                  const Moment& now) const {
  if (!are_in_force(rules, since, now)) return;
  escape.packets += carried.packets;
  escape.bytes += carried.bytes;
  for (Share& share : escape.faults) {
    if (std::none_of(rules.begin(), rules.end(), [&](std::uint32_t rule) {
          return around_.score.rules[rule].fault == share.fault && is_in_force(rule, since, now);
        }))
      continue;
    share.packets += carried.packets;
    share.bytes += carried.bytes;
  }
}

void Seat::count(Post& post, const Carried& carried, const Moment& since, const Moment& now) const {
  if (post.carried && post.open) charge(*post.open, post.rules, more(carried, *post.carried), since, now);
}

void Seat::begin(Post& post, bool bounded, const std::string& why) {
  post.open = Escape{place_.name, post.name, name_of(post.hook), why, last_look().instant, {}};
  post.open->faults = faults_of(post.rules);
  post.open->bounded = bounded && post.counts_at_once;
}

void Seat::inspect_post(Post& post, const Traffic& traffic, bool quiet, const Moment& now,
                        std::vector<Escape>& escapes) {
  const bool arriving = post.hook == Hook::ingress;
  const Carried carried = carried_by(post.hook, traffic);
  Standing standing = post.attachment.look(quiet);
  if (standing.device_gone) return;
  if (arriving && traffic.xdp != 0) {
    if (inspected_.instant == 0)
      post.xdp = traffic.xdp;  // was said beforehand
    else if (traffic.xdp != post.xdp)
      standing.before.push_back("XDP " + program_name(traffic.xdp));
  }
  const bool xdp = arriving && traffic.xdp != post.xdp;
  standing.changed |= std::exchange(post.overtaken, false);
  // Others that run first on the way out, and XDP, may keep packets from being counted by the device.
  const bool bounded = !xdp && (arriving || !standing.attached);
  const Moment since = last_look();
  if (!standing.is_first() && !post.open) {
    begin(post, bounded, reason(standing));
    count(post, carried, since, now);
    escapes.push_back(*post.open);
  } else if (standing.is_first() && !post.open && standing.changed && inspected_.instant != 0) {
    begin(post, bounded, "a program came and went that may have run before the fault");
    count(post, carried, since, now);
    post.open->until = now.instant;
    escapes.push_back(*post.open);
    post.open.reset();
  } else if (post.open) {
    post.open->bounded &= bounded || standing.is_first();
    count(post, carried, since, now);
    if (standing.is_first()) {
      post.open->until = now.instant;
      escapes.push_back(*post.open);
      post.open.reset();
    }
  }
  post.carried = carried;
}

void Seat::inspect(const Moment& now, std::vector<Escape>& escapes) {
  for (auto& escape : std::exchange(told_late_, {})) escapes.push_back(std::move(escape));
  Inside in(place_.ns);
  const auto traffic = list_traffic();
  const bool quiet = !filters_changed_;
  for (auto& post : on_devices_)  // one that has left is not in the list: hear() is about that
    if (const auto seen = traffic.find(post.device); seen != traffic.end())
      inspect_post(post, seen->second, quiet, now, escapes);
  for (auto& stranger : strangers_)
    if (const auto seen = traffic.find(stranger.device); seen != traffic.end())
      count(stranger, seen->second, last_look(), now);
  filters_changed_ = false;  // only now: after a look that failed the next one asks again
  note_traffic(traffic, now);
  inspected_ = now;
}

void Seat::tell_open(std::vector<Escape>& escapes) const {
  for (const auto& post : on_devices_)
    if (post.open) escapes.push_back(*post.open);
  for (const auto& stranger : strangers_) escapes.push_back(stranger.escape);
}

void Seat::hear(const DeviceEvents::News& news, const Moment& now) {
  devices_changed_ |= news.devices;
  filters_changed_ |= news.filters;
  for (const auto& filter : news.added) {
    for (auto& post : on_devices_) {
      const std::uint32_t parent =
          TC_H_MAKE(TC_H_CLSACT, post.hook == Hook::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
      post.overtaken |= filter.index == post.device && filter.parent == parent && filter.chain == 0 &&
                        filter.priority < post.attachment.priority();
    }
  }
  for (const auto& left : news.left) {
    sights_.erase(left.index);
    reported_.erase(left.index);  // the number may be another's from here on
    waiting_.erase(left.index);
    leave(left, now);
  }
  const auto expect = [&](int index) {
    if (index != near_index_ && !attached_.contains(index) && !reported_.contains(index)) device_expected_ = true;
  };
  for (const auto& seen : news.seen) {
    if (!attached_.contains(seen.index)) sights_.try_emplace(seen.index, Sight{now, seen.carried});
    expect(seen.index);
  }
  for (const int index : news.addressed) expect(index);
}

void Seat::leave(const DeviceEvents::Left& left, const Moment& now) {
  std::string device;
  bool done = true, in_force = false;
  Carried unwatched;  // since the last look: whether our programs stood and were first until the end nobody has seen
  const auto end = [&](Escape& escape) {
    escape.until = now.instant;
    escape.bounded &= left.carried.has_value();
    told_late_.push_back(std::move(escape));
  };
  for (auto& stranger : strangers_) {
    if (stranger.device != left.index) continue;
    if (left.carried) count(stranger, *left.carried, last_look(), now);
    end(stranger.escape);
  }
  std::erase_if(strangers_, [&](const Stranger& stranger) { return stranger.device == left.index; });
  for (auto& post : on_devices_) {
    if (post.device != left.index) continue;
    device = post.name;
    if (post.overtaken && !post.open)
      begin(post, post.hook == Hook::ingress, "a filter was put before the fault, and then the device left");
    const Carried carried = left.carried ? carried_by(post.hook, *left.carried) : Carried{};
    if (post.open) {
      count(post, carried, last_look(), now);
      end(*post.open);
    } else if (post.carried && are_in_force(post.rules, last_look(), now)) {
      in_force = true;
      unwatched.packets += more(carried, *post.carried).packets;
    }
    try {
      if (left.moved)
        done &= post.attachment.take_away_elsewhere({left.new_index, left.new_netns});
      else
        post.attachment.close();
    } catch (const std::exception& e) {
      remarks_.push_back(fmt::format("device {} left {}: {}", post.name, place_.name, e.what()));
    }
  }
  if (device.empty()) {  // nothing of ours was on it: if it had been refused, it may come back as one that is not
    if (attached_.erase(left.index) > 0) left_.insert(device_name(left.index));
    return;
  }
  std::erase_if(on_devices_, [&](const Post& post) { return post.device == left.index; });
  std::erase_if(place_.devices, [&](const Device& d) { return d.index == left.index; });
  attached_.erase(left.index);
  left_.insert(device);
  std::string remark =
      left.moved ? fmt::format("device {} was moved out of {}: its traffic is no longer faulted", device, place_.name)
                 : fmt::format("device {} of {} vanished: its traffic is no longer faulted", device, place_.name);
  if (in_force && (unwatched.packets > 0 || !left.carried))
    remark += fmt::format(
        "; in the {} since it was looked at last it carried {}, and whether all of them met the faults is not known",
        short_duration(now.instant - last_look().instant),
        left.carried ? fmt::format("{} packet{}", thousands(unwatched.packets), unwatched.packets == 1 ? "" : "s")
                     : "packets that nobody counted");
  if (!done)
    remark +=
        "; a filter of Faultline's that went along lets everything pass, and could not be taken away, as the device "
        "was "
        "not found in any namespace";
  remarks_.push_back(std::move(remark));
}

void Seat::close_escapes(const Moment& now, std::vector<Escape>& escapes) {
  bool counted = true;
  try {
    inspect(now, escapes);
  } catch (const std::exception&) {
    counted = false;
  }
  const auto end = [&](Escape escape) {
    escape.until = now.instant;
    escape.bounded &= counted;
    escapes.push_back(std::move(escape));
  };
  for (auto& post : on_devices_)
    if (post.open) end(*std::exchange(post.open, std::nullopt));
  for (auto& stranger : strangers_) end(std::move(stranger.escape));
  strangers_.clear();
  for (auto& escape : told_late_) escapes.push_back(std::move(escape));
  told_late_.clear();
}

}  // namespace faultline::pen
