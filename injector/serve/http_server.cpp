#include "injector/serve/http_server.h"

#include <fcntl.h>
#include <httplib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <thread>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/base/newcomers.h"

namespace faultline::serve {
namespace {

constexpr Ns kToAsk = 5 * kSecond;      // from connecting to the end of the request
constexpr Ns kToTake = 20 * kSecond;    // from there to the end of the answer
constexpr std::size_t kMostUnsent = 8;  // answers that wait for their readers
constexpr std::size_t kPortion = 65536;
constexpr int kNice = 10;  // probes and the run go first on a busy machine

/// A request that is here as a whole, and room for its answer.
class Memory : public httplib::Stream {
 public:
  explicit Memory(std::string in) : in_(std::move(in)) {}
  bool is_readable() const override { return at_ < in_.size(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t n = in_.copy(to, size, at_);
    at_ += n;
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* from, std::size_t size) override {
    out.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return -1; }

  std::string out;

 private:
  std::string in_;
  std::size_t at_ = 0;
};

/// A request with those of its headers that are looked at. The library acts upon others: it matches ranges with
/// std::regex, answers each of them, as often as it is asked for, and compresses. A line ends where it ends for the
/// library.
std::string with_few_headers(const std::string& request) {
  constexpr std::string_view kLooked[] = {"host", "authorization"};
  std::string out;
  for (std::size_t from = 0, end = 0; from < request.size(); from = end) {
    end = std::min(request.find('\n', from), request.size() - 1) + 1;
    const std::string_view line = std::string_view(request).substr(from, end - from);
    std::string name(line.substr(0, std::min(line.find(':'), line.size())));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (from == 0 || std::find(std::begin(kLooked), std::end(kLooked), name) != std::end(kLooked)) out += line;
  }
  return out + "\r\n";
}

/// The library's parsing, routing and writing, without its sockets and threads.
class Library : public httplib::Server {
 public:
  std::string answer(const std::string& request) {
    Memory stream(with_few_headers(request));
    bool closed = true;
    process_request(stream, true, closed, {});
    return std::move(stream.out);
  }
};

/// In a time that does not tell how much of it is right.
bool same_secret(const std::string& given, const std::string& right) {
  unsigned char differs = given.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < right.size(); i++)
    differs = static_cast<unsigned char>(differs | (right[i] ^ (i < given.size() ? given[i] : '\0')));
  return differs == 0;
}

std::string from_base64(const std::string& text) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0, have = 0;
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<unsigned>(digit);
    if ((have += 6) >= 8) out += static_cast<char>(bits >> (have -= 8) & 0xff);
  }
  return out;
}

/// `Authorization: Bearer TOKEN`, as Prometheus sends it, or Basic with any user, as a browser asks for it.
bool is_allowed(const httplib::Request& request, const std::string& token) {
  if (token.empty()) return true;
  const std::string given = request.get_header_value("Authorization");
  if (given.starts_with("Bearer ")) return same_secret(given.substr(7), token);
  if (!given.starts_with("Basic ")) return false;
  const std::string pair = from_base64(given.substr(6));
  const auto colon = pair.find(':');
  return colon != std::string::npos && same_secret(pair.substr(colon + 1), token);
}

/// An address or localhost: what a page of another site cannot make its own name lead to.
bool is_plain_host(std::string host) {
  if (host.starts_with('[')) return true;
  host = host.substr(0, host.find(':'));
  return host == "localhost" ||
         std::all_of(host.begin(), host.end(), [](unsigned char c) { return std::isdigit(c) || c == '.'; });
}

struct Connection {
  Fd fd;
  Ns until = 0;
  std::string in, out;
  std::size_t sent = 0;
  bool answered = false;
  bool done = false;
};

}  // namespace

