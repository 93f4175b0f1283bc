// IPv4 written within IPv6 (::ffff:10.0.0.1), as programs see an IPv4 peer on a socket of both families. On the wire it
// is IPv4, and so it is to us: IpPrefix::parse() reads it as that, and addresses from elsewhere go through unmapped().
#pragma once

#include "injector/base/rtnetlink.h"

namespace faultline {

/// Whether it lies in ::ffff:0:0/96, as far as its address tells.
bool is_mapped(const IpPrefix& prefix);

/// The IPv4 of one that is_mapped(), if it holds no more than IPv4; any other as it is.
IpPrefix unmapped(const IpPrefix& prefix);
/// The other way: an IPv4 prefix as IPv6 has it, any other as it is. Prefixes of both families then compare.
IpPrefix mapped(const IpPrefix& prefix);

}  // namespace faultline
