// The commands before a run, with the real binary and real sockets: explain looks without touching, doctor tries and
// leaves nothing, inject runs.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

/// A namespace with an address and a connection over lo that stays open.
class BeforeARun : public testing::Test {
 protected:
  void SetUp() override {
    Inside inside(ns_);
    set_up("lo");
    listener_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    ASSERT_EQ(listen(listener_.get(), 1), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    client_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(client_.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    server_ = Fd(accept(listener_.get(), nullptr, nullptr));
  }

  std::string path() const { return TwoNamespaces::path(ns_); }

  NetNs ns_ = NetNs::create();
  Fd listener_, client_, server_;
  std::uint16_t port_ = 0;
  TemporaryFolder folder_;
};

TEST_F(BeforeARun, ExplainFindsDevicesConnectionsAndProcessesAndTouchesNothing) {
  const auto plan = folder_.write(
      "p.toml",
      "[targets.shop]\nnetns = \"" + path() +
          "\"\n[targets.web]\naddress = \"127.0.0.0/8\"\nprotocol = \"tcp\"\nport = " + std::to_string(port_) +
          "\n[targets.elsewhere]\naddress = \"10.0.0.0/8\"\n"
          "[[faults]]\nname = \"near\"\nkind = \"sever\"\non = \"shop\"\npeer = \"web\"\nstart = \"1s\"\nfor = \"1s\"\n"
          "[[faults]]\nname = \"far\"\nkind = \"sever\"\non = \"shop\"\npeer = \"elsewhere\"\nstart = \"1s\"\nfor = "
          "\"1s\"\n");
  const auto before = device_names(ns_);
  const Said said = say({"explain", "--look", "--json", plan});
  ASSERT_EQ(said.status, 0) << said.errors;
  const auto faults = nlohmann::json::parse(said.out).at("faults");
  const auto near = faults.at(0).at("now"), far = faults.at(1).at("now");
  EXPECT_TRUE(near.at("looked"));
  EXPECT_TRUE(near.at("places").at(0).at("devices").at(0).get<std::string>().starts_with("lo (127.0.0.1"))
      << near.dump();
  ASSERT_EQ(near.at("connections"), 1) << near.dump() << "one end of it has the port as its peer";
  EXPECT_EQ(near.at("flows").at(0).at("peer_port"), port_);
  EXPECT_EQ(near.at("flows").at(0).at("pid"), getpid());
  EXPECT_EQ(far.at("connections"), 0);
  EXPECT_EQ(device_names(ns_), before);
}

// What netfilter redirects on lo a run leaves out; what it does to what arrives, or a chain without such a rule, is no
// matter there.
TEST_F(BeforeARun, ExplainNamesWhatIsRedirectedOnLo) {
  const auto plan = folder_.write("p.toml", "[targets.shop]\nnetns = \"" + path() +
                                                "\"\n[[faults]]\nkind = \"degrade\"\ndelay = \"10ms\"\non = \"shop\"\n"
                                                "start = \"1s\"\nfor = \"1s\"\n");
  const auto left_out = [&](const std::string& rules) {
    {
      Inside inside(ns_);
      say_all({"nft", "flush ruleset; " + rules});
    }
    const Said said = say({"explain", "--look", "--json", plan});
    EXPECT_EQ(said.status, 0) << said.errors;
    return nlohmann::json::parse(said.out).at("faults").at(0).at("now").at("left_out").dump();
  };
  EXPECT_EQ(left_out("table ip t { chain o { type nat hook output priority 0; counter; }; }"), "[]");
  EXPECT_EQ(left_out("table ip t { chain i { type nat hook prerouting priority 0; tcp dport 80 redirect to :81; }; }"),
            "[]");
  for (const char* rule : {"tcp dport 80 redirect to :81", "tcp dport 80 dnat to 127.0.0.1:81"}) {
    const std::string said =
        left_out(std::string("table ip t { chain o { type nat hook output priority 0; ") + rule + "; }; }");
    EXPECT_NE(said.find("connections that nftables redirects (table ip t, chain o) are left out"), std::string::npos)
        << said;
  }
}

// Without that connection: a service that inherited it would have a socket of another cgroup.
TEST(BeforeARunOfAService, ExplainTellsItsConnectionsFromItsNeighbours) {
  const NetNs ns = NetNs::create();
  const TemporaryFolder folder;
  const ScratchCgroup group;
  {
    Inside inside(ns);
    set_up("lo");
  }
  const EchoProcess service(&group, ns, 7000), neighbour(nullptr, ns, 7001);
  std::vector<Fd> clients;
  for (const std::uint16_t port : {7000, 7001}) {
    Inside inside(ns);
    clients.emplace_back(static_cast<int>(check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))));
    const Address at = address("127.0.0.1", port);
    check("connect", connect(clients.back().get(), at.get(), at.size));
    char byte = 'x';
    check("send", send(clients.back().get(), &byte, 1, 0));
    check("receive", recv(clients.back().get(), &byte, 1, 0));  // so it has accepted
  }
  const auto plan =
      folder.write("p.toml", "[targets.echo]\ncgroup = \"" + group.path() +
                                 "\"\n[[faults]]\nkind = \"sever\"\non = \"echo\"\nstart = \"1s\"\nfor = \"1s\"\n");
  const Said said = say({"explain", "--look", "--json", plan});
  ASSERT_EQ(said.status, 0) << said.errors << said.out;
  const auto now = nlohmann::json::parse(said.out).at("faults").at(0).at("now");
  ASSERT_EQ(now.at("connections"), 1) << now.dump();
  EXPECT_EQ(now.at("flows").at(0).at("local_port"), 7000);
  EXPECT_EQ(now.at("flows").at(0).at("pid"), service.pid());
}

