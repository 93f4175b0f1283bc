// A seat is what joins a site to the pen: a veth pair, the site's rows in the selector's tables, our programs on its
// devices. A site has one at a time. A target that comes back in another network namespace is given another, with the
// same rules, whose state and counts go on; the seat that it had is given up.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "injector/pen/attach.h"
#include "injector/pen/selectors.h"
#include "injector/site/site.h"
#include "injector/site/tunnels.h"

namespace faultline::pen {

/// What the seats of a pen have in common. All of it outlives them.
struct Surroundings {
  const NetNs& pen;
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
  bool has_bare_device()
      const;  ///< without an Ethernet header: the selector is loaded with programs that can do without

  const Surroundings& around_;
  const std::uint32_t number_, site_;
  site::Site place_;
  std::string near_, far_;
  int near_index_ = 0, far_index_ = 0;
  Selectors* selectors_ = nullptr;
  std::map<int, Fd> entrances_;  // by hook; none is kept beyond what it is attached to
  std::vector<Attachment> on_devices_, in_pen_;
  std::set<int> attached_, reported_;  // devices, by index; in reported_ those that vanished by its negative
  std::map<std::pair<std::uint64_t, std::uint64_t>, fl_masks> learned_;
  bool is_full_ = false;   // of addresses, or so the kernel says
  site::Tunnels tunnels_;  // that the selector was loaded for
  std::vector<std::string> remarks_;
};

}  // namespace faultline::pen
