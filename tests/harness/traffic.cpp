#include "tests/harness/traffic.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

namespace faultline::test {
namespace {

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

constexpr std::size_t kHead = 16;  // number, time sent

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 31)) * 0x7fb5d329728ea185ULL;
  x = (x ^ (x >> 27)) * 0x81dadef4bc2dd44dULL;
  return x ^ (x >> 33);
}

/// Byte `at` of the endless sequence `which`.
void fill(std::uint8_t* bytes, std::size_t size, std::uint64_t at, std::uint64_t which) {
  for (std::size_t i = 0; i < size; i++, at++)
    bytes[i] = static_cast<std::uint8_t>(mixed(which * 0x10001 + at / 8) >> (at % 8 * 8));
}

void rest(Ns until) {
  const timespec at{until / kSecond, until % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

void write_head(std::uint8_t* packet, std::uint64_t number) {
  const Ns now = monotonic_now();
  std::memcpy(packet, &number, sizeof number);
  std::memcpy(packet + 8, &now, sizeof now);
}

class Receiver {
 public:
  Receiver(const End& at, const Stream& stream, Ns quiet)
      : stream_(stream), quiet_(quiet), socket_(bound_socket(*at.ns, SOCK_DGRAM, at.at)) {
    const int bytes = 64 << 20;
    check("enlarge a buffer", setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes));
    thread_ = std::thread([this] { run(); });
  }
  Arrivals finish() {
    sent_all_ = true;
    thread_.join();
    return std::move(arrivals_);
  }
  ~Receiver() {
    if (!thread_.joinable()) return;
    sent_all_ = true;
    thread_.join();
  }

 private:
  void run() {
    std::vector<std::uint8_t> buffer(70000), expected(stream_.size);
    Ns last = monotonic_now();
    while (arrivals_.all.size() < stream_.count + stream_.extra) {
      pollfd readable{socket_.get(), POLLIN, 0};
      if (poll(&readable, 1, 20) <= 0) {
        if (!sent_all_)
          last = monotonic_now();
        else if (monotonic_now() - last > quiet_)
          return;
        continue;
      }
      const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
      const Ns now = last = monotonic_now();
      Arrival a{};
      std::memcpy(&a.number, buffer.data(), sizeof a.number);
      std::memcpy(&a.sent, buffer.data() + 8, sizeof a.sent);
      a.took = now - a.sent;
      arrivals_.all.push_back(a);
      fill(expected.data(), expected.size(), a.number, 1);
      if (got != static_cast<ssize_t>(stream_.size) ||
          std::memcmp(expected.data() + kHead, buffer.data() + kHead, stream_.size - kHead) != 0)
        arrivals_.damaged++;
    }
  }

  const Stream stream_;
  const Ns quiet_;
  Fd socket_;
  Arrivals arrivals_;
  std::atomic<bool> sent_all_ = false;
  std::thread thread_;
};

}  // namespace

std::set<std::uint64_t> Arrivals::lost() const {
  std::set<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < asked; i++) numbers.insert(numbers.end(), i);
  for (const auto& a : all) numbers.erase(a.number);
  return numbers;
}

Ns Arrivals::quantile(double q) const {
  if (all.empty()) return -1;
  std::vector<Ns> times;
  for (const auto& a : all) times.push_back(a.took);
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(q * static_cast<double>(times.size() - 1))];
}

std::size_t Arrivals::overtaken() const {
  std::uint64_t highest = 0;
  std::size_t n = 0;
  for (const auto& a : all) {
    if (a.number < highest) n++;
    highest = std::max(highest, a.number);
  }
  return n;
}

