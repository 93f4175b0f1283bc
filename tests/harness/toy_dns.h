// A DNS server of few words, and the C library's resolver to ask it.
#pragma once

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "tests/harness/udp.h"

namespace faultline::test {

/// A DNS server that knows one IPv4 address for every name: 198.51.100.7, until it is told another.
class ToyDns {
 public:
  ToyDns(const NetNs& ns, const std::string& at)
      : socket_(bound_socket(ns, SOCK_DGRAM, address(at, 53))),
        listener_(bound_socket(ns, SOCK_STREAM, address(at, 53))) {
    check("listen", listen(listener_.get(), 16));
    thread_ = std::thread([this] { serve(); });
  }
  ~ToyDns() {
    stopping_ = true;
    thread_.join();
  }
  int asked() const { return asked_; }
  void answer(const std::string& with) {
    answer_ = reinterpret_cast<const sockaddr_in&>(address(with, 0).storage).sin_addr.s_addr;
  }

 private:
  void serve() {
    std::uint8_t m[1024];
    while (!stopping_) {
      pollfd readable[] = {{socket_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      if (poll(readable, 2, 20) < 1) continue;
      if (readable[1].revents != 0) serve_stream();
      if (readable[0].revents == 0) continue;
      Address from;
      from.size = sizeof from.storage;
      const ssize_t n = recvfrom(socket_.get(), m, 512, 0, reinterpret_cast<sockaddr*>(&from.storage), &from.size);
      if (n >= 12) sendto(socket_.get(), m, respond(m), 0, from.get(), from.size);
    }
  }
  /// One connection with one query, behind its length (RFC 1035, section 4.2.2).
  void serve_stream() {
    const Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const timeval patience{3, 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::uint8_t m[1024];
    if (recv(connection.get(), m, 2, MSG_WAITALL) != 2) return;
    const std::size_t length = static_cast<std::size_t>(m[0]) << 8 | m[1];
    if (length < 12 || length > 512 ||
        recv(connection.get(), m + 2, length, MSG_WAITALL) != static_cast<ssize_t>(length))
      return;
    const std::size_t answer = respond(m + 2);
    m[0] = static_cast<std::uint8_t>(answer >> 8), m[1] = static_cast<std::uint8_t>(answer);
    send(connection.get(), m, answer + 2, MSG_NOSIGNAL);
  }
  /// Turns a query into its answer; the answer's length.
  std::size_t respond(std::uint8_t* m) {
    asked_++;
    std::size_t end = 12;
    while (m[end] != 0) end += m[end] + 1u;
    end += 5;
    const bool is_a = m[end - 3] == 1;
    m[2] |= 0x80, m[3] = 0x80, m[7] = is_a, m[11] = 0;
    std::uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 0, 0, 0, 0};
    const in_addr_t with = answer_;
    std::memcpy(record + 12, &with, sizeof with);
    std::memcpy(m + end, record, sizeof record);
    return end + (is_a ? sizeof record : 0);
  }
  Fd socket_, listener_;
  std::atomic<int> asked_ = 0;
  std::atomic<in_addr_t> answer_ = htonl(0xc6336407);
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

struct Looked {
  int error = 0;        ///< h_errno
  std::string address;  ///< the first, as text; empty: none
  Ns took = 0;
};

inline Looked look_up(const NetNs& ns, const std::string& server, const std::string& name, int type = T_A,
                      bool edns = true, bool stream = false) {
  Inside in(ns);
  struct __res_state state {};
  check("res_ninit", res_ninit(&state));
  state.options = RES_RECURSE | (edns ? RES_USE_EDNS0 : 0u) | (stream ? RES_USEVC : 0u);
  state.retrans = 1;
  state.retry = 1;
  state.nscount = 1;
  const Address to = address(server, 53);
  if (to.storage.ss_family == AF_INET6) {
    auto* v6 = static_cast<sockaddr_in6*>(std::malloc(sizeof(sockaddr_in6)));  // res_nclose() frees it
    std::memcpy(v6, to.get(), sizeof *v6);
    state.nsaddr_list[0].sin_family = 0;
    std::free(state._u._ext.nsaddrs[0]);
    state._u._ext.nsaddrs[0] = v6;
    state._u._ext.nscount = 1;
  } else {
    std::memcpy(&state.nsaddr_list[0], to.get(), sizeof state.nsaddr_list[0]);
  }
  Looked out;
  unsigned char answer[1024];
  const Ns before = monotonic_now();
  const int n = res_nquery(&state, name.c_str(), C_IN, type, answer, sizeof answer);
  out.took = monotonic_now() - before;
  out.error = n < 0 ? state.res_h_errno : 0;
  ns_msg message;
  ns_rr record;
  if (n > 0 && ns_initparse(answer, n, &message) == 0 && ns_parserr(&message, ns_s_an, 0, &record) == 0) {
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(type == T_AAAA ? AF_INET6 : AF_INET, ns_rr_rdata(record), text, sizeof text) != nullptr)
      out.address = text;
  }
  res_nclose(&state);
  return out;
}

}  // namespace faultline::test
