// What the selector looks packets up in, of all sites together: peers by address, rules by port. Each site's tables
// stand behind those of the others; what is equal stands there once, so that many sites with the same rules need no
// more room than one.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "faults/abi.h"
#include "injector/pen/bpf_object.h"
#include "injector/site/masks.h"

namespace faultline::pen {

/// Where the tables of one site are.
struct TablesOfSite {
  fl_peers peers4{}, peers6{};
  std::uint32_t port_table = 0;
};

class Tables {
 public:
  TablesOfSite add(const site::Masks& masks);
  void size(BpfObject& object) const;        ///< before it is loaded
  void fill(const BpfObject& object) const;  ///< afterwards

 private:
  /// Of one family.
  struct Family {
    std::vector<fl_address> starts;
    std::vector<fl_masks> spans;
    std::vector<__u32> index;
    std::unordered_multimap<std::size_t, fl_peers> known;  // by hash of their content

    fl_peers add(const site::Peers& peers);
  };
  std::uint16_t add_page(const fl_ports* page);

  Family v4_, v6_;
  std::vector<fl_ports> ports_;  // pages of 256
  std::unordered_multimap<std::size_t, std::uint16_t> pages_;
  std::vector<fl_port_table> port_tables_;
  std::unordered_multimap<std::size_t, std::uint32_t> known_port_tables_;
};

}  // namespace faultline::pen
