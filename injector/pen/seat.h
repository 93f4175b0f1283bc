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
#include "injector/pen/moment.h"
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

/// By a device, one way or both.
struct Carried {
  std::uint64_t packets = 0, bytes = 0;
};
/// What a device has carried the way of a hook.
Carried carried_by(Hook hook, const Traffic& traffic);

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
  void attach_to_devices(const Moment& now);
  /// Attaches to devices that have come since, or come back. `now` asks for the time, which passes meanwhile. Returns
  /// what there is to report about those that came and went; when it throws, the next call does.
  std::vector<std::string> look(const std::function<Moment()>& now);
  /// Whether a device has changed that may have to be attached to: each moment until look() its traffic goes by.
  bool expects_device() const { return device_expected_; }
  /// Whether all that is attached is still there, and first; what has changed in that is added to `escapes`: those that
  /// begin, with no end, and those that end.
  void inspect(const Moment& now, std::vector<Escape>& escapes);
  /// Those that have not ended, with what was counted so far.
  void tell_open(std::vector<Escape>& escapes) const;
  /// Before the seat is given up: ends and hands out all escapes that there are.
  void close_escapes(const Moment& now, std::vector<Escape>& escapes);
  /// What has happened in the namespace. Takes our programs off devices that have left.
  void hear(const DeviceEvents::News& news, const Moment& now);
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
  /// Of a device that our programs are or were on; "" of another.
  std::string device_name(int index) const;
  std::uint32_t number() const { return number_; }
  std::uint32_t site() const { return site_; }
  int far() const { return far_index_; }  ///< ifindex in the pen's namespace
  /// What people should know; what was told is not told again.
  std::vector<std::string> take_remarks() { return std::exchange(remarks_, {}); }

 private:
  void attach_to(const Device& device);
  void leave(const DeviceEvents::Left& left, const Moment& now);
  struct Post;
  struct Stranger;
  static bool counts_at_once(const Device& device);  ///< its counters are the kernel's, and not a card's
  std::vector<std::uint32_t> rules_at(const Device& device, Hook hook) const;
  bool is_in_force(std::uint32_t rule, const Moment& since, const Moment& now) const;
  bool are_in_force(const std::vector<std::uint32_t>& rules, const Moment& since, const Moment& now) const;
  std::vector<Share> faults_of(const std::vector<std::uint32_t>& rules) const;
  void begin(Post& post, bool bounded, const std::string& why);
  void charge(Escape& escape, const std::vector<std::uint32_t>& rules, const Carried& carried, const Moment& since,
              const Moment& now) const;
  void count(Post& post, const Carried& carried, const Moment& since, const Moment& now) const;
  void count(Stranger& stranger, const Traffic& traffic, const Moment& since, const Moment& now) const;
  void inspect_post(Post& post, const Traffic& traffic, bool quiet, const Moment& now, std::vector<Escape>& escapes);
  void note_traffic(const std::map<int, Traffic>& traffic, const Moment& now);
  bool is_missing(const Device& device) const;
  void take_in(const Device& device);
  void know_as(const Device& device);
  Stranger stranger_of(const Device& device, const std::string& why) const;
  Moment first_seen(int device) const;
  /// When the programs were looked at last, or put there.
  const Moment& last_look() const { return inspected_.instant != 0 ? inspected_ : seated_; }
  bool try_to_take_in(const Device& device);
  void tell_stranger(const Device& device, const std::string& why);
  Stranger* find_stranger(int device);  ///< null: it is none
  void tell_arrivals(const std::vector<Device>& came, const Moment& now);

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
    bool counts_at_once = false;            ///< the device does
    std::vector<std::uint32_t> rules = {};  ///< that act there, by their index in the score
    std::optional<Carried> carried = {};    ///< of the device, this way, at the last look
    std::uint32_t xdp = 0;                  ///< the XDP program that was there from the start
    bool overtaken = false;                 ///< a filter was put in front, by the namespace's events
    std::optional<Escape> open = {};        ///< of which the end has not come
  };
  /// A device of the site that our programs could not be put on.
  struct Stranger {
    int device = 0;
    bool sends = false, receives = false;   ///< as far as rules act there
    std::vector<std::uint32_t> rules = {};  ///< that do
    Traffic carried = {};                   ///< at the last look
    Escape escape = {};
  };
  /// What a device that is not attached to had carried when it was looked at last.
  struct Sight {
    Moment when = {};
    Traffic carried = {};
  };
  std::vector<Post> on_devices_;
  std::vector<Stranger> strangers_;
  std::map<int, Sight> sights_;
  std::map<std::string, int> named_;     // devices that the plan names, and the index by which rules know them
  std::map<int, std::string> attended_;  // devices that were ever attached to
  std::set<std::string> left_;           // names of those that are gone
  std::vector<Escape> told_late_;        // for the next inspect()
  std::vector<Attachment> in_pen_;
  Moment seated_, inspected_;                             // when; the latter: never yet, where it has no instant
  bool devices_changed_ = true, filters_changed_ = true;  // since the last look, by the namespace's events
  bool device_expected_ = false;                          // see expects_device()
  bool bare_ = false;                                     // the programs can do without an Ethernet header
  std::set<int> attached_, reported_;  // devices, by index; in reported_ those that vanished by its negative
  std::set<int> waiting_;              // devices that could not be attached to yet: each look() tries again
  std::map<std::pair<std::uint64_t, std::uint64_t>, fl_masks> learned_;
  bool is_full_ = false;   // of addresses, or so the kernel says
  site::Tunnels tunnels_;  // that the selector was loaded for
  std::vector<std::string> remarks_;
};

}  // namespace faultline::pen
