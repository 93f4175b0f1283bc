// A seat is what joins a site to the pen: a veth pair, the site's rows in the selector's tables, our programs on its
// devices. A site has one at a time. A target that comes back in another network namespace is given another, with the
// same rules, whose state and counts go on; the seat that it had is given up.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "faults/score.h"
#include "injector/base/device_events.h"
#include "injector/pen/attach.h"
#include "injector/pen/escape.h"
#include "injector/pen/selectors.h"
#include "injector/site/site.h"
#include "injector/site/tunnels.h"

namespace faultline::pen {

/// What the seats of a pen have in common. All of it outlives them.
struct Surroundings {
  const NetNs& pen;
  const faults::Score& score;
  Engine engine;
  Janitor* janitor;
  std::string alias;  ///< of the near veths
};

class Seat {
 public:
  /// `number` is the seat's among the player's, `site` the site's in the score.
  Seat(const Surroundings& around, std::uint32_t number, std::uint32_t site, site::Site place);
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat();  ///< leaves; never throws

  /// Makes the veth pair.
  void build();
  /// What the selector has to know about it.
  Seating seating();
  /// Where the selector knows it from here on.
  void sit(Selectors& selectors) { selectors_ = &selectors; }
  /// Attaches the player to the far end, the return to the near one.
  void attach_to_pen(const BpfObject& player);
  /// Attaches the selector to the devices: from here on packets meet their rules.
  void attach_to_devices();
  /// Attaches to devices that have appeared since. Returns what there is to report about those that came and went.
  std::vector<std::string> look();
  /// Whether all that is attached is still there, and first; what has changed in that is added to `escapes`: those that
  /// begin, with no end, and those that end. `epoch`: T0 in CLOCK_MONOTONIC, or 0.
  void inspect(Ns now, Ns epoch, std::vector<Escape>& escapes);
  /// Those that have not ended, with what was counted so far.
  void tell_open(std::vector<Escape>& escapes) const;
  /// What has happened in the namespace. Takes our programs off devices that have left.
  void hear(const DeviceEvents::News& news);
  const NetNs& ns() const { return place_.ns; }

  /// An address of a name that rules are about. Whether it was new to them.
  bool learn(const std::string& name, const IpPrefix& address);
  /// Another seat of the site has learned all that it has until now, for both.
  void learn_from(const Seat& other);

  /// Does one step of taking things apart, and deals with its failure.
  using Attempt = std::function<void(const std::string& what, const std::function<void()>& action)>;
  void leave_devices(const Attempt& attempt);
  void leave_pen(const Attempt& attempt);
  /// The veth pair has been deleted: leave_pen() has nothing to do.
  void pen_is_gone() { near_index_ = 0; }

  const std::string& name() const { return place_.name; }
  std::uint32_t number() const { return number_; }
  std::uint32_t site() const { return site_; }
  int far() const { return far_index_; }  ///< ifindex in the pen's namespace
  /// What people should know; what was told is not told again.
  std::vector<std::string> take_remarks() { return std::exchange(remarks_, {}); }

 private:
  void attach_to(const Device& device);
  void leave(const DeviceEvents::Left& left);
  struct Post;
  void begin(Post& post, const std::string& why);
  void count(Post& post, std::uint64_t packets, Ns since, Ns now, Ns epoch) const;
  bool has_bare_device()
      const;  ///< without an Ethernet header: the selector is loaded with programs that can do without

  const Surroundings& around_;
  const std::uint32_t number_, site_;
  site::Site place_;
  std::string near_, far_;
  int near_index_ = 0, far_index_ = 0;
  Selectors* selectors_ = nullptr;
  std::map<int, Fd> entrances_;  // by hook; none is kept beyond what it is attached to
  /// The selector on one hook of one device.
  struct Post {
    Attachment attachment;
    int device = 0;
    std::string name;
    Hook hook = Hook::egress;
    std::vector<std::uint32_t> rules = {};      ///< that act there, by their index in the score
    std::optional<std::uint64_t> packets = {};  ///< of the device, this way, at the last look
    std::uint32_t xdp = 0;                      ///< the XDP program that was there from the start
    bool overtaken = false;                     ///< a filter was put in front, by the namespace's events
    std::optional<Escape> open = {};            ///< of which the end has not come
  };
  std::vector<Post> on_devices_;
  std::vector<Attachment> in_pen_;
  Ns inspected_ = 0;                                      // when, in CLOCK_MONOTONIC
  bool devices_changed_ = true, filters_changed_ = true;  // since the last look, by the namespace's events
  std::set<int> attached_, reported_;  // devices, by index; in reported_ those that vanished by its negative
  std::map<std::pair<std::uint64_t, std::uint64_t>, fl_masks> learned_;
  bool is_full_ = false;   // of addresses, or so the kernel says
  site::Tunnels tunnels_;  // that the selector was loaded for
  std::vector<std::string> remarks_;
};

}  // namespace faultline::pen
