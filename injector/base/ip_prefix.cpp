#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "injector/base/mapped.h"

namespace faultline {
namespace {

constexpr int kMappedBits = 96;  // of ::ffff:0:0/96

}  // namespace

std::optional<IpPrefix> IpPrefix::parse(const std::string& text) {
  // inet_pton stops at a NUL; a text with one inside is not an address.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  IpPrefix prefix;
  prefix.v6 = address.find(':') != std::string::npos;
  if (inet_pton(prefix.v6 ? AF_INET6 : AF_INET, address.c_str(), prefix.bytes.data()) != 1) return std::nullopt;

  prefix = prefix.alone();
  if (slash == std::string::npos) return unmapped(prefix);
  unsigned length = 0;  // unsigned: from_chars then refuses a sign
  const char* first = text.data() + slash + 1;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, length);
  if (error != std::errc{} || end != last || length > static_cast<unsigned>(prefix.length)) return std::nullopt;
  prefix.length = static_cast<int>(length);
  if (is_mapped(prefix) && prefix.length < kMappedBits) return std::nullopt;
  return unmapped(prefix);
}

bool is_mapped(const IpPrefix& prefix) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return prefix.v6 && std::equal(kMapped.begin(), kMapped.end(), prefix.bytes.begin());
}

IpPrefix unmapped(const IpPrefix& prefix) {
  if (!is_mapped(prefix) || prefix.length < kMappedBits) return prefix;
  IpPrefix v4;
  std::copy(prefix.bytes.begin() + 12, prefix.bytes.end(), v4.bytes.begin());
  v4.length = prefix.length - kMappedBits;
  return v4;
}

IpPrefix mapped(const IpPrefix& prefix) {
  if (prefix.v6) return prefix;
  IpPrefix v6{true, {}, kMappedBits + prefix.length};
  v6.bytes[10] = v6.bytes[11] = 0xff;
  std::copy_n(prefix.bytes.begin(), 4, v6.bytes.begin() + 12);
  return v6;
}

std::string IpPrefix::text() const { return address_text() + "/" + std::to_string(length); }

std::string IpPrefix::address_text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
  return buffer;
}

IpPrefix IpPrefix::network() const {
  IpPrefix cut = *this;
  const auto whole = static_cast<std::size_t>(length / 8);
  if (whole < cut.bytes.size()) cut.bytes[whole] &= static_cast<std::uint8_t>(~(0xff >> length % 8));
  for (std::size_t i = whole + 1; i < cut.bytes.size(); ++i) cut.bytes[i] = 0;
  return cut;
}

IpPrefix IpPrefix::alone() const { return {v6, bytes, v6 ? 128 : 32}; }

bool IpPrefix::covers(const IpPrefix& address) const {
  return v6 == address.v6 && IpPrefix{v6, address.bytes, length}.network().bytes == network().bytes;
}

bool IpPrefix::is_loopback() const {
  static const IpPrefix v4{false, {127}, 8}, local{true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128};
  return (v6 ? local : v4).covers(*this);
}

}  // namespace faultline
