// One conversation with the kernel over netlink (rtnetlink, sock_diag): a request is built attribute by attribute,
// sent, and answered by an acknowledgement or a dump. It exists so that its users say only *what* they ask for;
// sockets, sequence numbers, buffer bounds and the kernel's own error text (extended acknowledgement) are dealt with
// here. Every call opens a socket of its own in the calling thread's network namespace: requests are rare, and a kept
// socket would belong to the wrong namespace.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace faultline {

class NetlinkRequest {
 public:
  /// `type` is RTM_* or SOCK_DIAG_*; `flags` are NLM_F_* beyond NLM_F_REQUEST; `protocol` is NETLINK_*.
  NetlinkRequest(std::uint16_t type, std::uint16_t flags, int protocol = NETLINK_ROUTE);
  NetlinkRequest(const NetlinkRequest&) = delete;
  NetlinkRequest& operator=(const NetlinkRequest&) = delete;

  /// Appends a zeroed fixed header (ifinfomsg, ifaddrmsg, rtmsg). The reference is valid as long as the request is.
  template <class Header>
  Header& header() {
    return *static_cast<Header*>(append(sizeof(Header)));
  }
  /// Appends one attribute. All of these throw std::system_error (EMSGSIZE) when the request is full.
  void put(std::uint16_t type, const void* data, std::size_t size);
  void put_u8(std::uint16_t type, std::uint8_t value) { put(type, &value, sizeof value); }
  void put_u32(std::uint16_t type, std::uint32_t value) { put(type, &value, sizeof value); }
  void put_string(std::uint16_t type, const std::string& text) { put(type, text.c_str(), text.size() + 1); }
  /// Appends an attribute that holds everything `body` appends.
  void nest(std::uint16_t type, const std::function<void()>& body);

  nlmsghdr* message() { return reinterpret_cast<nlmsghdr*>(buffer_); }
  int protocol() const { return protocol_; }

 private:
  void* append(std::size_t size);

  const int protocol_;
  alignas(nlmsghdr) char buffer_[4096];
};

/// Sends the request and waits for the kernel's acknowledgement. Throws std::system_error with `attempt` and, where the
/// kernel gives one, its explanation.
void netlink_ack(const std::string& attempt, NetlinkRequest& request);

/// The same of a request that asks for something: shows `visit` the answer.
void netlink_ask(const std::string& attempt, NetlinkRequest& request,
                 const std::function<void(const nlmsghdr*)>& visit);

/// Sends a dump request and shows `visit` every message of the answer. False when the listed things changed meanwhile:
/// what was seen may then have gaps or repetitions, so start again.
bool netlink_dump(const std::string& attempt, NetlinkRequest& request,
                  const std::function<void(const nlmsghdr*)>& visit);

/// Shows `visit` every attribute of a message behind `offset` bytes of fixed header. (libmnl's macros are C only.)
void each_attribute(const nlmsghdr* message, std::size_t offset, const std::function<void(const nlattr*)>& visit);
/// The same for what is inside an attribute.
void each_nested(const nlattr* outer, const std::function<void(const nlattr*)>& visit);

}  // namespace faultline
