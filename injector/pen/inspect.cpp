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

void Seat::count(Post& post, std::uint64_t packets, Ns since, Ns now, Ns epoch) const {
  if (!post.packets || !post.open || epoch == 0) return;
  const bool in_force = std::any_of(post.rules.begin(), post.rules.end(), [&](std::uint32_t index) {
    const fl_rule& rule = around_.score.rules[index];
    return static_cast<Ns>(rule.start)<now - epoch&& static_cast<Ns>(rule.end)> since - epoch;
  });
  if (in_force && packets > *post.packets) post.open->packets += packets - *post.packets;
}

void Seat::begin(Post& post, const std::string& why) {
  Escape escape{place_.name, post.name, name_of(post.hook), why, inspected_, {}};
  for (const auto index : post.rules) {
    const std::uint32_t fault = around_.score.rules[index].fault;
    if (std::find(escape.faults.begin(), escape.faults.end(), fault) == escape.faults.end())
      escape.faults.push_back(fault);
  }
  post.open = std::move(escape);
}

void Seat::inspect(Ns now, Ns epoch, std::vector<Escape>& escapes) {
  if (on_devices_.empty()) return;
  Inside in(place_.ns);
  const auto traffic = list_traffic();
  const bool quiet = !std::exchange(filters_changed_, false);
  for (auto& post : on_devices_) {
    const auto seen = traffic.find(post.device);
    if (seen == traffic.end()) continue;  // it has left: hear() is about that
    const auto& carried = seen->second;
    const std::uint64_t packets = post.hook == Hook::ingress ? carried.received : carried.sent;
    Standing standing = post.attachment.look(quiet);
    if (standing.device_gone) continue;
    if (post.hook == Hook::ingress && carried.xdp != 0) {
      if (inspected_ == 0)
        post.xdp = carried.xdp;  // was said beforehand
      else if (carried.xdp != post.xdp)
        standing.before.push_back("XDP " + program_name(carried.xdp));
    }
    standing.changed |= std::exchange(post.overtaken, false);
    const Ns since = inspected_;
    if (!standing.is_first() && !post.open) {
      begin(post, reason(standing));
      count(post, packets, since, now, epoch);
      escapes.push_back(*post.open);
    } else if (standing.is_first() && !post.open && standing.changed && since != 0) {
      begin(post, "a program came and went that may have run before the fault");
      count(post, packets, since, now, epoch);
      post.open->until = now;
      escapes.push_back(*post.open);
      post.open.reset();
    } else if (post.open) {
      count(post, packets, since, now, epoch);
      if (standing.is_first()) {
        post.open->until = now;
        escapes.push_back(*post.open);
        post.open.reset();
      }
    }
    post.packets = packets;
  }
  inspected_ = now;
}

void Seat::tell_open(std::vector<Escape>& escapes) const {
  for (const auto& post : on_devices_)
    if (post.open) escapes.push_back(*post.open);
}

void Seat::hear(const DeviceEvents::News& news) {
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
  for (const auto& left : news.left) leave(left);
}

void Seat::leave(const DeviceEvents::Left& left) {
  std::string device;
  bool done = true;
  for (auto& post : on_devices_) {
    if (post.device != left.index) continue;
    device = post.name;
    try {
      if (left.moved)
        done &= post.attachment.take_away_elsewhere(left.new_index);
      else
        post.attachment.close();
    } catch (const std::exception& e) {
      remarks_.push_back(fmt::format("device {} left {}: {}", post.name, place_.name, e.what()));
    }
  }
  if (device.empty()) return;
  std::erase_if(on_devices_, [&](const Post& post) { return post.device == left.index; });
  std::erase_if(place_.devices, [&](const Device& d) { return d.index == left.index; });
  attached_.erase(left.index);
  remarks_.push_back(
      left.moved
          ? fmt::format("device {} was moved out of {}: what it carries is no longer faulted{}", device, place_.name,
                        done ? ""
                             : "; a filter of Faultline's that went along lets everything pass, and could not be taken "
                               "away, as the namespace was not found")
          : fmt::format("device {} of {} vanished: what it carried is no longer faulted", device, place_.name));
}

}  // namespace faultline::pen
