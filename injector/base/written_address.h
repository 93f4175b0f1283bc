// Addresses as people write them, in one place for every key that takes one. Each way of writing that is common gets
// what it means (a prefix with host bits is its network, ::ffff:10.0.0.1 is the IPv4 address that it stands for on the
// wire, a range is the prefixes that make it up) or a mistake that says what to write instead.
#pragma once

#include <string>
#include <vector>

#include "injector/base/read.h"

namespace faultline {

/// Whom traffic is with: an address, a prefix, a range ("10.0.0.1-10.0.0.20") or a host's name, as texts that
/// IpPrefix::parse() reads, or the name. More than one for a range only.
Read<std::vector<std::string>> read_addresses(const std::string& text);

/// Who is asked: one address, with a zone where it is link-local ("fe80::1%eth0"), or a name. `what` it should be, in
/// the mistake's words.
Read<std::string> read_asked(const std::string& text, std::string_view what = "an address or a name");

}  // namespace faultline
