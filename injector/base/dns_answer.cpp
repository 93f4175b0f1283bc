#include "injector/base/dns_answer.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <strings.h>

#include <algorithm>
#include <cstring>

#include "injector/base/mapped.h"

namespace faultline {
namespace {

/// The library writes names without a dot at the end.
std::string without_dot(const std::string& name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

IpPrefix address_of(const ns_rr& record) {
  IpPrefix address;
  address.v6 = ns_rr_type(record) == ns_t_aaaa;
  std::memcpy(address.bytes.data(), ns_rr_rdata(record), address.v6 ? 16 : 4);
  return unmapped(address.alone());
}

/// In a row, as resolvers do: what a stranger sends must not cost more than it is worth.
constexpr std::size_t kMostAliases = 16;

/// A name that is asked about, without a dot at the end, and those that it stands for.
struct Chain {
  std::string name;
  std::vector<std::string> all;
  bool has(const std::string& other) const {
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& one) { return strcasecmp(one.c_str(), other.c_str()) == 0; });
  }
};

}  // namespace

std::vector<NamedAddress> addresses_in(std::span<const std::uint8_t> message, std::span<const std::string> names) {
  std::vector<NamedAddress> found;
  ns_msg answer;
  if (ns_initparse(message.data(), static_cast<int>(message.size()), &answer) != 0) return found;
  if (ns_msg_getflag(answer, ns_f_qr) == 0 || ns_msg_getflag(answer, ns_f_rcode) != ns_r_noerror) return found;
  std::vector<Chain> chains;
  for (const auto& name : names) chains.push_back({name, {without_dot(name)}});
  // Servers put an alias before what it stands for (RFC 1034, 4.3.2), so that one pass will do.
  for (int i = 0; i < ns_msg_count(answer, ns_s_an); i++) {
    ns_rr record;
    if (ns_parserr(&answer, ns_s_an, i, &record) != 0) return found;
    if (ns_rr_class(record) != ns_c_in) continue;
    const std::string owner = ns_rr_name(record);
    const int type = ns_rr_type(record), length = ns_rr_rdlen(record);
    const bool is_address = (type == ns_t_a && length == 4) || (type == ns_t_aaaa && length == 16);
    for (auto& chain : chains) {
      if ((!is_address && type != ns_t_cname) || !chain.has(owner)) continue;
      char target[NS_MAXDNAME];
      if (is_address)
        found.push_back({chain.name, address_of(record)});
      else if (chain.all.size() <= kMostAliases && ns_name_uncompress(ns_msg_base(answer), ns_msg_end(answer),
                                                                      ns_rr_rdata(record), target, sizeof target) > 0)
        chain.all.emplace_back(target);
    }
  }
  return found;
}

}  // namespace faultline
