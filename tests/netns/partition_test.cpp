// Partitions with real traffic: three hosts, each joined to both others, as a plan parts them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "tests/harness/played_plan.h"
#include "tests/harness/traffic.h"

namespace faultline::test {
namespace {

class PartitionTest : public testing::Test {
 protected:
  PartitionTest() {
    join(0, 1);
    join(1, 2);
    join(0, 2);
  }

  /// A wire of its own for each pair: 10.9.<pair>.<host>, fd09:<pair>::<host>.
  void join(std::size_t a, std::size_t b) {
    const std::string device = fmt::format("eth{}", a + b);
    add_veth({device, &hosts[a]}, {device, &hosts[b]});
    for (const std::size_t i : {a, b}) {
      Inside in(hosts[i]);
      set_up("lo");
      set_up(device);
      for (const bool v6 : {false, true})
        add_address(device, *IpPrefix::parse(text(a + b, i, v6) + (v6 ? "/64" : "/24")));
    }
  }
  static std::string text(std::size_t pair, std::size_t host, bool v6) {
    return fmt::format(fmt::runtime(v6 ? "fd09:{}::{}" : "10.9.{}.{}"), pair, host + 1);
  }

  std::string plan(const std::string& fault) const {
    std::string all;
    for (std::size_t i = 0; i < 3; i++)
      all += fmt::format("[targets.{}]\nnetns = \"/proc/self/fd/{}\"\n", static_cast<char>('a' + i), hosts[i].fd());
    return all +
           "[targets.c-address]\naddress = [\"10.9.2.3\", \"fd09:2::3\"]\n[[faults]]\nkind = \"partition\"\nstart = "
           "\"0s\"\nfor = \"60s\"\n" +
           fault;
  }

  /// "ab": what a sends to b arrives. Both families must agree. Each is asked with five datagrams.
  std::string reach(Ns at_least = 0, Ns below = 400 * kMillisecond) const {
    std::string all;
    for (std::size_t from = 0; from < 3; from++) {
      for (std::size_t to = 0; to < 3; to++) {
        if (from == to) continue;
        std::string one;
        for (const bool v6 : {false, true}) {
          const End there{&hosts[to], address(text(from + to, to, v6), 7000)};
          const auto got = send_stream({&hosts[from], address(text(from + to, from, v6), 5000)}, there, {.count = 5},
                                       500 * kMillisecond);
          if (got.all.empty()) continue;
          EXPECT_EQ(got.all.size(), 5u);
          if (at_least > 0 && got.least() < at_least) continue;
          EXPECT_LT(got.least(), below);
          one += "!";
        }
        EXPECT_NE(one, "!") << "one family alone";
        if (one == "!!") all += fmt::format("{}{} ", static_cast<char>('a' + from), static_cast<char>('a' + to));
      }
    }
    return all;
  }

  std::array<NetNs, 3> hosts{NetNs::create(), NetNs::create(), NetNs::create()};
};

TEST_F(PartitionTest, ATriangleWithOneBadEdge) {
  EXPECT_EQ(reach(), "ab ac ba bc ca cb ");
  for (const char* said : {"edges = [[\"a\", \"c\"]]\n", "shape = \"bridge\"\non = [\"a\", \"b\", \"c\"]\n"}) {
    PlayedPlan played(plan(said));
    EXPECT_EQ(reach(), "ab ba bc cb ") << said;
    EXPECT_EQ(played.finish()[0].dropped, 20u) << said;
  }
  EXPECT_EQ(reach(), "ab ac ba bc ca cb ");
}

TEST_F(PartitionTest, GroupsAndHalves) {
  for (const char* said :
       {"groups = [[\"a\"], [\"b\", \"c\"]]\n", "shape = \"halves\"\non = [\"a\", \"b\", \"c\"]\n"}) {
    PlayedPlan played(plan(said));
    EXPECT_EQ(reach(), "bc cb ") << said;
    played.finish();
  }
}

TEST_F(PartitionTest, OneWayEitherWay) {
  PlayedPlan out(plan("shape = \"one-way\"\non = [\"a\", \"b\", \"c\"]\n"));
  EXPECT_EQ(reach(), "ba bc ca cb ");
  out.finish();
  PlayedPlan in(plan("groups = [[\"a\"], [\"b\", \"c\"]]\ndirection = \"ingress\"\n"));
  EXPECT_EQ(reach(), "ab ac bc cb ");
  in.finish();
}

TEST_F(PartitionTest, ASlowPartitionIsMetOnce) {
  PlayedPlan played(plan("groups = [[\"a\", \"b\"], [\"c\"]]\ndelay = \"200ms\"\n"));
  EXPECT_EQ(reach(200 * kMillisecond - 100 * kMicrosecond, 390 * kMillisecond), "ac bc ca cb ");
  EXPECT_EQ(played.finish()[0].delayed, 4 * 2 * 5u);
}

TEST_F(PartitionTest, FromAnAddressBothWays) {
  PlayedPlan played(plan("groups = [[\"a\"], [\"c-address\"]]\n"));
  EXPECT_EQ(reach(), "ab ba bc cb ");
  played.finish();
}

TEST_F(PartitionTest, TwoMembersInOneNamespaceAreRefused) {
  const std::string again = fmt::format("[targets.twin]\nnetns = \"/proc/self/fd/{}\"\nport = 7000\n", hosts[0].fd());
  try {
    PlayedPlan played(again + plan("groups = [[\"a\"], [\"twin\"]]\n"));
    FAIL() << "played";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::cannot_run);
    EXPECT_NE(std::string(failure.what()).find("\"a\" and \"twin\" are in one network namespace"), std::string::npos)
        << failure.what();
  }
}

}  // namespace
}  // namespace faultline::test
