#include "injector/probe/errors.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "injector/base/visible_text.h"

namespace faultline::probe {
namespace {

const char* known(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "refused";
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return "reset";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return "unreachable";
    case ETIMEDOUT:
      return "timeout";
    default:
      return nullptr;
  }
}

constexpr std::array<std::string_view, 24> kFixed{
    "timeout", "refused",   "reset",   "closed",   "unreachable", "body",     "reply",   "resolve",
    "tls",     "protocol",  "FORMERR", "SERVFAIL", "NXDOMAIN",    "NOTIMP",   "REFUSED", "no address",
    "address", "truncated", "login",   "connect",  "exec",        "overload", "NOERROR", ErrorNames::kOther};

/// A word, and behind it a word that a service or the system chooses.
struct Open {
  std::string_view word, example;
  bool number;  ///< what follows is one
};
constexpr std::array<Open, 9> kOpen{{{"status", "status 503", true},
                                     {"error", "error READONLY", false},
                                     {"sql", "sql 57P01", false},
                                     {"curl", "curl 56", true},
                                     {"exit", "exit 1", true},
                                     {"signal", "signal 15", true},
                                     {"send", "send EPERM", false},
                                     {"errno", "errno EPROTO", false},
                                     {"RCODE", "RCODE 9", true}}};

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name ? name : std::to_string(error);
}

}  // namespace

std::string network_error(int error) {
  if (const char* name = known(error)) return name;
  return "errno " + errno_name(error);
}

std::string send_error(int error) {
  if (const char* name = known(error)) return name;
  return "send " + errno_name(error);
}

bool is_error_name(std::string_view text) {
  if (std::find(kFixed.begin(), kFixed.end(), text) != kFixed.end()) return true;
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view word = text.substr(0, space), rest = text.substr(space + 1);
  return std::any_of(kOpen.begin(), kOpen.end(), [&](const Open& open) {
    const auto fits = [&](char c) { return open.number ? c >= '0' && c <= '9' : c > ' '; };
    return open.word == word && !rest.empty() && std::all_of(rest.begin(), rest.end(), fits);
  });
}

std::vector<std::string> error_names() {
  std::vector<std::string> all(kFixed.begin(), kFixed.end());
  for (const Open& open : kOpen) all.emplace_back(open.example);
  return all;
}

std::string ErrorNames::named(const std::string& error) {
  std::string name = bounded(error, kLongest);
  if (known_.contains(name)) return name;
  if (known_.size() >= kMost) return kOther;
  known_.insert(name);
  return name;
}

}  // namespace faultline::probe
