// A steady stream of UDP packets between two namespaces, each with the instant of its sending in it. It tells when
// traffic was touched and when not, packet by packet: the instrument for everything about how a fault ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::test {

class UdpStream {
 public:
  struct Packet {
    Ns sent, arrived;
    Ns took() const { return arrived - sent; }
  };

  /// Sends `per_second` packets of `size` bytes a second (24 at least) until finish(). IPv4 or IPv6 addresses.
  UdpStream(const NetNs& from, const std::string& source, const NetNs& to, const std::string& target,
            unsigned per_second, std::size_t size = 64);
  ~UdpStream();

  /// Stops sending, receives for `rest` more, and tells what arrived, in order of arrival.
  const std::vector<Packet>& finish(Ns rest = 300 * kMillisecond);
  std::uint64_t sent() const { return sent_; }
  /// When each packet was sent; after finish().
  const std::vector<Ns>& instants() const { return instants_; }
  std::uint64_t refused() const { return refused_; }  ///< by the sender's own kernel

 private:
  void send_all(std::size_t size);
  void receive_all();

  Fd sender_, receiver_;
  const Ns gap_;
  std::atomic<bool> sending_ = true;
  std::atomic<Ns> until_ = INT64_MAX;
  std::atomic<std::uint64_t> sent_ = 0, refused_ = 0;
  std::vector<Packet> packets_;
  std::vector<Ns> instants_;
  std::thread sending_thread_, receiving_thread_;
};

/// From `instant` to the sending of the first packet after it that took less than `limit`. Empty: there was none.
std::optional<Ns> first_quick(const std::vector<UdpStream::Packet>& packets, Ns instant, Ns limit);

}  // namespace faultline::test
