// Hears, by rtnetlink, of what happens to the devices of one network namespace and to the filters on them: nothing has
// to be asked for again and again, and a device that leaves is known of within microseconds. What was said before it
// was made is not heard.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "injector/base/fd.h"
#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"

namespace faultline {

class DeviceEvents {
 public:
  explicit DeviceEvents(const NetNs& ns);

  /// A device that is not in the namespace any more.
  struct Left {
    int index = 0;
    bool moved = false;                   ///< into another namespace; else it was deleted
    int new_index = 0;                    ///< there, as far as the kernel says
    std::optional<int> new_netns = {};    ///< that namespace, by the number by which the one left knows it
    std::optional<Traffic> carried = {};  ///< in all until it left; absent: not heard
  };
  /// A filter that was put on a device.
  struct Filter {
    int index = 0;  ///< of the device
    std::uint32_t parent = 0, chain = 0, priority = 0;
  };
  /// A device that is there, as the kernel tells of it when it comes or changes.
  struct Seen {
    int index = 0;
    Traffic carried;  ///< so far
  };
  struct News {
    bool devices = false;  ///< one came, went or changed, or an address of one
    bool filters = false;  ///< one came or went, or a qdisc that holds them
    std::vector<Left> left;
    std::vector<Seen> seen;      ///< since they left, those that did
    std::vector<int> addressed;  ///< devices that were given an address
    std::vector<Filter> added;
  };

  /// Readable when there are news.
  int fd() const { return socket_.get(); }
  /// All there are; never blocks. When some were missed, all may have changed.
  News read();

 private:
  Fd socket_;
};

}  // namespace faultline
