#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/errors.h"

namespace faultline::probe {
namespace {

TEST(ProbeAddress, ReadsHostAndPort) {
  const auto name = read_endpoint("bank.internal:443");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->host, "bank.internal");
  EXPECT_EQ(name->port, "443");
  const auto v6 = read_endpoint("[fd77::10]:65535");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "fd77::10");
  EXPECT_EQ(v6->port, "65535");
}

TEST(ProbeAddress, RefusesWhatIsNeither) {
  for (const char* text : {"", "host", "host:", ":80", "host:0", "host:65536", "host:http", "host:80x", "::1:80",
                           "[]:80", "[::1]", "[::1:80", "host:-1", "host:+1"})
    EXPECT_FALSE(read_endpoint(text)) << text;
}

TEST(ProbeAddress, LabNamesComeFirst) {
  const auto address = resolve("p", "localhost", "80", {{"localhost", "10.77.1.10"}});
  ASSERT_EQ(address.family(), AF_INET);
  sockaddr_in in{};
  memcpy(&in, &address.storage, sizeof in);
  EXPECT_EQ(in.sin_addr.s_addr, inet_addr("10.77.1.10"));
  EXPECT_EQ(ntohs(in.sin_port), 80);
}

TEST(ProbeAddress, AnIpv6AddressNeedsNoResolver) { EXPECT_EQ(resolve("p", "::1", "", {}).family(), AF_INET6); }

TEST(ProbeAddress, ANameThatDoesNotResolveIsNamed) {
  try {
    resolve("pay", "not a name", "80", {});
    FAIL() << "it resolved";
  } catch (const Failure& f) {
    EXPECT_EQ(f.status(), Exit::cannot_run);
    EXPECT_NE(std::string(f.what()).find("\"pay\""), std::string::npos) << f.what();
    EXPECT_NE(std::string(f.what()).find("\"not a name\""), std::string::npos) << f.what();
  }
}

TEST(ProbeErrors, NamesWhatAUserWouldNotice) {
  EXPECT_EQ(network_error(ECONNREFUSED), "refused");
  EXPECT_EQ(network_error(ECONNRESET), "reset");
  EXPECT_EQ(network_error(EHOSTUNREACH), "unreachable");
  EXPECT_EQ(send_error(ENETUNREACH), "unreachable");
  EXPECT_EQ(network_error(ETIMEDOUT), "timeout");
}

TEST(ProbeErrors, KeepsAnErrnoWithoutANameOfOurs) {
  EXPECT_EQ(network_error(EPROTO), "errno EPROTO");
  EXPECT_EQ(send_error(EPERM), "send EPERM");
  EXPECT_EQ(send_error(9999), "send 9999");
}

}  // namespace
}  // namespace faultline::probe
