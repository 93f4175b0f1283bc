// Every common way to write an address gets what it means, or a mistake that says what to write.
#include "injector/base/written_address.h"

#include <gtest/gtest.h>

#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

using All = std::vector<std::string>;

void means(const std::string& text, const All& what) {
  const auto read = read_addresses(text);
  ASSERT_TRUE(read.value) << text << ": " << read.error;
  EXPECT_EQ(*read.value, what) << text;
}

void refuses(const std::string& text, const std::string& why, const std::string& hint) {
  const auto read = read_addresses(text);
  ASSERT_FALSE(read.value) << text;
  EXPECT_NE(read.error.find("is not an IP address"), std::string::npos) << read.error;
  EXPECT_NE(read.error.find(why), std::string::npos) << read.error;
  EXPECT_NE(read.hint.find(hint), std::string::npos) << text << ": " << read.hint;
}

TEST(Addresses, OfTrafficGetWhatTheyMean) {
  means("10.0.0.1", {"10.0.0.1"});
  means("10.0.0.7/24", {"10.0.0.0/24"});
  means("::ffff:10.77.0.2", {"10.77.0.2"});
  means("::ffff:a4d:2", {"10.77.0.2"});
  means("::ffff:10.77.0.2/120", {"10.77.0.0/24"});
  means("::ffff:0:0/96", {"0.0.0.0/0"});
  means("FD00::0001", {"fd00::1"});
  means("fd00::1/8", {"fd00::/8"});
  means("bank.internal", {"bank.internal"});
  means("db-1_x.example.", {"db-1_x.example."});
  means("10-0-0-1.nip.example", {"10-0-0-1.nip.example"});
  means("ip-10-0-0-1", {"ip-10-0-0-1"});
}

TEST(Addresses, ARangeIsThePrefixesThatMakeItUp) {
  means("10.0.0.1-10.0.0.20", {"10.0.0.1", "10.0.0.2/31", "10.0.0.4/30", "10.0.0.8/29", "10.0.0.16/30", "10.0.0.20"});
  means("10.0.0.5-10.0.0.5", {"10.0.0.5"});
  means("0.0.0.0-255.255.255.255", {"0.0.0.0/0"});
  means("10.0.0.0-10.0.0.255", {"10.0.0.0/24"});
  means("255.255.255.254-255.255.255.255", {"255.255.255.254/31"});
  means("fd00::-fd00::ffff", {"fd00::/112"});
  means("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", {"::/0"});
  means("::ffff:10.0.0.2-::ffff:10.0.0.3", {"10.0.0.2/31"});
}

TEST(Addresses, AreRefusedWithWhatToWrite) {
  refuses("", "empty", "10.0.3.7");
  refuses(" 10.0.0.1", "blanks", "\"10.0.0.1\"");
  refuses("10.0.0.1\n", "blanks", "\"10.0.0.1\"");
  refuses("10.0.0.1 - 10.0.0.9", "blanks", "range");
  refuses("fe80::1%eth0", "zone", "interface = \"eth0\"");
  refuses("[::1]", "brackets", "\"::1\"");
  refuses("[::1]:80", "brackets", "port = 80");
  refuses("10.0.0.1:80", "port", "port = 80");
  refuses("bank.internal:443", "port", "port = 443");
  refuses("http://bank/", "URL", "host alone");
  refuses("010.0.0.1", "zeros", "\"10.0.0.1\"");
  refuses("10.0.0.01", "zeros", "\"10.0.0.1\"");
  refuses("10.0.0.0/255.255.255.0", "netmask", "\"10.0.0.0/24\"");
  refuses("10.0.0.0/33", "prefix length", "0 to 32");
  refuses("fd00::/129", "prefix length", "0 to 128");
  refuses("::ffff:10.0.0.0/90", "more than IPv4", "96 to 128");
  refuses("10.0.0.9-10.0.0.1", "ends before", "\"10.0.0.1-10.0.0.9\"");
  refuses("10.0.0.1-9", "not a range", "both whole");
  refuses("10.0.0.1-fd00::1", "not a range", "both whole");
  refuses("10.0.0.0/24-10.0.1.0/24", "prefix length", "0 to 32");
  refuses("10.0.0.*", "wildcard", "10.0.3.0/24");
  refuses("10.0.0.1.", "dot", "\"10.0.0.1\"");
  refuses("10.0.0.300", "", "10.0.3.7");
  refuses("127.1", "", "10.0.3.7");
  refuses("0x7f000001", "", "10.0.3.7");
  refuses("2130706433", "", "10.0.3.7");
  refuses("bank..internal", "", "bank.internal");
  refuses(
      "b\xc3\xbc"
      "cher.example",
      "", "bank.internal");
}

TEST(Addresses, WhoIsAskedIsOneAddressOrAName) {
  const auto host = [](const std::string& text) {
    const auto read = read_asked(text);
    return read.value.value_or(read.error + "; " + read.hint);
  };
  EXPECT_EQ(host("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(host("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(host("fe80::1%eth0"), "fe80::1%eth0");
  EXPECT_EQ(host("web1"), "web1");
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{{"fe80::1", "fe80::1%eth0"},
                                                                                   {"10.0.0.0/8", "10.0.0.0"},
                                                                                   {"10.0.0.1-10.0.0.9", "range"},
                                                                                   {"010.0.0.1", "10.0.0.1"},
                                                                                   {"[::1]", "::1"},
                                                                                   {"127.1", "address"},
                                                                                   {"10.0.0.1%eth0", "zone"},
                                                                                   {"fe80::1%", "zone"}})
    EXPECT_NE(host(text).find("is not an address or a name"), std::string::npos) << host(text);
  EXPECT_NE(host("fe80::1").find("fe80::1%eth0"), std::string::npos);
}

TEST(Addresses, OfProbesAreReadTheSameWay) {
  const auto probe = [](const std::string& lines) {
    return parse_good("[probes.p]\nfrom = \"here\"\n" + lines).probes[0];
  };
  EXPECT_EQ(probe("icmp = \"::ffff:10.0.0.1\"\n").subject(), "10.0.0.1");
  EXPECT_EQ(probe("tcp = \"[::ffff:10.0.0.1]:80\"\n").subject(), "10.0.0.1:80");
  EXPECT_EQ(probe("tcp = \"[fd00::1]:80\"\n").subject(), "[fd00::1]:80");
  EXPECT_EQ(probe("redis = \"[fe80::1%eth0]:80\"\n").subject(), "[fe80::1%eth0]:80");
  EXPECT_EQ(probe("dns = \"a\"\nserver = \"::ffff:10.0.0.53\"\n").params.text("server"), "10.0.0.53");
  EXPECT_EQ(probe("http = \"http://u:p@[fe80::1%25eth0]:80/x\"\n").subject(), "http://u:p@[fe80::1%25eth0]:80/x");
  for (const char* bad :
       {"tcp = \"010.0.0.1:80\"", "icmp = \"127.1\"", "http = \"http://10.0.0.256/\"", "http = \"http://[fe80::1]/\"",
        "redis = \"0x7f.1:80\"", "dns = \"a\"\nserver = \"10.0.0.1-10.0.0.2\""})
    only_mistake(std::string("[probes.p]\nfrom = \"here\"\n") + bad + "\n", "is not");
}

}  // namespace
}  // namespace faultline::plan
