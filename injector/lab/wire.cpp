#include "injector/lab/wire.h"

#include <sys/socket.h>

#include <cstring>
#include <stdexcept>

#include "injector/base/error.h"

namespace faultline::lab {
namespace {

constexpr std::size_t kMaxMessage = 256 << 10;
constexpr std::size_t kMaxFds = 4;

}  // namespace

Writer& Writer::put(std::uint64_t number) {
  bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  return *this;
}

Writer& Writer::put(const std::string& text) {
  put(text.size());
  bytes_ += text;
  return *this;
}

Writer& Writer::put(const std::vector<std::string>& texts) {
  put(texts.size());
  for (const auto& text : texts) put(text);
  return *this;
}

Writer& Writer::put(const std::map<std::string, std::string>& texts) {
  put(texts.size());
  for (const auto& [key, value] : texts) put(key).put(value);
  return *this;
}

std::uint64_t Reader::number() {
  std::uint64_t number = 0;
  if (bytes_.size() - at_ < sizeof number) throw std::runtime_error("nursery: a message is too short");
  std::memcpy(&number, bytes_.data() + at_, sizeof number);
  at_ += sizeof number;
  return number;
}

std::string Reader::text() {
  const std::uint64_t size = number();
  if (bytes_.size() - at_ < size) throw std::runtime_error("nursery: a message is too short");
  std::string text = bytes_.substr(at_, size);
  at_ += size;
  return text;
}

std::vector<std::string> Reader::texts() {
  std::vector<std::string> texts;
  for (std::uint64_t left = number(); left > 0; --left) texts.push_back(text());
  return texts;
}

std::map<std::string, std::string> Reader::map() {
  std::map<std::string, std::string> texts;
  for (std::uint64_t left = number(); left > 0; --left) {
    std::string key = text();
    texts[key] = text();
  }
  return texts;
}

void send_message(int socket, const std::string& bytes, const std::vector<int>& fds) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fds.size() > kMaxFds) throw std::logic_error("nursery: too many descriptors in a message");
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t sent;
  do sent = sendmsg(socket, &header, MSG_NOSIGNAL);
  while (sent == -1 && errno == EINTR);
  check("send to the nursery", sent);
}

std::optional<Message> receive_message(int socket) {
  Message message;
  message.bytes.resize(kMaxMessage);
  iovec part{message.bytes.data(), message.bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t received;
  do received = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (received == -1 && errno == EINTR);
  if (received == 0 || (received == -1 && errno == ECONNRESET)) return std::nullopt;
  check("receive from the nursery", received);
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      message.fds.emplace_back(fd);
    }
  }
  if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) throw std::runtime_error("nursery: a message was cut short");
  message.bytes.resize(static_cast<std::size_t>(received));
  return message;
}

}  // namespace faultline::lab