// A name's lookup and a program in the place of podman's and crictl's would both be seen.
TEST_F(BeforeARun, ExplainAsksNobodyUnlessToldTo) {
  for (const char* name : {"podman", "crictl"})
    chmod(folder_.write(name, "#!/bin/sh\ntouch \"$(dirname \"$0\")/asked\"\nexit 1\n").c_str(), 0755);
  const auto plan = folder_.write("p.toml",
                                  "[targets.box]\ncontainer = \"faultline-no-such\"\n[targets.pod]\npod = "
                                  "\"shop/web\"\n[[faults]]\nkind = \"sever\"\non = [\"box\", \"pod\"]\nstart = "
                                  "\"1s\"\nfor = \"1s\"\n[[faults]]\nkind = \"sever\"\nname = \"other\"\non = "
                                  "\"pod\"\nstart = \"1s\"\nfor = \"1s\"\n");
  const std::string path = "PATH=" + folder_.path().string() + ":/usr/sbin:/usr/bin:/sbin:/bin";
  const Said silent = say_all({"env", path, binary(), "explain", plan});
  EXPECT_EQ(silent.status, 0) << silent.errors;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "asked"));
  EXPECT_NE(silent.out.find("--look would look up"), std::string::npos) << silent.out;
  const Said asking = say_all({"env", path, binary(), "explain", "--look", plan});
  EXPECT_EQ(asking.status, 4) << asking.errors;
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "asked")) << asking.out;
}

TEST_F(BeforeARun, TheRootOfAUserNamespaceIsToldSo) {
  const auto plan =
      folder_.write("p.toml", "[targets.shop]\nnetns = \"" + path() +
                                  "\"\n[[faults]]\nkind = \"sever\"\non = \"shop\"\nstart = \"1s\"\nfor = \"1s\"\n");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"run", plan, "--out", folder_.path() / "run"},
           {"inject", "sever", "--on", "netns=" + path(), "--for", "1s", "--out", folder_.path() / "run"},
           {"doctor"},
           {"lab", "exec", "web", "--", "true"}}) {
    std::vector<std::string> argv{"unshare", "-Ur", binary()};
    argv.insert(argv.end(), words.begin(), words.end());
    const Said said = say_all(argv);
    EXPECT_EQ(said.status, 4) << words[0] << said.out << said.errors;
    EXPECT_TRUE(std::regex_search(said.out + said.errors, std::regex("user\\s+namespace\\s+only")))
        << said.out << said.errors;
    EXPECT_EQ((said.out + said.errors).find("Operation not permitted"), std::string::npos) << said.out << said.errors;
  }
}

TEST_F(BeforeARun, ExplainSaysWhatARunWouldBeRefusedFor) {
  const auto plan = folder_.write("p.toml",
                                  "[targets.gone]\nnetns = \"faultline-no-such\"\n[[faults]]\nkind = \"sever\"\non = "
                                  "\"gone\"\nstart = \"1s\"\nfor = \"1s\"\n");
  const Said said = say({"explain", "--look", plan});
  EXPECT_EQ(said.status, 4);
  EXPECT_NE(said.out.find("faultline-no-such"), std::string::npos) << said.out;
}