struct HttpServer::Impl {
  Impl(Fd listening_fd, Access who, Pages what)
      : listening(std::move(listening_fd)),
        wake(static_cast<int>(check("make an eventfd", ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))),
        access(std::move(who)) {
    library.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      response.set_header("Cache-Control", "no-store");
      response.set_header("X-Content-Type-Options", "nosniff");
      response.set_header("Accept-Ranges", "none");
      return refuse(request, response) ? httplib::Server::HandlerResponse::Handled
                                       : httplib::Server::HandlerResponse::Unhandled;
    });
    for (auto& [path, page] : what)
      library.Get(path, [page = std::move(page)](const httplib::Request&, httplib::Response& response) {
        const Content content = page();
        response.status = content.status;
        if (!content.tag.empty()) response.set_header("ETag", "\"" + content.tag + "\"");
        response.set_content(content.text, content.type.c_str());
      });
    thread = std::thread([this] { serve(); });
  }
  ~Impl() {
    const std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof one);
    thread.join();
  }

  bool refuse(const httplib::Request& request, httplib::Response& response) const {
    const auto say = [&](int status, const char* why) {
      response.status = status;
      response.set_content(why, "text/plain");
      return true;
    };
    if (request.method != "GET" && request.method != "HEAD") return say(405, "this is to be read, and nothing else\n");
    if (!access.any_host && !is_plain_host(request.get_header_value("Host")))
      return say(403, "ask by the address, or as localhost\n");
    if (is_allowed(request, access.token)) return false;
    response.set_header("WWW-Authenticate", "Basic realm=\"faultline\"");
    return say(401, "the token of --serve-token-file is missing, or another\n");
  }

  void serve() {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
    for (;;) {
      const Ns begin = monotonic_now();
      const bool deaf = newcomers.is_deaf(begin);
      std::vector<pollfd> fds{{wake.get(), POLLIN, 0}, {listening.get(), static_cast<short>(deaf ? 0 : POLLIN), 0}};
      Ns next = deaf ? newcomers.deaf_until() : begin + kSecond;
      for (const auto& one : connections) {
        fds.push_back({one.fd.get(), static_cast<short>(one.answered ? POLLOUT : POLLIN), 0});
        next = std::min(next, one.until);
      }
      const Ns wait = std::max<Ns>(next - begin, 0);
      if (::poll(fds.data(), fds.size(), static_cast<int>(wait / kMillisecond) + 1) < 0 && errno != EINTR) return;
      if (fds[0].revents != 0) return;
      const Ns now = monotonic_now();
      std::size_t i = 2;
      for (auto& one : connections) {
        if (fds[i++].revents != 0) go_on(one, now);
        one.done |= now >= one.until;
      }
      connections.remove_if([](const Connection& one) { return one.done; });
      if (fds[1].revents != 0) take_new(now);
    }
  }

  void take_new(Ns now) {
    for (std::size_t i = 0; i < kMostConnections; i++) {
      Fd fd = newcomers.take(listening.get(), now);
      if (!fd) return;
      if (connections.size() == kMostConnections) connections.pop_front();  // who has had the most time
      connections.emplace_back();
      connections.back().fd = std::move(fd);
      connections.back().until = now + kToAsk;
    }
  }

  void go_on(Connection& one, Ns now) {
    if (!one.answered) read_request(one, now);
    if (one.answered && !one.done) write_answer(one);
  }

  void read_request(Connection& one, Ns now) {
    char buffer[2048];
    for (;;) {
      const ssize_t n = ::recv(one.fd.get(), buffer, sizeof buffer, 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (n <= 0) {
        one.done = true;
        return;
      }
      one.in.append(buffer, static_cast<std::size_t>(n));
      if (const auto end = one.in.find("\r\n\r\n"); end != std::string::npos) {
        one.in.resize(end + 4);
        break;
      }
      if (one.in.size() > kMostRequest) {
        one.done = true;
        return;
      }
    }
    make_room_to_answer();
    try {
      one.out = library.answer(one.in);
    } catch (const std::exception&) {  // out of memory at worst
      one.done = true;
    }
    one.answered = true;
    one.until = now + kToTake;
    one.done |= one.out.empty();
  }

  /// Answers that nobody takes would add up to much memory: the oldest gives way.
  void make_room_to_answer() {
    std::size_t unsent = 0;
    Connection* oldest = nullptr;
    for (auto& other : connections) {
      if (!other.answered || other.done) continue;
      unsent++;
      if (!oldest || other.until < oldest->until) oldest = &other;
    }
    if (unsent >= kMostUnsent) oldest->done = true;
  }

  static void write_answer(Connection& one) {
    while (one.sent < one.out.size()) {
      const ssize_t n =
          ::send(one.fd.get(), one.out.data() + one.sent, std::min(kPortion, one.out.size() - one.sent), MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (n < 0) break;
      one.sent += static_cast<std::size_t>(n);
    }
    ::shutdown(one.fd.get(), SHUT_WR);
    one.done = true;
  }

  const Fd listening, wake;
  const Access access;
  Library library;
  std::list<Connection> connections;  // oldest first; of the server's thread
  Newcomers newcomers;                // of the server's thread
  std::thread thread;                 // last: it uses all of the above
};

HttpServer::HttpServer(Fd listening, Access access, Pages pages)
    : impl_(std::make_unique<Impl>(std::move(listening), std::move(access), std::move(pages))) {}
HttpServer::~HttpServer() = default;

}  // namespace faultline::serve
