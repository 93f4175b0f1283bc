#include "injector/site/name_watch.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <span>

#include "injector/base/clock.h"
#include "injector/base/dns_answer.h"
#include "injector/base/error.h"
#include "injector/base/realtime.h"

namespace faultline::site {
namespace {

constexpr Ns kAtOnce = 300 * kMicrosecond;  // for the messages of a socket, then a pause
constexpr Ns kPause = 10 * kMillisecond;
constexpr std::size_t kLongest = 64 << 10;  // of a datagram
constexpr std::uint16_t kDns = 53;

/// Lets in UDP from port 53. The socket shows packets from their IP header on. Of IPv4 no later fragments; of IPv6 none
/// with extension headers.
constexpr sock_filter kOfDns4[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kDns, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, kLongest),
    BPF_STMT(BPF_RET | BPF_K, 0),
};
constexpr sock_filter kOfDns6[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, sizeof(ip6_hdr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kDns, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, kLongest),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

/// Hears what arrives in the calling thread's network namespace. By one protocol, not by all: nothing that leaves is
/// copied then.
Fd open_ear(std::uint16_t protocol, std::span<const sock_filter> filter) {
  Fd socket(static_cast<int>(
      check("listen to a target's DNS answers", ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  check("listen to DNS answers alone",
        setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(protocol);
  check("listen at every device", bind(socket.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all));
  return socket;
}

NameWatch::Ears open_ears(const NetNs& ns) {
  Inside inside(ns);
  return {open_ear(ETH_P_IP, kOfDns4), open_ear(ETH_P_IPV6, kOfDns6)};
}

/// What a UDP packet carries, from its IP header on.
std::span<const std::uint8_t> payload(std::span<const std::uint8_t> packet) {
  if (packet.empty()) return {};
  const std::size_t l4 = packet[0] >> 4 == 6 ? sizeof(ip6_hdr) : (packet[0] & 15u) * 4;
  return packet.size() < l4 + sizeof(udphdr) ? std::span<const std::uint8_t>() : packet.subspan(l4 + sizeof(udphdr));
}

}  // namespace

NameWatch::NameWatch(const std::vector<Site>& sites, Learn learn) : learn_(std::move(learn)) {
  bell_ = Fd(static_cast<int>(check("make an eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
  for (std::size_t i = 0; i < sites.size(); i++) {
    Ear ear{i, {}, {}};
    for (const auto& rule : sites[i].rules)
      for (const auto& name : rule.match.names)
        if (std::find(ear.names.begin(), ear.names.end(), name) == ear.names.end()) ear.names.push_back(name);
    if (ear.names.empty()) continue;
    ear.on = open_ears(sites[i].ns);
    ears_.push_back(std::move(ear));
  }
}

NameWatch::~NameWatch() {
  thread_.request_stop();
  eventfd_write(bell_.get(), 1);
}

void NameWatch::start() {
  {
    const MutexLock lock(mutex_);
    if (ears_.empty()) return;
  }
  sigset_t all, before;  // the thread inherits the mask: a signal meant for the process never lands on it
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::jthread([this](const std::stop_token& done) { run(done); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::optional<NameWatch::Ears> NameWatch::listen(std::size_t site, const NetNs& ns) const {
  {
    const MutexLock lock(mutex_);
    if (std::none_of(ears_.begin(), ears_.end(), [&](const Ear& ear) { return ear.site == site; })) return {};
  }
  return open_ears(ns);
}

void NameWatch::move(std::size_t site, Ears ears) {
  {
    const MutexLock lock(mutex_);
    for (auto& ear : ears_)
      if (ear.site == site) ear.on = std::move(ears);
  }
  eventfd_write(bell_.get(), 1);
}

void NameWatch::run(const std::stop_token& done) {
  prctl(PR_SET_NAME, "faultline-names");
  realtime::Urgent urgent(realtime::Rank::helper);  // who was told an address goes there at once
  while (!done.stop_requested()) {
    std::vector<pollfd> ready{{bell_.get(), POLLIN, 0}};
    {
      const MutexLock lock(mutex_);
      for (const auto& ear : ears_)
        for (const Fd* socket : {&ear.on.v4, &ear.on.v6}) ready.push_back({socket->get(), POLLIN, 0});
    }
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;  // no signal comes here, and the descriptors are ours
    urgent.look();
    eventfd_t rung;
    eventfd_read(bell_.get(), &rung);
    bool flooded = false;
    {
      const MutexLock lock(mutex_);
      for (const auto& ear : ears_)
        for (const Fd* socket : {&ear.on.v4, &ear.on.v6}) flooded |= hear(ear, socket->get());
    }
    const timespec pause{0, kPause};
    if (flooded) nanosleep(&pause, nullptr);
  }
}

/// Whether there may be more.
bool NameWatch::hear(const Ear& ear, int socket) {
  static thread_local std::array<std::uint8_t, kLongest> buffer;
  const Ns until = monotonic_now() + kAtOnce;
  do {
    const ssize_t n = recv(socket, buffer.data(), buffer.size(), 0);
    if (n < 0) return false;  // no more; or a device went down, which the next poll gets over
    const auto message = payload(std::span(buffer).first(static_cast<std::size_t>(n)));
    for (const auto& [name, address] : addresses_in(message, ear.names)) {
      try {
        learn_(ear.site, name, address);
      } catch (const std::exception&) {  // a journal that cannot be written: the run's own loop finds that out
      }
    }
  } while (monotonic_now() < until);
  return true;
}

}  // namespace faultline::site
