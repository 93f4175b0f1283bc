#include <gtest/gtest.h>

#include "injector/base/rtnetlink.h"

namespace faultline {
namespace {

std::string round_trip(const std::string& text) {
  const auto prefix = IpPrefix::parse(text);
  return prefix ? prefix->text() : "none";
}

TEST(IpPrefix, ReadsBothFamilies) {
  const auto v4 = IpPrefix::parse("10.1.2.0/24");
  ASSERT_TRUE(v4);
  EXPECT_FALSE(v4->v6);
  EXPECT_EQ(v4->length, 24);
  EXPECT_EQ(v4->bytes[0], 10);
  EXPECT_EQ(v4->bytes[2], 2);
  const auto v6 = IpPrefix::parse("fd00::1/8");
  ASSERT_TRUE(v6);
  EXPECT_TRUE(v6->v6);
  EXPECT_EQ(v6->length, 8);
  EXPECT_EQ(v6->bytes[0], 0xfd);
  EXPECT_EQ(v6->bytes[15], 1);
}

TEST(IpPrefix, AnAddressAloneIsAHost) {
  EXPECT_EQ(round_trip("10.0.0.1"), "10.0.0.1/32");
  EXPECT_EQ(round_trip("::1"), "::1/128");
}

TEST(IpPrefix, Ipv4WithinIpv6IsIpv4) {
  EXPECT_EQ(round_trip("::ffff:10.0.0.1"), "10.0.0.1/32");
  EXPECT_EQ(round_trip("::FFFF:a00:1"), "10.0.0.1/32");
  EXPECT_EQ(round_trip("::ffff:10.0.0.0/104"), "10.0.0.0/8");
  EXPECT_EQ(round_trip("::ffff:0:0/96"), "0.0.0.0/0");
  EXPECT_EQ(round_trip("::ffff:0:0/95"), "none") << "it holds more than IPv4";
  EXPECT_EQ(round_trip("::fffe:10.0.0.1"), "::fffe:a00:1/128");
}

TEST(IpPrefix, WritesWhatItRead) {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "192.168.7.9/24", "255.255.255.255/32", "::/0", "fd00::/8",
                           "fe80::1/64", "2001:db8::a:b/127", "64:ff9b::a00:1/128"})
    EXPECT_EQ(round_trip(text), text);
  EXPECT_EQ(IpPrefix::parse("10.0.0.7/8")->address_text(), "10.0.0.7");
  EXPECT_EQ(round_trip("FD00:0:0::1/64"), "fd00::1/64");
}

TEST(IpPrefix, ComparesByValue) {
  EXPECT_EQ(IpPrefix::parse("10.0.0.1"), IpPrefix::parse("10.0.0.1/32"));
  EXPECT_NE(IpPrefix::parse("10.0.0.1/31"), IpPrefix::parse("10.0.0.1/32"));
  EXPECT_NE(IpPrefix::parse("0.0.0.0/0"), IpPrefix::parse("::/0"));
}

TEST(IpPrefix, RefusesEverythingElse) {
  for (const std::string text : {"",
                                 "/",
                                 "/8",
                                 "10",
                                 "10.0.0",
                                 "10.0.0.256",
                                 "10.0.0.1.2",
                                 "10.0.0.0/",
                                 "10.0.0.0/33",
                                 "10.0.0.0/-1",
                                 "10.0.0.0/+8",
                                 "10.0.0.0/8x",
                                 "10.0.0.0/8/8",
                                 "10.0.0.0/ 8",
                                 " 10.0.0.1",
                                 "10.0.0.1 ",
                                 "bank.internal",
                                 "fd00::/129",
                                 "fd00:::/8",
                                 "fe80::1%eth0",
                                 "10.0.0.0/99999999999999999999",
                                 "10.0.0.0/255.0.0.0"})
    EXPECT_FALSE(IpPrefix::parse(text)) << '"' << text << '"';
  EXPECT_FALSE(IpPrefix::parse(std::string("10.0.0.1\0x", 10)));
  EXPECT_FALSE(IpPrefix::parse(std::string("10.0.0.1\0/8", 11)));
}

TEST(IpPrefix, LosesItsHostBits) {
  const auto network = [](const char* text) { return IpPrefix::parse(text)->network().text(); };
  EXPECT_EQ(network("10.1.2.3/8"), "10.0.0.0/8");
  EXPECT_EQ(network("10.1.2.255/31"), "10.1.2.254/31");
  EXPECT_EQ(network("10.1.2.3/32"), "10.1.2.3/32");
  EXPECT_EQ(network("10.1.2.3/0"), "0.0.0.0/0");
  EXPECT_EQ(network("2001:db8::a:b/127"), "2001:db8::a:a/127");
  EXPECT_EQ(network("fd00::1/128"), "fd00::1/128");
}

TEST(IpPrefix, CoversWhatItsBitsSay) {
  const auto covers = [](const char* prefix, const char* address) {
    return IpPrefix::parse(prefix)->covers(*IpPrefix::parse(address));
  };
  EXPECT_TRUE(covers("10.0.0.0/8", "10.1.2.3"));
  EXPECT_TRUE(covers("10.0.0.9/8", "10.1.2.3")) << "host bits do not count";
  EXPECT_FALSE(covers("10.0.0.0/9", "10.128.0.0"));
  EXPECT_TRUE(covers("0.0.0.0/0", "255.0.0.1"));
  EXPECT_FALSE(covers("0.0.0.0/0", "::1")) << "of another family";
  EXPECT_TRUE(covers("fd00::/8", "fdff::1"));
}

TEST(IpPrefix, KnowsLoopback) {
  const auto loopback = [](const char* address) { return IpPrefix::parse(address)->is_loopback(); };
  EXPECT_TRUE(loopback("127.0.0.1"));
  EXPECT_TRUE(loopback("127.9.9.9/8"));
  EXPECT_TRUE(loopback("::1"));
  EXPECT_FALSE(loopback("128.0.0.1"));
  EXPECT_FALSE(loopback("::2"));
  EXPECT_FALSE(loopback("7f00::"));
}

}  // namespace
}  // namespace faultline