Arrivals send_stream(const End& from, const End& to, const Stream& stream, Ns quiet) {
  Receiver receiver(to, stream, quiet);
  const Fd sender = bound_socket(*from.ns, SOCK_DGRAM, from.at);
  const int bytes = 64 << 20, segment = static_cast<int>(stream.size);
  check("enlarge a buffer", setsockopt(sender.get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes));
  if (stream.gso) check("segment", setsockopt(sender.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment));
  std::vector<std::uint8_t> group(stream.size * stream.together);
  std::size_t refused = 0;
  Ns next = monotonic_now();
  for (std::size_t i = 0; i < stream.count;) {
    const std::size_t n = std::min(stream.together, stream.count - i);
    for (std::size_t k = 0; k < n; k++) fill(&group[k * stream.size], stream.size, i + k, 1);
    const auto send = [&](std::size_t at, std::size_t size, std::size_t packets) {
      if (sendto(sender.get(), &group[at], size, 0, to.at.get(), to.at.size) == -1) refused += packets;
    };
    for (std::size_t k = 0; k < n; k++) {
      write_head(&group[k * stream.size], i + k);
      if (!stream.gso) send(k * stream.size, stream.size, 1);
    }
    if (stream.gso) send(0, n * stream.size, n);
    i += n;
    next = std::max(next + stream.gap, monotonic_now() - 10 * stream.gap);  // after a stall, no flood
    rest(next);
  }
  Arrivals arrivals = receiver.finish();
  arrivals.asked = stream.count;
  arrivals.refused = refused;
  return arrivals;
}

namespace {

/// One end of a connection: sends the sequence `out` if there is one, and checks what comes against `in`.
class Half {
 public:
  Half(Fd fd, std::size_t send, std::size_t receive, std::uint64_t out, std::uint64_t in)
      : fd_(std::move(fd)), send_(send), receive_(receive), out_(out), in_(in), buffer_(1 << 16), expected_(1 << 16) {
    check("set non-blocking", fcntl(fd_.get(), F_SETFL, O_NONBLOCK));
    if (send_ == 0) shutdown(fd_.get(), SHUT_WR);
  }
  short wants() const { return static_cast<short>((sent_ < send_ ? POLLOUT : 0) | (ended_ ? 0 : POLLIN)); }
  int fd() const { return fd_.get(); }
  bool done() const { return sent_ == send_ && ended_; }
  bool complete() const { return done() && got_ == receive_; }
  bool intact() const { return intact_; }
  std::size_t got() const { return got_; }

  void attend(short events) {
    if ((events & POLLOUT) && sent_ < send_) {
      const std::size_t n = std::min(buffer_.size(), send_ - sent_);
      fill(buffer_.data(), n, sent_, out_);
      const ssize_t went = ::send(fd_.get(), buffer_.data(), n, MSG_NOSIGNAL);
      if (went > 0) sent_ += static_cast<std::size_t>(went);
      if (sent_ == send_) shutdown(fd_.get(), SHUT_WR);
    }
    if (!(events & (POLLIN | POLLHUP | POLLERR)) || ended_) return;
    const ssize_t n = recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (n == -1 && errno == EAGAIN) return;
    if (n <= 0) {
      ended_ = true;
      intact_ &= n == 0;
      return;
    }
    fill(expected_.data(), static_cast<std::size_t>(n), got_, in_);
    intact_ &= std::memcmp(expected_.data(), buffer_.data(), static_cast<std::size_t>(n)) == 0;
    got_ += static_cast<std::size_t>(n);
  }

  tcp_info info() const {
    tcp_info i{};
    socklen_t size = sizeof i;
    check("ask TCP", getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &i, &size));
    return i;
  }

 private:
  Fd fd_;
  std::size_t send_, receive_, sent_ = 0, got_ = 0;
  std::uint64_t out_, in_;
  bool ended_ = false, intact_ = true;
  std::vector<std::uint8_t> buffer_, expected_;
};

}  // namespace

