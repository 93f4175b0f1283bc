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

TEST(IpPrefix, CoversWhatLiesInIt) {
  const auto covers = [](const char* network, const char* address) { return IpPrefix::parse(network)->covers(*IpPrefix::parse(address)); };
  EXPECT_TRUE(covers("10.1.2.0/23", "10.1.3.255"));
  EXPECT_FALSE(covers("10.1.2.0/23", "10.1.4.0"));
  EXPECT_TRUE(covers("0.0.0.0/0", "192.0.2.1"));
  EXPECT_FALSE(covers("0.0.0.0/0", "::1")) << "of the other family";
  EXPECT_TRUE(covers("fd00::/8", "fdff::1"));
}

TEST(IpPrefix, WritesWhatItRead) {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "192.168.7.9/24", "255.255.255.255/32", "::/0", "fd00::/8",
                           "fe80::1/64", "2001:db8::a:b/127", "::ffff:10.0.0.1/128"})
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

}  // namespace
}  // namespace faultline
