// What an answer of the DNS says about a name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "injector/base/rtnetlink.h"

namespace faultline::site {

/// The addresses (A, AAAA) that `message` gives for `name`, directly or by way of aliases (CNAME). Case does not matter, nor does a dot
/// at the end. Empty when it is no answer, none without an error, or not about the name. Never throws: anybody may send one.
std::vector<IpPrefix> addresses_in(std::span<const std::uint8_t> message, const std::string& name);

}  // namespace faultline::site
