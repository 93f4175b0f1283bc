#include "faults/answer.h"

#include <algorithm>
#include <stdexcept>

namespace faultline::faults {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// RFC 1035, section 4.1.3; the name is a pointer to the question's (4.1.4).
template <std::size_t N>
void put_record(std::uint8_t* to, std::uint16_t type, std::uint32_t ttl, const std::array<std::uint8_t, N>& address) {
  const std::array<std::uint8_t, 12> head{0xc0,
                                          12,
                                          0,
                                          static_cast<std::uint8_t>(type),
                                          0,
                                          1,
                                          static_cast<std::uint8_t>(ttl >> 24),
                                          static_cast<std::uint8_t>(ttl >> 16),
                                          static_cast<std::uint8_t>(ttl >> 8),
                                          static_cast<std::uint8_t>(ttl),
                                          0,
                                          N};
  static_assert(head.size() + 4 == FL_DNS_RECORD4 && head.size() + 16 == FL_DNS_RECORD6);
  std::copy(address.begin(), address.end(), std::copy(head.begin(), head.end(), to));
}

}  // namespace

std::string name_mistake(std::string_view name) {
  if (name == "*") return {};
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return "it is empty";
  if (name.size() > 253) return "it is longer than 253 characters";
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return "it has an empty label";
      label = 0;
      continue;
    }
    if (c == '*') return "a star stands for the first label, alone: \"*.internal\"";
    if (!is_word(c)) return "it has characters other than letters, digits, hyphens and underscores";
    if (++label > 63) return "one of its labels is longer than 63 characters";
  }
  return label == 0 ? "it has an empty label" : "";
}

NameRule name_rule(std::string_view name) {
  NameRule rule{FL_NAME_ROOT, name.starts_with("*.")};
  if (rule.under) name.remove_prefix(2);
  if (name.ends_with('.')) name.remove_suffix(1);
  while (true) {
    const std::size_t dot = name.rfind('.');
    std::uint64_t label = FL_LABEL_START;
    for (const char c : dot == std::string_view::npos ? name : name.substr(dot + 1))
      label = fl_label_add(label, static_cast<std::uint8_t>(c));
    rule.hash = fl_name_add(rule.hash, label);
    if (dot == std::string_view::npos) return rule;
    name = name.substr(0, dot);
  }
}

fl_answer flatten_answer(const Answer& answer) {
  const LookupAnswer& lookup = answer.lookup;
  if (lookup.v4.size() > FL_MAX_DNS_ADDRESSES || lookup.v6.size() > FL_MAX_DNS_ADDRESSES || lookup.rcode > 15)
    throw std::invalid_argument("flatten: a DNS answer is out of range");
  fl_answer out{};
  out.filter = answer.filter;
  out.reply = answer.reply;
  out.rcode = lookup.rcode;
  out.count4 = static_cast<std::uint8_t>(lookup.v4.size());
  out.count6 = static_cast<std::uint8_t>(lookup.v6.size());
  for (std::size_t i = 0; i < lookup.v4.size(); i++)
    put_record(out.records4 + i * FL_DNS_RECORD4, 1, lookup.ttl, lookup.v4[i]);
  for (std::size_t i = 0; i < lookup.v6.size(); i++)
    put_record(out.records6 + i * FL_DNS_RECORD6, 28, lookup.ttl, lookup.v6[i]);
  return out;
}

}  // namespace faultline::faults
