#include "injector/base/netlink_request.h"

#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "injector/base/error.h"

namespace faultline {
namespace {

constexpr unsigned kSequence = 1;  // one request per socket
// A link dump message of a device with many virtual functions exceeds MNL_SOCKET_BUFFER_SIZE.
constexpr std::size_t kReceiveBytes = 65536;

class Socket {
 public:
  Socket(const std::string& attempt, int protocol) : socket_(mnl_socket_open2(protocol, SOCK_CLOEXEC)) {
    if (!socket_) throw std::system_error(errno, std::generic_category(), attempt + " (open netlink)");
    check(attempt + " (bind netlink)", mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID));
    // Both only shape the error answers; a refusal costs the explanation, nothing else.
    int on = 1;
    mnl_socket_setsockopt(socket_.get(), NETLINK_EXT_ACK, &on, sizeof on);
    mnl_socket_setsockopt(socket_.get(), NETLINK_CAP_ACK, &on, sizeof on);
  }

  void send(const std::string& attempt, const nlmsghdr* message) {
    check(attempt, mnl_socket_sendto(socket_.get(), message, message->nlmsg_len));
  }

  /// Shows `visit` each message that answers us until it returns false.
  void receive(const std::string& attempt, const std::function<bool(const nlmsghdr*)>& visit) {
    // 32-bit words, since messages are read in place and need their alignment.
    std::vector<std::uint32_t> buffer(kReceiveBytes / sizeof(std::uint32_t));
    for (;;) {
      const ssize_t got = mnl_socket_recvfrom(socket_.get(), buffer.data(), kReceiveBytes);
      if (got == -1 && errno == EINTR) continue;
      int left = static_cast<int>(check(attempt, got));
      const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
      for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        if (!mnl_nlmsg_seq_ok(message, kSequence)) continue;
        if (!mnl_nlmsg_portid_ok(message, mnl_socket_get_portid(socket_.get()))) continue;
        if (!visit(message)) return;
      }
    }
  }

 private:
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  std::unique_ptr<mnl_socket, Close> socket_;
};

/// The kernel's explanation in an error message, or "".
std::string explanation(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  std::size_t offset = sizeof(nlmsgerr);
  // Without capping the request itself comes back in front of the explanation.
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0 && error->msg.nlmsg_len >= sizeof(nlmsghdr))
    offset += MNL_ALIGN(error->msg.nlmsg_len - sizeof(nlmsghdr));
  if (mnl_nlmsg_get_payload_len(message) < offset) return "";
  std::string text;
  each_attribute(message, offset, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
      text = mnl_attr_get_str(attribute);
  });
  return text;
}

void check_error_message(const std::string& attempt, const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(nlmsgerr)) check_neg(attempt + " (truncated answer)", -EBADMSG);
  const int error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
  if (error == 0) return;
  const std::string text = explanation(message);
  check_neg(text.empty() ? attempt : attempt + " (kernel: " + text + ")", error);
}

}  // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags, int protocol) : protocol_(protocol) {
  nlmsghdr* message = mnl_nlmsg_put_header(buffer_);
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  message->nlmsg_seq = kSequence;
}

void* NetlinkRequest::append(std::size_t size) {
  if (message()->nlmsg_len + MNL_ALIGN(size) > sizeof buffer_) check_neg("build a netlink request", -EMSGSIZE);
  return mnl_nlmsg_put_extra_header(message(), size);
}

void NetlinkRequest::put(std::uint16_t type, const void* data, std::size_t size) {
  if (!mnl_attr_put_check(message(), sizeof buffer_, type, size, data)) check_neg("build a netlink request", -EMSGSIZE);
}

void NetlinkRequest::nest(std::uint16_t type, const std::function<void()>& body) {
  nlattr* start = mnl_attr_nest_start_check(message(), sizeof buffer_, type);
  if (start == nullptr) check_neg("build a netlink request", -EMSGSIZE);
  body();
  mnl_attr_nest_end(message(), start);
}

void netlink_ack(const std::string& attempt, NetlinkRequest& request) {
  netlink_ask(attempt, request, [](const nlmsghdr*) {});
}

void netlink_ask(const std::string& attempt, NetlinkRequest& request,
                 const std::function<void(const nlmsghdr*)>& visit) {
  request.message()->nlmsg_flags |= NLM_F_ACK;
  Socket socket(attempt, request.protocol());
  socket.send(attempt, request.message());
  socket.receive(attempt, [&](const nlmsghdr* message) {
    if (message->nlmsg_type >= NLMSG_MIN_TYPE) visit(message);
    if (message->nlmsg_type != NLMSG_ERROR) return true;
    check_error_message(attempt, message);
    return false;
  });
}

bool netlink_dump(const std::string& attempt, NetlinkRequest& request,
                  const std::function<void(const nlmsghdr*)>& visit) {
  request.message()->nlmsg_flags |= NLM_F_DUMP;
  Socket socket(attempt, request.protocol());
  socket.send(attempt, request.message());
  bool consistent = true;
  socket.receive(attempt, [&](const nlmsghdr* message) {
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) consistent = false;
    if (message->nlmsg_type == NLMSG_ERROR) {
      check_error_message(attempt, message);
      return false;
    }
    if (message->nlmsg_type == NLMSG_DONE) {
      if (mnl_nlmsg_get_payload_len(message) >= sizeof(int))
        check_neg(attempt, *static_cast<const int*>(mnl_nlmsg_get_payload(message)));
      return false;
    }
    if (message->nlmsg_type >= NLMSG_MIN_TYPE) visit(message);
    return true;
  });
  return consistent;
}

void each_attribute(const nlmsghdr* message, std::size_t offset, const std::function<void(const nlattr*)>& visit) {
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, offset));
  for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute))
    visit(attribute);
}

void each_nested(const nlattr* outer, const std::function<void(const nlattr*)>& visit) {
  const auto* attribute = static_cast<const nlattr*>(mnl_attr_get_payload(outer));
  const char* end = reinterpret_cast<const char*>(attribute) + mnl_attr_get_payload_len(outer);
  for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute))
    visit(attribute);
}

}  // namespace faultline
