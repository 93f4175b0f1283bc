#include <arpa/inet.h>

#include <charconv>

#include "injector/base/rtnetlink.h"

namespace faultline {

std::optional<IpPrefix> IpPrefix::parse(const std::string& text) {
  // inet_pton stops at a NUL; a text with one inside is not an address.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  IpPrefix prefix;
  prefix.v6 = address.find(':') != std::string::npos;
  if (inet_pton(prefix.v6 ? AF_INET6 : AF_INET, address.c_str(), prefix.bytes.data()) != 1) return std::nullopt;

  const int longest = prefix.v6 ? 128 : 32;
  prefix.length = longest;
  if (slash == std::string::npos) return prefix;
  unsigned length = 0;  // unsigned: from_chars then refuses a sign
  const char* first = text.data() + slash + 1;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, length);
  if (error != std::errc{} || end != last || length > static_cast<unsigned>(longest)) return std::nullopt;
  prefix.length = static_cast<int>(length);
  return prefix;
}

std::string IpPrefix::text() const { return address_text() + "/" + std::to_string(length); }

bool IpPrefix::covers(const IpPrefix& address) const {
  if (v6 != address.v6) return false;
  for (int bit = 0; bit < length; bit++) {
    const auto at = static_cast<std::size_t>(bit / 8);
    if (((bytes[at] ^ address.bytes[at]) & (0x80 >> bit % 8)) != 0) return false;
  }
  return true;
}

std::string IpPrefix::address_text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
  return buffer;
}

}  // namespace faultline
