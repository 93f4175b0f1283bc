// Lookups by the C library's own resolver, answered by a server or by a fault.
#include <gtest/gtest.h>

#include "tests/harness/plan_bed.h"
#include "tests/harness/processes.h"
#include "tests/harness/toy_dns.h"

namespace faultline::test {
namespace {

class DnsTest : public PlanBed {
 protected:
  void fault(const std::string& rest) { play_fault("dns", rest); }

  struct Server {
    const char* at;
    bool here;
  };
  static constexpr Server kServers[] = {{"10.7.0.2", false}, {"fd07::2", false}, {"127.0.0.53", true}, {"::1", true}};
};

TEST_F(DnsTest, ErrorsReachTheApplicationAndOtherNamesTheServer) {
  for (const Server& server : kServers) {
    const ToyDns dns(server.here ? bed.here : bed.there, server.at);
    ASSERT_TRUE(eventually([&] { return look_up(bed.here, server.at, "bank.internal").address == "198.51.100.7"; }))
        << server.at;
    for (const auto& [answer, error] :
         {std::pair{"nxdomain", HOST_NOT_FOUND}, {"servfail", TRY_AGAIN}, {"refused", TRY_AGAIN}}) {
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

TEST_F(DnsTest, WrongAddresses) {
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

TEST_F(DnsTest, SilenceAndDelay) {
  for (const Server& server : kServers) {
    SCOPED_TRACE(server.at);
    const ToyDns dns(server.here ? bed.here : bed.there, server.at);
    fault("answer = \"silence\"\nnames = \"bank.internal\"\n");
    const Looked silent = look_up(bed.here, server.at, "bank.internal");
    EXPECT_EQ(silent.error, TRY_AGAIN);
    EXPECT_GE(silent.took, 900 * kMillisecond);
    EXPECT_EQ(look_up(bed.here, server.at, "other.internal").address, "198.51.100.7");
    EXPECT_EQ(finish()[0].answered, 0u);
    fault("answer = \"delay\"\ndelay = \"300ms\"\nnames = \"bank.internal\"\n");
    const Looked late = look_up(bed.here, server.at, "bank.internal");
    EXPECT_EQ(late.address, "198.51.100.7");
    EXPECT_GE(late.took, 299 * kMillisecond);
    EXPECT_EQ(look_up(bed.here, server.at, "other.internal").address, "198.51.100.7");
    EXPECT_EQ(finish()[0].delayed, 1u) << "the other name was not";
  }
}

TEST_F(DnsTest, OverTcpAnErrorIsAResetAndSilenceIsSilence) {
  for (const Server& server : {kServers[0], kServers[3]}) {
    SCOPED_TRACE(server.at);
    const ToyDns dns(server.here ? bed.here : bed.there, server.at);
    const auto over_tcp = [&](const char* name) { return look_up(bed.here, server.at, name, T_A, false, true); };
    ASSERT_EQ(over_tcp("bank.internal").address, "198.51.100.7");
    for (const char* answer : {"nxdomain", "wrong\"\naddress = \"192.0.2.1"}) {
      fault(fmt::format("answer = \"{}\"\nnames = \"bank.internal\"\n", answer));
      const int asked = dns.asked();
      const Looked looked = over_tcp("bank.internal");
      EXPECT_EQ(looked.error, TRY_AGAIN) << "no answer, rather than a wrong one";
      EXPECT_LT(looked.took, 800 * kMillisecond);
      EXPECT_EQ(dns.asked(), asked) << "the server was not asked";
      EXPECT_EQ(over_tcp("other.internal").address, "198.51.100.7");
      EXPECT_GE(finish()[0].answered, 1u);
    }
    fault("answer = \"silence\"\nnames = \"bank.internal\"\n");
    EXPECT_GE(over_tcp("bank.internal").took, 900 * kMillisecond);
    EXPECT_EQ(finish()[0].answered, 0u);
    fault("answer = \"delay\"\ndelay = \"300ms\"\nnames = \"bank.internal\"\n");
    const Looked late = over_tcp("bank.internal");
    EXPECT_EQ(late.address, "198.51.100.7");
    EXPECT_GE(late.took, 299 * kMillisecond);
    EXPECT_LT(over_tcp("other.internal").took, 250 * kMillisecond);
    finish();
  }
}

TEST_F(DnsTest, LookupsOfOthersPass) {
  const ToyDns dns(bed.here, "10.7.0.1");
  fault("answer = \"nxdomain\"\n");
  EXPECT_EQ(look_up(bed.there, "10.7.0.1", "bank.internal").address, "198.51.100.7")
      << "it is not the target that asks";
  EXPECT_EQ(finish()[0].matched, 0u);
}

}  // namespace
}  // namespace faultline::test
