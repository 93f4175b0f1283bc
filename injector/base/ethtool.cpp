#include "injector/base/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/fd.h"

namespace faultline {
namespace {

constexpr std::array<std::string_view, 6> kSegmentation = {"tx-tcp-segmentation",     "tx-tcp6-segmentation",
                                                           "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation",
                                                           "tx-generic-segmentation", "tx-udp-segmentation"};

/// An ethtool request: a fixed struct with an array behind it, zeroed.
template <class Header>
class Buffer {
 public:
  Buffer(std::uint32_t command, std::size_t tail_bytes) : words_((sizeof(Header) + tail_bytes + 3) / 4) {
    header()->cmd = command;
  }
  Header* header() { return reinterpret_cast<Header*>(words_.data()); }

 private:
  std::vector<std::uint32_t> words_;
};

class Ethtool {
 public:
  Ethtool(const std::string& attempt, const std::string& device)
      : attempt_(attempt), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    check(attempt_, socket_.get());
    if (device.size() >= IFNAMSIZ) check_neg(attempt_, -ENODEV);
    device.copy(request_.ifr_name, IFNAMSIZ - 1);
  }

  void call(void* command) {
    request_.ifr_data = static_cast<char*>(command);
    check(attempt_, ioctl(socket_.get(), SIOCETHTOOL, &request_));
  }

 private:
  std::string attempt_;
  Fd socket_;
  ifreq request_{};
};

/// The kernel's name of every feature bit, in bit order.
std::vector<std::string> feature_names(Ethtool& ethtool) {
  Buffer<ethtool_sset_info> info(ETHTOOL_GSSET_INFO, sizeof(std::uint32_t));
  info.header()->sset_mask = 1ULL << ETH_SS_FEATURES;
  ethtool.call(info.header());
  const std::uint32_t count = info.header()->sset_mask != 0 ? info.header()->data[0] : 0;

  Buffer<ethtool_gstrings> strings(ETHTOOL_GSTRINGS, std::size_t{count} * ETH_GSTRING_LEN);
  strings.header()->string_set = ETH_SS_FEATURES;
  strings.header()->len = count;
  ethtool.call(strings.header());
  std::vector<std::string> names;
  for (std::uint32_t bit = 0; bit < count; ++bit) {
    const auto* text = reinterpret_cast<const char*>(strings.header()->data + std::size_t{bit} * ETH_GSTRING_LEN);
    names.emplace_back(text, strnlen(text, ETH_GSTRING_LEN));
  }
  return names;
}

}  // namespace

void set_offloads_off(const std::string& device) {
  const std::string attempt = "turn the segmentation offloads of " + device + " off";
  Ethtool ethtool(attempt, device);
  const std::vector<std::string> names = feature_names(ethtool);
  const std::size_t blocks = (names.size() + 31) / 32;
  const auto is_segmentation = [&](std::size_t bit) {
    return std::find(kSegmentation.begin(), kSegmentation.end(), names[bit]) != kSegmentation.end();
  };

  Buffer<ethtool_sfeatures> wanted(ETHTOOL_SFEATURES, blocks * sizeof(ethtool_set_features_block));
  wanted.header()->size = static_cast<std::uint32_t>(blocks);
  for (std::size_t bit = 0; bit < names.size(); ++bit) {
    if (is_segmentation(bit)) wanted.header()->features[bit / 32].valid |= 1U << (bit % 32);
  }
  // The answer says only that *something* asked for was not done, which is so for a feature that was off and fixed.
  ethtool.call(wanted.header());

  Buffer<ethtool_gfeatures> got(ETHTOOL_GFEATURES, blocks * sizeof(ethtool_get_features_block));
  got.header()->size = static_cast<std::uint32_t>(blocks);
  ethtool.call(got.header());
  for (std::size_t bit = 0; bit < names.size(); ++bit) {
    if (is_segmentation(bit) && (got.header()->features[bit / 32].active >> (bit % 32) & 1) != 0)
      check_neg(attempt + " (" + names[bit] + " stays on)", -ENOTSUP);
  }
}

}  // namespace faultline