Transferred transfer(const End& from, const End& to, const Transfer& what) {
  const Fd listener = bound_socket(*to.ns, SOCK_STREAM, to.at);
  check("listen", listen(listener.get(), 1024));
  check("set non-blocking", fcntl(listener.get(), F_SETFL, O_NONBLOCK));
  const std::size_t back = what.both_ways ? what.bytes : 0;
  const Ns begun = monotonic_now(), end = begun + what.longest;
  std::vector<Half> near, far;
  std::vector<Fd> connecting;
  for (std::size_t i = 0; i < what.connections; i++) {
    Fd fd = bound_socket(*from.ns, SOCK_STREAM, from.at);
    check("set non-blocking", fcntl(fd.get(), F_SETFL, O_NONBLOCK));
    if (connect(fd.get(), to.at.get(), to.at.size) == -1 && errno != EINPROGRESS) check("connect", -1);
    connecting.push_back(std::move(fd));
  }
  const auto all_done = [&] {
    const auto done = [](const Half& h) { return h.done(); };
    return near.size() == what.connections && far.size() == what.connections &&
           std::all_of(near.begin(), near.end(), done) && std::all_of(far.begin(), far.end(), done);
  };
  while (!all_done() && monotonic_now() < end) {
    std::vector<pollfd> fds{{listener.get(), POLLIN, 0}};
    for (const auto& fd : connecting) fds.push_back({fd.get(), POLLOUT, 0});
    const std::size_t first_near = fds.size();
    for (const auto& h : near) fds.push_back({h.wants() ? h.fd() : -1, h.wants(), 0});
    const std::size_t first_far = fds.size(), nears = near.size(), fars = far.size();
    for (const auto& h : far) fds.push_back({h.wants() ? h.fd() : -1, h.wants(), 0});
    if (poll(fds.data(), fds.size(), 20) <= 0) continue;
    for (std::size_t i = 0; i < nears; i++)
      if (fds[first_near + i].revents) near[i].attend(fds[first_near + i].revents);
    for (std::size_t i = 0; i < fars; i++)
      if (fds[first_far + i].revents) far[i].attend(fds[first_far + i].revents);
    for (std::size_t i = connecting.size(); i-- > 0;) {
      if (!fds[1 + i].revents) continue;
      near.emplace_back(std::move(connecting[i]), what.bytes, back, 1, 2);
      connecting.erase(connecting.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (fds[0].revents) {
      Fd fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (fd) far.emplace_back(std::move(fd), back, what.bytes, 2, 1);
    }
  }
  Transferred result;
  result.took = monotonic_now() - begun;
  result.complete = near.size() == what.connections && far.size() == what.connections;
  rest(monotonic_now() + 100 * kMillisecond);  // last acknowledgements
  for (const auto& h : near) {
    const tcp_info i = h.info();
    result.sent += i.tcpi_segs_out;
    result.retransmitted += i.tcpi_total_retrans;
    result.complete &= h.complete();
    result.intact &= h.intact();
    result.bytes += h.got();
  }
  for (const auto& h : far) {
    const tcp_info i = h.info();
    result.received_there += i.tcpi_segs_in;
    result.retransmitted_there += i.tcpi_total_retrans;
    result.complete &= h.complete();
    result.intact &= h.intact();
    result.bytes += h.got();
  }
  return result;
}

std::uint64_t protocol_counter(const NetNs& ns, const std::string& table, const std::string& name) {
  Inside in(ns);
  for (const char* file : {"/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"}) {
    std::ifstream lines(file);
    std::string names, values;
    while (std::getline(lines, names) && std::getline(lines, values)) {
      if (names.substr(0, names.find(':')) != table) continue;
      std::istringstream n(names), v(values);
      std::string word, value;
      while (n >> word && v >> value)
        if (word == name) return std::stoull(value);
    }
  }
  throw std::invalid_argument("no counter " + table + " " + name);
}

std::uint64_t packets_received(const NetNs& ns, const std::string& device) {
  Inside in(ns);
  std::ifstream lines("/proc/thread-self/net/dev");
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t bytes = 0, packets = 0;
    if (words >> name >> bytes >> packets && name == device + ":") return packets;
  }
  throw std::invalid_argument("no device " + device);
}

bool plausible(std::uint64_t hits, std::uint64_t n, double p, double deviations) {
  const double count = static_cast<double>(n);
  return n > 0 && std::abs(static_cast<double>(hits) - count * p) <= deviations * std::sqrt(count * p * (1 - p)) + 0.5;
}

}  // namespace faultline::test
