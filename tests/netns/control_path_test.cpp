// The operator's connection is found among the ancestors, as under sshd and sudo; no other is.
#include "injector/site/control_path.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "injector/base/error.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/udp.h"

namespace faultline::test {
namespace {

Fd stream_socket() { return Fd(static_cast<int>(check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)))); }

/// A child that holds `socket`, and a grandchild that asks. Returns its exit status: 0 when the answer is true.
int ask_below(int socket, const std::function<bool()>& question) {
  const pid_t child = fork();
  if (child == 0) {
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      close(socket);
      try {
        _exit(question() ? 0 : 1);
      } catch (const std::exception& e) {
        fprintf(stderr, "%s\n", e.what());
        _exit(2);  // and not on into the other tests
      }
    }
    int status = 0;
    waitpid(grandchild, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/// A connection of a namespace's own to port 2222 of `text`, as sshd would hold its end.
struct Connection {
  explicit Connection(const char* text) {
    const Fd listener = stream_socket();
    const Address at = address(text, 2222);
    check("bind", bind(listener.get(), at.get(), at.size));
    check("listen", listen(listener.get(), 1));
    check("connect", connect(client.get(), at.get(), at.size));
    accepted = Fd(static_cast<int>(check("accept", accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))));
  }
  Fd client = stream_socket(), accepted;
};

class ControlPath : public testing::Test {
 protected:
  ControlPath() {
    Inside in(ns);
    set_up("lo");
    add_address("lo", *IpPrefix::parse("10.7.7.1/32"));  // not loopback by its address: a stand-in for a machine's own
  }
  NetNs ns = NetNs::create();
};

TEST_F(ControlPath, IsThePortOfTheConnectionThatAnAncestorHolds) {
  Inside in(ns);
  for (const char* text : {"10.7.7.1", "127.0.0.1"}) {
    const bool operators = std::string(text) == "10.7.7.1";
    const Connection connection(text);
    const int result = ask_below(connection.accepted.get(), [&] {
      const auto ports = site::control_path_ports();
      const auto found = ports.find(ns.inode());
      return operators ? found != ports.end() && found->second.contains(2222)
                       : found == ports.end() || !found->second.contains(2222);
    });
    EXPECT_EQ(result, 0) << text;
  }
}

TEST_F(ControlPath, ASiteElsewhereHasNone) {
  Inside in(ns);
  const Connection connection("10.7.7.1");
  const int result = ask_below(connection.accepted.get(), [&] {
    std::vector<site::Site> sites;
    sites.push_back({"elsewhere", NetNs::create(), {}, {}});
    sites.push_back({"here", ns.duplicate(), {}, {}});
    const auto said = site::exempt_control_path(sites);
    const auto& here = sites[1].exempt_ports;
    return said.size() == 1 && sites[0].exempt_ports.empty() && std::find(here.begin(), here.end(), 2222) != here.end();
  });
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace faultline::test
