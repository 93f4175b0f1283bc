#include "injector/base/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cstdint>

#include "injector/base/error.h"

namespace faultline {
namespace {

// UDP segmentation, from include/uapi/linux/if_tun.h of kernel 6.2; Debian 12's headers are older.
constexpr unsigned kTunUso4 = 0x20;
constexpr unsigned kTunUso6 = 0x40;

}  // namespace

Fd open_tap(const std::string& name_pattern, std::string* name) {
  const std::string attempt = "create TAP " + name_pattern;
  if (name_pattern.size() >= IFNAMSIZ) check_neg(attempt, -ENAMETOOLONG);
  Fd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  check(attempt + " (open /dev/net/tun)", fd.get());

  ifreq request{};
  name_pattern.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  check(attempt, ioctl(fd.get(), TUNSETIFF, &request));

  // The kernel refuses the whole set for one flag it does not know. Without USO it splits UDP before it gets here.
  const unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  int result = ioctl(fd.get(), TUNSETOFFLOAD, tcp | kTunUso4 | kTunUso6);
  if (result == -1 && errno == EINVAL) result = ioctl(fd.get(), TUNSETOFFLOAD, tcp);
  check(attempt + " (set offloads)", result);

  // What is on its way back is bounded by the line, not by this socket, which would refuse the write. No bound is also
  // the kernel's default; said here because packets depend on it.
  int send_buffer = INT32_MAX;
  check(attempt + " (set send buffer)", ioctl(fd.get(), TUNSETSNDBUF, &send_buffer));
  if (name != nullptr) *name = request.ifr_name;
  return fd;
}

}  // namespace faultline
