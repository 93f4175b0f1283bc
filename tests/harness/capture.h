// What eBPF programs send beside the packet that they run on: BPF_PROG_TEST_RUN gives back that one alone.
#pragma once

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include <vector>

#include "injector/base/error.h"
#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/packet.h"

namespace faultline::test {

/// Captures what programs under test send by bpf_clone_redirect: onto the loopback device of a namespace of our own.
struct Capture {
  Capture() {
    set_up("lo");
    socket = Fd(
        check("open a packet socket", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL))));
  }
  std::vector<Frame> take() {
    std::vector<Frame> frames;
    Frame frame(2000);
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    for (ssize_t n = 0;
         (n = recvfrom(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &length)) > 0;
         length = sizeof from)
      if (from.sll_pkttype == PACKET_OUTGOING) frames.emplace_back(frame.begin(), frame.begin() + n);
    return frames;
  }
  NetNs ns = NetNs::create();
  Inside inside{ns};
  Fd socket;
};

}  // namespace faultline::test
