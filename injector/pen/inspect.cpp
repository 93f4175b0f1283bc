// What a seat's programs stand like while the run goes on: who has come before them, who has taken them off, which
// devices have left with them.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/pkt_sched.h>

#include <algorithm>

#include "faults/abi.h"
#include "injector/pen/chain.h"
#include "injector/pen/seat.h"

namespace faultline::pen {
namespace {

const char* name_of(Hook hook) { return hook == Hook::ingress ? "ingress" : "egress"; }

std::string reason(const Standing& standing) {
  if (!standing.attached) return "Faultline's program was taken off";
  return fmt::format("{} {} before the fault", fmt::join(standing.before, ", "),
                     standing.before.size() == 1 ? "runs" : "run");
}

}  // namespace

bool Seat::are_in_force(const std::vector<std::uint32_t>& rules, Ns since, Ns now, Ns epoch) const {
  return epoch != 0 && std::any_of(rules.begin(), rules.end(), [&](std::uint32_t index) {
           const fl_rule& rule = around_.score.rules[index];
           return static_cast<Ns>(rule.start)<now - epoch&& static_cast<Ns>(rule.end)> since - epoch;
         });
}

std::vector<std::uint32_t> Seat::faults_of(const std::vector<std::uint32_t>& rules) const {
  std::vector<std::uint32_t> faults;
  for (const auto index : rules) {
    const std::uint32_t fault = around_.score.rules[index].fault;
    if (std::find(faults.begin(), faults.end(), fault) == faults.end()) faults.push_back(fault);
  }
  return faults;
}

void Seat::count(Post& post, const Carried& carried, Ns since, Ns now, Ns epoch) const {
  if (!post.carried || !post.open || !are_in_force(post.rules, since, now, epoch)) return;
  if (carried.packets > post.carried->packets) post.open->packets += carried.packets - post.carried->packets;
  if (carried.bytes > post.carried->bytes) post.open->bytes += carried.bytes - post.carried->bytes;
}

void Seat::begin(Post& post, bool bounded, const std::string& why) {
  post.open = Escape{place_.name, post.name, name_of(post.hook), why, inspected_, {}};
  post.open->faults = faults_of(post.rules);
  post.open->bounded = bounded && post.counts_at_once;
}

void Seat::inspect_post(Post& post, const Traffic& traffic, bool quiet, Ns now, Ns epoch,
                        std::vector<Escape>& escapes) {
  const bool arriving = post.hook == Hook::ingress;
  const Carried carried =
      arriving ? Carried{traffic.received, traffic.received_bytes} : Carried{traffic.sent, traffic.sent_bytes};
  Standing standing = post.attachment.look(quiet);
  if (standing.device_gone) return;
  if (arriving && traffic.xdp != 0) {
    if (inspected_ == 0)
      post.xdp = traffic.xdp;  // was said beforehand
    else if (traffic.xdp != post.xdp)
      standing.before.push_back("XDP " + program_name(traffic.xdp));
  }
  const bool xdp = arriving && traffic.xdp != post.xdp;
  standing.changed |= std::exchange(post.overtaken, false);
  // Others that run first on the way out, and XDP, may keep packets from being counted by the device.
  const bool bounded = !xdp && (arriving || !standing.attached);
  const Ns since = inspected_;
  if (!standing.is_first() && !post.open) {
    begin(post, bounded, reason(standing));
    count(post, carried, since, now, epoch);
    escapes.push_back(*post.open);
  } else if (standing.is_first() && !post.open && standing.changed && since != 0) {
    begin(post, bounded, "a program came and went that may have run before the fault");
    count(post, carried, since, now, epoch);
    post.open->until = now;
    escapes.push_back(*post.open);
    post.open.reset();
  } else if (post.open) {
    post.open->bounded &= bounded || standing.is_first();
    count(post, carried, since, now, epoch);
    if (standing.is_first()) {
      post.open->until = now;
      escapes.push_back(*post.open);
      post.open.reset();
    }
  }
  post.carried = carried;
}

void Seat::inspect(Ns now, Ns epoch, std::vector<Escape>& escapes) {
  for (auto& escape : std::exchange(told_late_, {})) escapes.push_back(std::move(escape));
  Inside in(place_.ns);
  const auto traffic = list_traffic();
  const bool quiet = !std::exchange(filters_changed_, false);
  for (auto& post : on_devices_)  // one that has left is not in the list: hear() is about that
    if (const auto seen = traffic.find(post.device); seen != traffic.end())
      inspect_post(post, seen->second, quiet, now, epoch, escapes);
  for (auto& stranger : strangers_)
    if (const auto seen = traffic.find(stranger.device); seen != traffic.end())
      count(stranger, seen->second, inspected_, now, epoch);
  note_traffic(traffic, now);
  inspected_ = now;
}

void Seat::tell_open(std::vector<Escape>& escapes) const {
  for (const auto& post : on_devices_)
    if (post.open) escapes.push_back(*post.open);
  for (const auto& stranger : strangers_) escapes.push_back(stranger.escape);
}

void Seat::hear(const DeviceEvents::News& news, Ns now) {
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

void Seat::leave(const DeviceEvents::Left& left, Ns now) {
  std::string device;
  bool done = true;
  const auto end = [&](Escape& escape) {
    escape.until = now;
    told_late_.push_back(std::move(escape));
  };
  for (auto& stranger : strangers_)
    if (stranger.device == left.index) end(stranger.escape);
  std::erase_if(strangers_, [&](const Stranger& stranger) { return stranger.device == left.index; });
  for (auto& post : on_devices_) {
    if (post.device != left.index) continue;
    device = post.name;
    if (post.open) {
      post.open->bounded = false;  // the device has taken along what it had counted since the last look
      end(*post.open);
    }
    try {
      if (left.moved)
        done &= post.attachment.take_away_elsewhere(left.new_index);
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
  remarks_.push_back(
      left.moved ? fmt::format("device {} was moved out of {}: its traffic is no longer faulted{}", device, place_.name,
                               done ? ""
                                    : "; a filter of Faultline's went along and could not be taken away, since the "
                                      "namespace was not found; it lets everything pass")
                 : fmt::format("device {} of {} vanished: its traffic is no longer faulted", device, place_.name));
}

void Seat::close_escapes(Ns now, Ns epoch, std::vector<Escape>& escapes) {
  bool counted = true;
  try {
    inspect(now, epoch, escapes);
  } catch (const std::exception&) {
    counted = false;
  }
  const auto end = [&](Escape escape) {
    escape.until = now;
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
