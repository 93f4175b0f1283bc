// What a rule looks for beyond addresses and ports, and what it answers instead of dropping silently: the part of a
// channel that the selector acts on (see answer_abi.h for the mechanism). Most channels have neither.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "faults/answer_abi.h"
#include "injector/base/units.h"

namespace faultline::faults {

/// The answer to a DNS lookup.
struct LookupAnswer {
  std::uint8_t rcode = 0;  ///< RFC 1035, section 4.1.1: 0 is success, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED
  std::uint32_t ttl = 0;   ///< seconds
  std::vector<std::array<std::uint8_t, 4>> v4;   ///< for questions of type A; FL_MAX_DNS_ADDRESSES at most
  std::vector<std::array<std::uint8_t, 16>> v6;  ///< AAAA
};

struct Answer {
  fl_filter filter = FL_FILTER_NONE;  ///< what does not fit does not meet the rule
  fl_reply reply = FL_REPLY_NONE;  ///< what is dropped for certain (loss 1) is answered so; a lesser loss is not played
  std::vector<std::string> names;  ///< of FL_FILTER_LOOKUP: "bank.internal", "*.internal"; empty: every name
  LookupAnswer lookup;             ///< of FL_REPLY_LOOKUP
  Ns silent = 0;                   ///< of FL_FILTER_SILENT: for how long nothing passed
  std::uint64_t sent = 0;          ///< of FL_FILTER_SENT: bytes of payload that pass; below 2^31

  bool filtered() const { return filter != FL_FILTER_NONE || reply != FL_REPLY_NONE; }
};

/// A name of a rule, as the selector finds it.
struct NameRule {
  std::uint64_t hash;
  bool under;  ///< "*.internal": the hash is that of "internal", which itself is not meant
};

/// What is wrong with a name, or empty. A name is labels of letters, digits, hyphens and underscores, 63 each and 253
/// in all, optionally behind "*."; "*" alone is every name.
std::string name_mistake(std::string_view name);
/// Of a name without mistakes. A final dot changes nothing.
NameRule name_rule(std::string_view name);

/// Whether it is about connections that are followed one by one.
inline bool follows(const fl_answer& answer) {
  return answer.filter == FL_FILTER_SENT || answer.filter == FL_FILTER_SILENT;
}

/// The form that the selector reads.
fl_answer flatten_answer(const Answer& answer);

}  // namespace faultline::faults
