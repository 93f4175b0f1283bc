// The operator's connection is found among the ancestors, as under sshd and sudo; no other is.
#include "injector/site/control_path.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "injector/base/error.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/udp.h"

namespace faultline::test {
namespace {

Fd stream_socket() { return Fd(static_cast<int>(check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)))); }

/// A child that holds `socket`, and a grandchild that asks. Returns its exit status.
int ask_below(int socket, const std::function<bool()>& question) {
  const pid_t child = fork();
  if (child == 0) {
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      close(socket);
      _exit(question() ? 0 : 1);
    }
    int status = 0;
    waitpid(grandchild, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

TEST(ControlPath, is_the_port_of_the_connection_that_an_ancestor_holds) {
  const NetNs ns = NetNs::create();
  Inside in(ns);
  set_up("lo");
  add_address("lo", *IpPrefix::parse("10.7.7.1/32"));  // not loopback by its address: a stand-in for a machine's own
  for (const char* text : {"10.7.7.1", "127.0.0.1"}) {
    const bool operators = std::string(text) == "10.7.7.1";
    const Fd listener = stream_socket(), client = stream_socket();
    const Address at = address(text, 2222);
    check("bind", bind(listener.get(), at.get(), at.size));
    check("listen", listen(listener.get(), 1));
    check("connect", connect(client.get(), at.get(), at.size));
    const Fd accepted(static_cast<int>(check("accept", accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))));
    struct stat inode {};
    check("stat", fstat(ns.fd(), &inode));
    const int result = ask_below(accepted.get(), [&] {
      const auto ports = site::control_path_ports();
      const auto found = ports.find(inode.st_ino);
      return operators ? found != ports.end() && found->second.contains(2222) : found == ports.end() || !found->second.contains(2222);
    });
    EXPECT_EQ(result, 0) << text;
  }
}

TEST(ControlPath, a_site_elsewhere_has_none) {
  std::vector<site::Site> sites;
  sites.push_back({"elsewhere", NetNs::create(), {}, {}});
  EXPECT_TRUE(site::exempt_control_path(sites).empty());
  EXPECT_TRUE(sites[0].exempt_ports.empty());
}

}  // namespace
}  // namespace faultline::test
