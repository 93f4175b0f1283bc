// Addresses as the demo services are given them: "HOST:PORT", and "http://HOST:PORT".
#pragma once

#include <charconv>
#include <optional>
#include <string>

namespace demo {

struct Address {
  std::string host;
  int port = 0;
  /// Of "HOST:PORT"; none of anything else.
  static std::optional<Address> of(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0 || text.find('/') != std::string::npos) return std::nullopt;
    Address address{text.substr(0, colon)};
    const char *from = text.data() + colon + 1, *upto = text.data() + text.size();
    const auto [end, error] = std::from_chars(from, upto, address.port);
    if (error != std::errc() || end != upto || address.port < 1 || address.port > 65535) return std::nullopt;
    return address;
  }
  /// Of "http://HOST:PORT".
  static std::optional<Address> of_url(const std::string& url) {
    return url.starts_with("http://") ? of(url.substr(7)) : std::nullopt;
  }
};

}  // namespace demo
