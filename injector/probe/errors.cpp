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

/// Of probes that have a connection of their own.
constexpr std::string_view kAsking = "http tcp icmp dns redis postgresql";

/// A name, and the kinds of probes that can have it; empty: all.
struct Fixed {
  std::string_view name, kinds;
};
constexpr std::array<Fixed, 24> kFixed{{{"timeout", ""},
                                        {"refused", kAsking},
                                        {"reset", kAsking},
                                        {"closed", kAsking},
                                        {"unreachable", kAsking},
                                        {"body", "http exec"},
                                        {"reply", "tcp redis postgresql"},
                                        {"resolve", "http"},
                                        {"tls", "http postgresql"},
                                        {"protocol", "http dns redis postgresql"},
                                        {"NOERROR", "dns"},
                                        {"FORMERR", "dns"},
                                        {"SERVFAIL", "dns"},
                                        {"NXDOMAIN", "dns"},
                                        {"NOTIMP", "dns"},
                                        {"REFUSED", "dns"},
                                        {"no address", "dns"},
                                        {"address", "dns"},
                                        {"truncated", "dns"},
                                        {"login", "postgresql"},
                                        {"connect", "http"},
                                        {"exec", "exec"},
                                        {"overload", ""},
                                        {ErrorNames::kOther, ""}}};

/// A word, and behind it a word that a service or the system chooses.
struct Open {
  std::string_view word, example, kinds;
  bool number;  ///< what follows is one
};
constexpr std::array<Open, 9> kOpen{{{"status", "status 503", "http", true},
                                     {"error", "error READONLY", "redis", false},
                                     {"sql", "sql 57P01", "postgresql", false},
                                     {"curl", "curl 56", "http", true},
                                     {"exit", "exit 1", "exec", true},
                                     {"signal", "signal 15", "exec", true},
                                     {"send", "send EPERM", kAsking, false},
                                     {"errno", "errno EPROTO", "", false},
                                     {"RCODE", "RCODE 9", "dns", true}}};

bool is_among(std::string_view kind, std::string_view kinds) {
  return kind.empty() || kinds.empty() ||
         (" " + std::string(kinds) + " ").find(" " + std::string(kind) + " ") != std::string::npos;
}

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

bool is_error_name(std::string_view text, std::string_view kind) {
  const auto named = [&](const Fixed& fixed) { return fixed.name == text && is_among(kind, fixed.kinds); };
  if (std::any_of(kFixed.begin(), kFixed.end(), named)) return true;
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view word = text.substr(0, space), rest = text.substr(space + 1);
  return std::any_of(kOpen.begin(), kOpen.end(), [&](const Open& open) {
    const auto fits = [&](char c) { return open.number ? c >= '0' && c <= '9' : c > ' '; };
    return open.word == word && is_among(kind, open.kinds) && !rest.empty() &&
           std::all_of(rest.begin(), rest.end(), fits);
  });
}

std::vector<std::string> error_names(std::string_view kind) {
  std::vector<std::string> all;
  for (const Fixed& fixed : kFixed)
    if (is_among(kind, fixed.kinds)) all.emplace_back(fixed.name);
  for (const Open& open : kOpen)
    if (is_among(kind, open.kinds)) all.emplace_back(open.example);
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
