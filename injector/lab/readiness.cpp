#include "injector/lab/readiness.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>

#include "injector/base/error.h"
#include "injector/base/secrets.h"
#include "injector/base/visible_text.h"

namespace faultline::lab {
namespace {

constexpr Ns kPatience = kSecond;          // for one answer
constexpr Ns kExecPatience = 5 * kSecond;  // pg_isready alone waits 3 s

struct Url {
  std::string host, path = "/";
  std::string authority;  ///< as written, with brackets and port: the Host header
  std::uint16_t port = 80;
};

Url parse_url(const std::string& text) {
  const auto bad = [&](const std::string& why) -> Url {
    throw Failure(Exit::invalid, "ready.http = \"" + text + "\": " + why);
  };
  const std::string scheme = "http://";
  if (text.rfind(scheme, 0) != 0) return bad("only http://HOST[:PORT]/PATH can be asked");
  Url url;
  const auto slash = text.find('/', scheme.size());
  std::string authority = text.substr(scheme.size(), slash == std::string::npos ? slash : slash - scheme.size());
  url.authority = authority;
  if (slash != std::string::npos) url.path = text.substr(slash, text.find('#', slash) - slash);
  const auto bracket = authority.find(']');
  const auto colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  if (colon != std::string::npos) {
    const std::string digits = authority.substr(colon + 1);
    const unsigned long port =
        digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos
            ? 0
            : std::stoul(digits);
    if (port == 0 || port > 65535) return bad("\"" + digits + "\" is no port");
    url.port = static_cast<std::uint16_t>(port);
    authority.resize(colon);
  }
  if (bracket != std::string::npos && authority.size() > 2) authority = authority.substr(1, bracket - 1);
  if (authority.empty()) return bad("it names no host");
  url.host = authority;
  return url;
}

std::string error_text(int error) { return std::generic_category().message(error); }

/// Waits for `events` on a socket; 0, or an errno.
int wait_for(const Fd& socket, short events, Ns deadline) {
  pollfd poll_fd{socket.get(), events, 0};
  for (;;) {
    const Ns left = deadline - monotonic_now();
    const int got = poll(&poll_fd, 1, left > 0 ? static_cast<int>(left / kMillisecond) + 1 : 0);
    if (got > 0) return 0;
    if (got == 0) return ETIMEDOUT;
    if (errno != EINTR) return errno;
  }
}

}  // namespace

Readiness::Readiness(const plan::Ready& ready, const NetNs& ns, const std::vector<IpPrefix>& addresses,
                     const std::map<std::string, std::vector<IpPrefix>>& names, nursery::Nursery& nursery,
                     nursery::Command command)
    : ready_(ready), ns_(ns), nursery_(nursery), command_(std::move(command)) {
  const std::vector<IpPrefix> loopback = {*IpPrefix::parse("127.0.0.1"), *IpPrefix::parse("::1")};
  if (ready.tcp) {
    port_ = *ready.tcp;
    to_ = addresses;
    to_.insert(to_.end(), loopback.begin(), loopback.end());
  } else if (!ready.http.empty()) {
    const Url url = parse_url(ready.http);
    port_ = url.port;
    if (const auto literal = IpPrefix::parse(url.host)) {
      to_ = {*literal};
    } else if (const auto found = names.find(url.host); found != names.end()) {
      to_ = found->second;
    } else if (url.host == "localhost") {
      to_ = loopback;
    } else {
      throw Failure(Exit::invalid, "ready.http = \"" + ready.http + "\": \"" + url.host +
                                       "\" is neither localhost nor a host of the lab nor an address");
    }
    request_ = "GET " + url.path + " HTTP/1.1\r\nHost: " + url.authority +
               "\r\nUser-Agent: faultline\r\nConnection: close\r\n\r\n";
  } else {
    command_.argv = ready.command;
  }
}

std::string Readiness::question() const {
  if (ready_.tcp) return fmt::format("tcp port {} accepts a connection", port_);
  if (!ready_.http.empty()) return without_passwords(ready_.http) + " answers 2xx";
  return fmt::format("`{}` exits 0", command_without_secrets(ready_.command));
}

bool Readiness::ask() {
  if (!ready_.command.empty() && to_.empty()) return exits_0();
  // The first reason is kept: it is that of the host's own address.
  std::string reason;
  for (const auto& address : to_) {
    last_answer_.clear();
    if (connects(address, port_, request_)) return true;
    if (reason.empty()) reason = address.address_text() + ": " + last_answer_;
  }
  last_answer_ = reason;
  return false;
}

bool Readiness::connects(const IpPrefix& address, std::uint16_t port, const std::string& request) {
  const Ns deadline = monotonic_now() + kPatience;
  const auto no = [&](const std::string& why) {
    last_answer_ = why;
    return false;
  };
  Fd socket;
  {
    const Inside inside(ns_);
    socket = Fd(::socket(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  }
  if (!socket) return no(error_text(errno));
  sockaddr_storage to{};
  socklen_t size;
  if (address.v6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(to);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    size = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(to);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
    size = sizeof v4;
  }
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&to), size) != 0) {
    if (errno != EINPROGRESS) return no(error_text(errno));
    if (const int error = wait_for(socket, POLLOUT, deadline)) return no(error_text(error));
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
      return no(error_text(error));
  }
  if (request.empty()) return true;

  if (send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return no("the request could not be sent");
  std::string status;  // "HTTP/1.1 200 OK": the code is characters 9 to 11
  while (status.size() < 12) {
    char buffer[64];
    if (const int error = wait_for(socket, POLLIN, deadline)) return no(error_text(error));
    const ssize_t got = recv(socket.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return no("the connection closed without an answer");
    status.append(buffer, static_cast<std::size_t>(got));
  }
  if (status.rfind("HTTP/1.", 0) != 0) return no("the answer is not HTTP");
  return status[9] == '2' || no("status " + bounded(status.substr(9, 3), 12));
}

bool Readiness::exits_0() {
  const Fd output(static_cast<int>(check("make a file in memory", memfd_create("ready", MFD_CLOEXEC))));
  command_.output = output.get();
  const pid_t pid = nursery_.spawn(command_);
  std::optional<nursery::Ended> ended = nursery_.wait(pid, monotonic_now() + kExecPatience);
  if (!ended) {
    nursery_.kill(pid, SIGKILL);
    nursery_.wait(pid, monotonic_now() + kPatience);
    last_answer_ = "it ran for more than 5 s";
    return false;
  }
  if (WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == 0) return true;
  last_answer_ = WIFEXITED(ended->status) ? fmt::format("exit status {}", WEXITSTATUS(ended->status))
                                          : fmt::format("ended by signal {}", WTERMSIG(ended->status));
  char said[400];
  const ssize_t got = pread(output.get(), said, sizeof said, 0);
  std::string text(said, got > 0 ? static_cast<std::size_t>(got) : 0);
  text.resize(std::min(text.size(), text.find_last_not_of(" \n") + 1));
  if (!text.empty()) last_answer_ += ", \"" + bounded(text, sizeof said) + "\"";
  return false;
}

}  // namespace faultline::lab
