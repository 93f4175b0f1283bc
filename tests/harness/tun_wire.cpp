#include "tests/harness/tun_wire.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vector>

#include "injector/base/error.h"
#include "injector/base/rtnetlink.h"

namespace faultline::test {

Fd open_tun(const std::string& name) {
  Fd fd(static_cast<int>(check("open /dev/net/tun", ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC))));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  check("create " + name, ioctl(fd.get(), TUNSETIFF, &request));
  check("set offloads", ioctl(fd.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6));
  return fd;
}

TunWire::TunWire(const NetNs& a, const NetNs& b, const std::string& name)
    : stop_(static_cast<int>(check("eventfd", eventfd(0, EFD_CLOEXEC)))) {
  const NetNs* namespaces[] = {&a, &b};
  for (int end = 0; end < 2; end++) {
    Inside in(*namespaces[end]);
    ends_[end] = open_tun(name);
    set_txqueuelen(name, 10000);
  }
  thread_ = std::thread([this] { carry(); });
}

TunWire::~TunWire() {
  const std::uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void TunWire::carry() {
  std::vector<char> packet(70000);
  pollfd waiting[] = {{ends_[0].get(), POLLIN, 0}, {ends_[1].get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (poll(waiting, 3, -1) >= 0 && waiting[2].revents == 0) {
    for (int end = 0; end < 2; end++) {
      if ((waiting[end].revents & POLLIN) == 0) continue;
      for (ssize_t n = 0; (n = read(ends_[end].get(), packet.data(), packet.size())) > 0;)
        (void)!write(ends_[1 - end].get(), packet.data(),
                     static_cast<std::size_t>(n));  // refused while the other end is down, as on any wire
    }
  }
}

}  // namespace faultline::test
