#include "tests/harness/udp_stream.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "injector/base/error.h"
#include "tests/harness/udp.h"

namespace faultline::test {
namespace {

constexpr std::uint16_t kPort = 7007;
constexpr int kRoom = 16 << 20;

}  // namespace

UdpStream::UdpStream(const NetNs& from, const std::string& source, const NetNs& to, const std::string& target,
                     unsigned per_second, std::size_t size)
    : sender_(bound_socket(from, SOCK_DGRAM, address(source, kPort))),
      receiver_(bound_socket(to, SOCK_DGRAM, address(target, kPort))),
      gap_(kSecond / per_second) {
  check("make room", setsockopt(receiver_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom));
  const int on = 1;
  check("ask for instants of arrival", setsockopt(receiver_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
  const Address peer = address(target, kPort);
  check("connect", connect(sender_.get(), peer.get(), peer.size));
  packets_.reserve(1 << 20);
  instants_.reserve(1 << 20);
  receiving_thread_ = std::thread([this] { receive_all(); });
  sending_thread_ = std::thread([this, size] { send_all(size); });
}

UdpStream::~UdpStream() {
  if (receiving_thread_.joinable()) finish(0);
}

const std::vector<UdpStream::Packet>& UdpStream::finish(Ns rest) {
  sending_ = false;
  if (sending_thread_.joinable()) sending_thread_.join();
  until_ = monotonic_now() + rest;
  if (receiving_thread_.joinable()) receiving_thread_.join();
  return packets_;
}

void UdpStream::send_all(std::size_t size) {
  prctl(PR_SET_TIMERSLACK, 1);
  std::vector<char> bytes(std::max<std::size_t>(size, 24));
  for (Ns next = monotonic_now(); sending_;) {
    Ns now = monotonic_now();
    if (now < next) {
      const timespec at{next / kSecond, next % kSecond};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
      now = monotonic_now();
    }
    std::memcpy(bytes.data(), &now, sizeof now);
    if (send(sender_.get(), bytes.data(), bytes.size(), 0) < 0)
      refused_++;
    else {
      sent_++;
      instants_.push_back(now);
    }
    next = std::max(next + gap_, now - 100 * gap_);  // catches up, but not without end
  }
}

// The kernel's instant of arrival, so that a receiver which waits for a processor makes no packet late. It is of the
// wall clock; a packet without it counts from now.
void UdpStream::receive_all() {
  const Ns ahead = wall_now() - monotonic_now();
  char bytes[70000];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  for (;;) {
    pollfd readable{receiver_.get(), POLLIN, 0};
    if (poll(&readable, 1, 5) <= 0) {
      if (monotonic_now() > until_) return;
      continue;
    }
    for (;;) {
      iovec piece{bytes, sizeof bytes};
      msghdr message{};
      message.msg_iov = &piece;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const ssize_t n = recvmsg(receiver_.get(), &message, MSG_DONTWAIT);
      if (n < static_cast<ssize_t>(sizeof(Ns))) break;
      Packet packet{0, monotonic_now()};
      for (const cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
           c = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(c))) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec at{};
        std::memcpy(&at, CMSG_DATA(c), sizeof at);
        packet.arrived = static_cast<Ns>(at.tv_sec) * kSecond + at.tv_nsec - ahead;
      }
      std::memcpy(&packet.sent, bytes, sizeof packet.sent);
      packets_.push_back(packet);
    }
  }
}

std::optional<Ns> first_quick(const std::vector<UdpStream::Packet>& packets, Ns instant, Ns limit) {
  std::optional<Ns> first;
  for (const auto& packet : packets) {
    if (packet.sent < instant || packet.took() >= limit) continue;
    if (!first || packet.sent - instant < *first) first = packet.sent - instant;
  }
  return first;
}

}  // namespace faultline::test
