// From a plan's targets to sites and rules, on namespaces as they are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "injector/plan/parse.h"
#include "injector/site/site.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

std::vector<site::Site> resolve(const std::string& text) {
  const auto parsed = plan::parse_text(text, "/plans/resolve.toml");
  if (!parsed.ok()) throw std::invalid_argument(plan::render(parsed));
  return site::resolve(parsed.plan, nullptr);
}

std::string cut(const std::string& on, const std::string& more = "") {
  return fmt::format("[[faults]]\nkind = \"sever\"\non = {}\nstart = \"1s\"\nfor = \"1s\"\n{}\n", on, more);
}

TEST(ResolveTest, TheInitialNamespaceNeedsAnAimThatLeavesOperatorsIn) {
  if (NetNs::current().inode() != 0xEFFFFFF9 && NetNs::current().inode() != NetNs::open("/proc/1/ns/net").inode())
    GTEST_SKIP() << "not in the initial namespace";
  const std::string here = "[targets.machine]\nnetns = \"/proc/self/ns/net\"\n";
  for (const std::string peer :
       {"", "address = [\"0.0.0.0/0\", \"::/0\"]", "address = \"0.0.0.0/1\"", "protocol = \"tcp\""}) {
    const std::string text = here + (peer.empty() ? "" : "[targets.them]\n" + peer + "\n") +
                             cut("\"machine\"", peer.empty() ? "" : "peer = \"them\"");
    try {
      resolve(text);
      ADD_FAILURE() << "accepted with " << peer;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), Exit::cannot_run);
      EXPECT_NE(std::string(failure.what()).find("initial network namespace"), std::string::npos) << failure.what();
    }
  }
}

TEST(ResolveTest, TwoTargetsInOneNamespaceAreTwoRulesOfOneSite) {
  TwoNamespaces net;
  const auto sites =
      resolve(fmt::format("[targets.web]\nnetns = \"{0}\"\nport = 8001\n[targets.db]\nnetns = \"{0}\"\nport = 8002\n",
                          net.path()) +
              cut("[\"web\", \"db\"]"));
  ASSERT_EQ(sites.size(), 1u);
  ASSERT_EQ(sites[0].rules.size(), 2u);
  EXPECT_EQ(sites[0].rules[0].match.own_ports, (std::vector<plan::PortRange>{{8001, 8001}}));
  EXPECT_EQ(sites[0].rules[1].match.own_ports, (std::vector<plan::PortRange>{{8002, 8002}}));
}

TEST(ResolveTest, BetweenTwoTargetsTheReceiverStandsBackOnlyWhereTheSenderActs) {
  TwoNamespaces net;
  const std::string targets =
      fmt::format("[targets.a]\nnetns = \"{}\"\n[targets.b]\nnetns = \"{}\"\n[targets.web]\nport = 8080\n", net.path(),
                  TwoNamespaces::path(net.there));
  const auto all = resolve(targets + cut("[\"a\", \"b\"]"));
  ASSERT_EQ(all.size(), 2u);
  for (const auto& site : all) {
    ASSERT_EQ(site.rules.size(), 1u);
    const auto& left_out = site.rules[0].match.not_from;
    EXPECT_FALSE(left_out.empty());
    EXPECT_TRUE(std::any_of(left_out.begin(), left_out.end(), [](const IpPrefix& p) {
      return p.v6 && p.bytes[0] == 0xfe;
    })) << "link-local addresses too";
  }
  // Towards port 8080 of the other the sender acts; what comes from port 8080 only the receiver can tell.
  const auto by_port = resolve(targets + cut("[\"a\", \"b\"]", "peer = \"web\""));
  ASSERT_EQ(by_port.size(), 2u);
  for (const auto& site : by_port) {
    ASSERT_EQ(site.rules.size(), 1u);
    EXPECT_TRUE(site.rules[0].match.not_from.empty());
  }
}

}  // namespace
}  // namespace faultline::test
