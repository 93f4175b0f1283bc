// Lookups by the C library's own resolver, answered by a server or by a fault.
#include <arpa/nameser.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "tests/harness/plan_bed.h"

namespace faultline::test {
namespace {

/// A DNS server that knows one address for every name: 198.51.100.7.
class ToyDns {
 public:
  ToyDns(const NetNs& ns, const std::string& at) : socket_(bound_socket(ns, SOCK_DGRAM, address(at, 53))), thread_([this] { serve(); }) {}
  ~ToyDns() {
    stopping_ = true;
    thread_.join();
  }
  int asked() const { return asked_; }

 private:
  void serve() {
    std::uint8_t m[1024];
    while (!stopping_) {
      pollfd readable{socket_.get(), POLLIN, 0};
      if (poll(&readable, 1, 20) != 1) continue;
      Address from;
      from.size = sizeof from.storage;
      const ssize_t n = recvfrom(socket_.get(), m, 512, 0, reinterpret_cast<sockaddr*>(&from.storage), &from.size);
      if (n < 12) continue;
      asked_++;
      std::size_t end = 12;
      while (m[end] != 0) end += m[end] + 1u;
      end += 5;
      const bool is_a = m[end - 3] == 1;
      m[2] |= 0x80, m[3] = 0x80, m[7] = is_a, m[11] = 0;
      const std::uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 7};
      std::memcpy(m + end, record, sizeof record);
      sendto(socket_.get(), m, end + (is_a ? sizeof record : 0), 0, from.get(), from.size);
    }
  }
  Fd socket_;
  std::atomic<int> asked_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

struct Looked {
  int error = 0;        ///< h_errno
  std::string address;  ///< the first, as text; empty: none
  Ns took = 0;
};

Looked look_up(const NetNs& ns, const std::string& server, const std::string& name, int type = T_A, bool edns = true) {
  Inside in(ns);
  struct __res_state state {};
  check("res_ninit", res_ninit(&state));
  state.options = RES_RECURSE | (edns ? RES_USE_EDNS0 : 0u);
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
    if (inet_ntop(type == T_AAAA ? AF_INET6 : AF_INET, ns_rr_rdata(record), text, sizeof text) != nullptr) out.address = text;
  }
  res_nclose(&state);
  return out;
}

class DnsTest : public PlanBed {
 protected:
  void fault(const std::string& rest) { play("[[faults]]\nkind = \"dns\"\non = \"a\"\nstart = \"0s\"\nfor = \"600s\"\n" + rest); }

  struct Server {
    const char* at;
    bool here;
  };
  static constexpr Server kServers[] = {{"10.7.0.2", false}, {"fd07::2", false}, {"127.0.0.53", true}, {"::1", true}};
};

TEST_F(DnsTest, errors_reach_the_application_and_other_names_the_server) {
  for (const Server& server : kServers) {
    const ToyDns dns(server.here ? bed.here : bed.there, server.at);
    EXPECT_EQ(look_up(bed.here, server.at, "bank.internal").address, "198.51.100.7") << server.at;
    for (const auto& [answer, error] : {std::pair{"nxdomain", HOST_NOT_FOUND}, {"servfail", TRY_AGAIN}, {"refused", TRY_AGAIN}}) {
      SCOPED_TRACE(fmt::format("{} at {}", answer, server.at));
      fault(fmt::format("answer = \"{}\"\nnames = [\"*.internal\", \"shop.example\"]\n", answer));
      const int asked = dns.asked();
      for (const bool edns : {false, true}) {
        const Looked looked = look_up(bed.here, server.at, "Bank.internal", T_A, edns);
        EXPECT_EQ(looked.error, error);
        EXPECT_LT(looked.took, 800 * kMillisecond) << "an answer, not a timeout";
      }
      EXPECT_EQ(look_up(bed.here, server.at, "shop.example", T_AAAA).error, error);
      EXPECT_EQ(dns.asked(), asked) << "the server was not asked";
      EXPECT_EQ(look_up(bed.here, server.at, "a.shop.example").address, "198.51.100.7");
      const auto counts = finish();
      EXPECT_GE(counts[0].answered, 3u);
      EXPECT_EQ(counts[0].answered, counts[0].dropped);
    }
  }
}

TEST_F(DnsTest, wrong_addresses) {
  for (const Server& server : kServers) {
    SCOPED_TRACE(server.at);
    const ToyDns dns(server.here ? bed.here : bed.there, server.at);
    fault("answer = \"wrong\"\naddress = [\"192.0.2.1\", \"2001:db8::1\"]\n");
    EXPECT_EQ(look_up(bed.here, server.at, "bank.internal").address, "192.0.2.1");
    EXPECT_EQ(look_up(bed.here, server.at, "bank.internal", T_AAAA).address, "2001:db8::1");
    const Looked mail = look_up(bed.here, server.at, "bank.internal", T_MX);
    EXPECT_EQ(mail.error, NO_DATA);
    EXPECT_EQ(dns.asked(), 0);
    finish();
    EXPECT_EQ(look_up(bed.here, server.at, "bank.internal").address, "198.51.100.7");
  }
}

TEST_F(DnsTest, silence_and_delay) {
  const ToyDns dns(bed.there, "10.7.0.2");
  fault("answer = \"silence\"\nnames = \"bank.internal\"\n");
  const Looked silent = look_up(bed.here, "10.7.0.2", "bank.internal");
  EXPECT_EQ(silent.error, TRY_AGAIN);
  EXPECT_GE(silent.took, 900 * kMillisecond);
  EXPECT_EQ(look_up(bed.here, "10.7.0.2", "other.internal").address, "198.51.100.7");
  EXPECT_EQ(finish()[0].answered, 0u);
  fault("answer = \"delay\"\ndelay = \"300ms\"\nnames = \"bank.internal\"\n");
  const Looked late = look_up(bed.here, "10.7.0.2", "bank.internal");
  EXPECT_EQ(late.address, "198.51.100.7");
  EXPECT_GE(late.took, 299 * kMillisecond);
  EXPECT_EQ(look_up(bed.here, "10.7.0.2", "other.internal").address, "198.51.100.7");
  EXPECT_EQ(finish()[0].delayed, 1u) << "the other name was not";
}

TEST_F(DnsTest, lookups_of_others_pass) {
  const ToyDns dns(bed.here, "10.7.0.1");
  fault("answer = \"nxdomain\"\n");
  EXPECT_EQ(look_up(bed.there, "10.7.0.1", "bank.internal").address, "198.51.100.7") << "it is not the target that asks";
  EXPECT_EQ(finish()[0].matched, 0u);
}

}  // namespace
}  // namespace faultline::test