TEST_F(BeforeARun, ExplainWithoutPrivilegeSaysWhatItCouldNotSee) {
  chmod(folder_.path().c_str(), 0755);
  const auto plan =
      folder_.write("p.toml", "[targets.shop]\nnetns = \"" + path() +
                                  "\"\n[[faults]]\nkind = \"sever\"\non = \"shop\"\nstart = \"1s\"\nfor = \"1s\"\n");
  const Said said = say_all(as_nobody({binary(), "explain", "--look", plan}));
  EXPECT_EQ(said.status, 0) << said.errors;
  EXPECT_TRUE(std::regex_search(said.out, std::regex("sudo\\s+faultline\\s+explain")))
      << said.out;  // wherever its lines break
}

TEST_F(BeforeARun, DoctorFindsThatTestsCanRunHereAndLeavesNothing) {
  Command command({binary(), "doctor", "--json"});
  std::vector<Belongings> had;  // from moment to moment
  std::optional<int> status;
  for (const Ns end = monotonic_now() + 60 * kSecond; !status && monotonic_now() < end; status = command.wait(0))
    had.push_back(command.belongings());
  const auto out = nlohmann::json::parse(command.out());
  EXPECT_EQ(status, 0) << command.out();
  EXPECT_EQ(out.at("can_run"), true);
  bool tried = false;
  for (const auto& finding : out.at("findings"))
    if (finding.at("topic") == "data plane") tried = finding.at("state") == "ok";
  EXPECT_TRUE(tried) << command.out();
  EXPECT_TRUE(std::any_of(had.begin(), had.end(), [](const auto& h) {
    return !h.programs.empty() && h.spaces.contains("net");
  })) << "it was not seen trying";
  std::set<std::string> left;
  eventually([&] {
    left.clear();
    for (const auto& h : had)
      for (const auto& one : h.left()) left.insert(one);
    return left.empty();
  });
  for (const auto& one : left) ADD_FAILURE() << one;
}

TEST_F(BeforeARun, DoctorWithoutPrivilegeSaysSoAndEndsWith4) {
  const Said said = say_all(as_nobody({binary(), "doctor"}));
  EXPECT_EQ(said.status, 4);
  EXPECT_NE(said.out.find("sudo faultline doctor"), std::string::npos) << said.out;
}

// script(1) makes the terminal. Nothing is answered to the last question but Return: what is offered is taken.
TEST_F(BeforeARun, NewAsksInATerminalAndItsPlanIsValid) {
  const auto answers = folder_.write("answers", "flap\nnetns=shop\nhttp://10.0.0.2/\n\n");
  const Fd input(static_cast<int>(check("open", ::open(answers.c_str(), O_RDONLY | O_CLOEXEC))));
  Command terminal({"script", "-qec", "cd " + folder_.path().string() + " && " + binary() + " new", "/dev/null"},
                   input.get());
  ASSERT_EQ(terminal.wait(60 * kSecond), 0) << terminal.out() << terminal.errors();
  for (const char* asked :
       {"Kind", "To whose traffic?", "What would a user ask?", "Write the plan to", "Wrote flap.toml"})
    EXPECT_NE(terminal.out().find(asked), std::string::npos) << asked << " in\n" << terminal.out();
  const Said checked = say({"check", folder_.path() / "flap.toml"});
  EXPECT_EQ(checked.status, 0) << checked.errors;
  EXPECT_NE(checked.out.find("1 fault"), std::string::npos) << checked.out;
}

TEST_F(BeforeARun, InjectRunsOneFaultAndKeepsItsPlan) {
  const std::string out = folder_.path() / "run";
  const Said said = say({"inject",        "degrade",
                         "--on",          "netns=" + path(),
                         "--delay",       "20ms",
                         "--for",         "2s",
                         "--probe-tcp",   "127.0.0.1:" + std::to_string(port_),
                         "--probe-from",  "on",
                         "--probe-every", "100ms",
                         "--start",       "1s",
                         "--seed",        "3",
                         "--out",         out,
                         "--quiet",       "--json",
                         "--engine",      "clsact"});
  // Nobody accepts: the backlog fills up and connects fail in the end. What matters is that packets met the fault.
  ASSERT_GE(said.status, 0) << "it did not end";
  EXPECT_LE(said.status, 2) << said.errors;
  const auto summary = summary_of(out);
  ASSERT_FALSE(summary.is_null()) << said.errors;
  EXPECT_GT(summary.at("faults").at(0).at("packets_delayed").get<int>(), 0);
  EXPECT_EQ(summary.at("seed"), 3);
  EXPECT_EQ(summary.at("engine"), "clsact");
  EXPECT_EQ(nlohmann::json::parse(said.out), summary);
  EXPECT_EQ(said.errors, "") << "with --quiet";
  EXPECT_TRUE(std::filesystem::exists(out + "/plan.toml"));
}

}  // namespace
}  // namespace faultline::test
