// What an answer of the DNS says about a name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "injector/base/rtnetlink.h"

namespace faultline {

/// An address that an answer gives for a name.
struct NamedAddress {
  std::string name;
  IpPrefix address;
};

/// The addresses (A, AAAA) that `message` gives for each of `names`, directly or by way of aliases (CNAME), 16 at most.
/// Case does not matter, nor does a dot at the end. Empty when `message` is not an answer, carries an error, or is
/// about other names. Never throws for what is in the message: anybody may send one.
std::vector<NamedAddress> addresses_in(std::span<const std::uint8_t> message, std::span<const std::string> names);

}  // namespace faultline
