// Answers of the DNS, made byte by byte from RFC 1035.
#include "injector/base/dns_answer.h"

#include <gtest/gtest.h>

namespace faultline {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes name(const std::string& text) {
  Bytes out;
  std::string label;
  for (const char c : text + ".") {
    if (c != '.') {
      label += c;
      continue;
    }
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    label.clear();
  }
  out.push_back(0);
  return out;
}

constexpr std::uint8_t kA = 1, kAlias = 5, kText = 16, kAaaa = 28;

struct Record {
  std::string owner;
  std::uint8_t type;
  Bytes data;
};

/// An answer to a question about `asked`. `flags` are the second byte's: the code of an error.
Bytes answer(const std::string& asked, const std::vector<Record>& records, std::uint8_t kind = 0x80,
             std::uint8_t flags = 0x80) {
  Bytes m{0x12, 0x34, kind, flags, 0, 1, 0, static_cast<std::uint8_t>(records.size()), 0, 0, 0, 0};
  const auto add = [&](const Bytes& more) { m.insert(m.end(), more.begin(), more.end()); };
  add(name(asked));
  add({0, kA, 0, 1});
  for (const auto& record : records) {
    add(name(record.owner));
    add({0, record.type, 0, 1, 0, 0, 0, 60, 0, static_cast<std::uint8_t>(record.data.size())});
    add(record.data);
  }
  return m;
}

std::vector<std::string> found(const Bytes& message, const std::string& about) {
  std::vector<std::string> texts;
  for (const auto& [name, address] : addresses_in(message, std::vector{about})) texts.push_back(address.address_text());
  return texts;
}

using Texts = std::vector<std::string>;
const Bytes kSeven{10, 0, 0, 7}, kEight{10, 0, 0, 8}, kSix{0xfd, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6};

TEST(DnsAnswer, AddressesOfBothFamilies) {
  const auto m = answer("pay.test", {{"pay.test", kA, kSeven}, {"pay.test", kA, kEight}, {"pay.test", kAaaa, kSix}});
  EXPECT_EQ(found(m, "pay.test"), (Texts{"10.0.0.7", "10.0.0.8", "fd07::6"}));
  EXPECT_EQ(found(m, "PAY.test."), (Texts{"10.0.0.7", "10.0.0.8", "fd07::6"}));
  EXPECT_EQ(found(m, "test"), Texts{});
  EXPECT_EQ(found(m, "a.pay.test"), Texts{});
}

TEST(DnsAnswer, AliasesAreFollowed) {
  const auto m = answer("pay.test", {{"pay.test", kAlias, name("lb.cloud.test")},
                                     {"lb.cloud.test", kAlias, name("n7.cloud.test")},
                                     {"n7.cloud.test", kA, kSeven},
                                     {"n8.cloud.test", kA, kEight}});
  EXPECT_EQ(found(m, "pay.test"), Texts{"10.0.0.7"});
  EXPECT_EQ(found(m, "lb.cloud.test"), Texts{"10.0.0.7"});
  EXPECT_EQ(found(m, "n8.cloud.test"), Texts{"10.0.0.8"});
  const auto round = answer("pay.test", {{"pay.test", kAlias, name("pay.test")}, {"pay.test", kA, kSeven}});
  EXPECT_EQ(found(round, "pay.test"), Texts{"10.0.0.7"});
}

TEST(DnsAnswer, EachOfSeveralNamesHasItsOwn) {
  const auto m =
      answer("pay.test", {{"pay.test", kAlias, name("lb.test")}, {"lb.test", kA, kSeven}, {"bank.test", kA, kEight}});
  const auto got = addresses_in(m, std::vector<std::string>{"bank.test", "pay.test", "shop.test"});
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].name, "pay.test");
  EXPECT_EQ(got[0].address.address_text(), "10.0.0.7");
  EXPECT_EQ(got[1].name, "bank.test");
  EXPECT_EQ(got[1].address.address_text(), "10.0.0.8");
}

TEST(DnsAnswer, AliasesInARowAreSixteenAtMost) {
  const auto chain = [](int aliases) {
    std::vector<Record> records;
    for (int i = 0; i < aliases; i++)
      records.push_back({"n" + std::to_string(i), kAlias, name("n" + std::to_string(i + 1))});
    records.push_back({"n" + std::to_string(aliases), kA, kSeven});
    return found(answer("n0", records), "n0");
  };
  EXPECT_EQ(chain(16), Texts{"10.0.0.7"});
  EXPECT_EQ(chain(17), Texts{});
}

TEST(DnsAnswer, WhatIsNoneOrNoAddress) {
  EXPECT_EQ(found(answer("pay.test", {{"pay.test", kA, kSeven}}, 0x00), "pay.test"), Texts{}) << "a question";
  EXPECT_EQ(found(answer("pay.test", {{"pay.test", kA, kSeven}}, 0x80, 0x83), "pay.test"), Texts{}) << "NXDOMAIN";
  EXPECT_EQ(
      found(answer("pay.test", {{"pay.test", kText, kSeven}, {"pay.test", kA, {1, 2, 3}}, {"pay.test", kAaaa, kSeven}}),
            "pay.test"),
      Texts{});
}

TEST(DnsAnswer, CutOffAnywhereItHarmsNobody) {
  const auto whole = answer("pay.test", {{"pay.test", kAlias, name("lb.test")}, {"lb.test", kA, kSeven}});
  for (std::size_t n = 0; n < whole.size(); n++)
    EXPECT_EQ(found(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)), "pay.test"), Texts{}) << n;
  auto loop = answer("pay.test", {{"pay.test", kA, kSeven}});
  loop[12] = 0xc0, loop[13] = 12;  // a name that points at itself
  EXPECT_EQ(found(loop, "pay.test"), Texts{});
}

}  // namespace
}  // namespace faultline
