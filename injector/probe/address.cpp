#include "injector/probe/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "injector/base/error.h"
#include "injector/base/written_address.h"

namespace faultline::probe {
namespace {

bool is_port(const std::string& text) {
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && stop == end && port >= 1 && port <= 65535;
}

}  // namespace

std::optional<Endpoint> read_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  Endpoint result{text.substr(0, colon), text.substr(colon + 1)};
  const bool bracketed = result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']';
  if (bracketed) result.host = result.host.substr(1, result.host.size() - 2);
  // "::1:80" could be read two ways, so an IPv6 address needs its brackets.
  if (!bracketed && result.host.find_first_of(":[]/ ") != std::string::npos) return std::nullopt;
  if (result.host.empty() || !is_port(result.port)) return std::nullopt;
  return result;
}

Read<std::string> read_host_and_port(const std::string& text) {
  const auto endpoint = read_endpoint(text);
  if (!endpoint) return unfit(text, "a host and a port up to 65535");
  auto host = read_asked(endpoint->host);
  if (host.value)
    host.value =
        (host.value->find(':') == std::string::npos ? *host.value : "[" + *host.value + "]") + ":" + endpoint->port;
  return host;
}

Address resolve(const std::string& probe, const std::string& host, const std::string& port,
                const std::map<std::string, std::string>& names) {
  const auto lab = names.find(host);
  const std::string& name = lab == names.end() ? host : lab->second;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;  // one answer an address, not one a socket type
  addrinfo* list = nullptr;
  const int rc = getaddrinfo(name.c_str(), port.empty() ? nullptr : port.c_str(), &hints, &list);
  if (rc != 0) {
    const std::string why = rc == EAI_SYSTEM ? std::generic_category().message(errno) : gai_strerror(rc);
    throw Failure(Exit::cannot_run,
                  fmt::format("probe \"{}\": the name \"{}\" does not resolve: {}", probe, name, why));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  Address result;
  std::memcpy(&result.storage, list->ai_addr, list->ai_addrlen);
  result.length = list->ai_addrlen;
  return result;
}

std::string text_of(const Address& address) {
  char text[NI_MAXHOST] = "";
  getnameinfo(address.get(), address.length, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return text;
}

std::vector<Address> of_family(const std::vector<std::string>& addresses, int family) {
  std::vector<Address> found;
  for (const auto& text : addresses) {
    in6_addr raw{};  // has room for either
    if (inet_pton(family, text.c_str(), &raw) != 1) continue;
    Address address;
    if (family == AF_INET) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      std::memcpy(&v4.sin_addr, &raw, sizeof v4.sin_addr);
      std::memcpy(&address.storage, &v4, sizeof v4);
      address.length = sizeof v4;
    } else {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_addr = raw;
      std::memcpy(&address.storage, &v6, sizeof v6);
      address.length = sizeof v6;
    }
    found.push_back(address);
  }
  return found;
}

}  // namespace faultline::probe
