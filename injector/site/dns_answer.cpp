#include "injector/site/dns_answer.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <strings.h>

#include <algorithm>
#include <cstring>

namespace faultline::site {
namespace {

/// The library writes names without a dot at the end.
std::string without_dot(const std::string& name) { return name.ends_with('.') ? name.substr(0, name.size() - 1) : name; }

bool is_same(const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; }

IpPrefix address_of(const ns_rr& record) {
  IpPrefix address;
  address.v6 = ns_rr_type(record) == ns_t_aaaa;
  address.length = address.v6 ? 128 : 32;
  std::memcpy(address.bytes.data(), ns_rr_rdata(record), address.v6 ? 16 : 4);
  return address;
}

}  // namespace

/// In a row, as resolvers do: what a stranger sends must not cost more than it is worth.
constexpr std::size_t kMostAliases = 16;

std::vector<IpPrefix> addresses_in(std::span<const std::uint8_t> message, const std::string& name) {
  std::vector<IpPrefix> found;
  ns_msg answer;
  if (ns_initparse(message.data(), static_cast<int>(message.size()), &answer) != 0) return found;
  if (ns_msg_getflag(answer, ns_f_qr) == 0 || ns_msg_getflag(answer, ns_f_rcode) != ns_r_noerror) return found;
  // Servers put an alias before what it stands for (RFC 1034, 4.3.2), so that one pass will do.
  std::vector<std::string> names{without_dot(name)};
  for (int i = 0; i < ns_msg_count(answer, ns_s_an); i++) {
    ns_rr record;
    if (ns_parserr(&answer, ns_s_an, i, &record) != 0) return found;
    const std::string owner = ns_rr_name(record);
    if (ns_rr_class(record) != ns_c_in || std::none_of(names.begin(), names.end(), [&](const std::string& n) { return is_same(n, owner); })) continue;
    if (ns_rr_type(record) == ns_t_cname) {
      if (names.size() > kMostAliases) continue;
      char target[NS_MAXDNAME];
      if (ns_name_uncompress(ns_msg_base(answer), ns_msg_end(answer), ns_rr_rdata(record), target, sizeof target) > 0) names.emplace_back(target);
    } else if ((ns_rr_type(record) == ns_t_a && ns_rr_rdlen(record) == 4) || (ns_rr_type(record) == ns_t_aaaa && ns_rr_rdlen(record) == 16)) {
      found.push_back(address_of(record));
    }
  }
  return found;
}

}  // namespace faultline::site
