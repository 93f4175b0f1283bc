#include "injector/base/secrets.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

namespace faultline {

std::string without_passwords(std::string text) {
  if (const auto scheme = text.find("://"); scheme != std::string::npos) {
    const auto begin = scheme + 3, end = text.find('/', begin);
    const auto at = text.substr(0, end).rfind('@');  // a password may hold one itself
    const auto colon = text.find(':', begin);
    if (at != std::string::npos && at > begin && colon < at) text.replace(colon + 1, at - colon - 1, "***");
  }
  for (const std::string_view key : {"?password=", "&password=", "?sslpassword=", "&sslpassword="})
    if (const auto found = text.find(key); found != std::string::npos) {
      const auto begin = found + key.size();
      text.replace(begin, std::min(text.find('&', begin), text.size()) - begin, "***");
    }
  return text;
}

bool is_secret(std::string name) {
  std::erase_if(name, [](char c) { return c == '_' || c == '-' || c == '.'; });
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  static constexpr std::string_view kWords[] = {"password", "passwd", "passphrase", "secret",
                                                "token",    "apikey", "credential", "privatekey"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

std::string without_secrets(std::string text) {
  auto equals = text.find('=');
  if (text.starts_with("--") && equals != std::string::npos)  // "--var=name=value"
    equals = std::min(text.find('=', equals + 1), std::max(equals, text.size()));
  if (equals < text.size() && is_secret(text.substr(0, equals))) return text.substr(0, equals + 1) + "***";
  return without_passwords(std::move(text));
}

}  // namespace faultline
