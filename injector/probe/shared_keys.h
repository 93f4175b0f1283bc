// Keys that several kinds of probe have, each written down once. (`value` is in value.h, those of TLS are in tls.h.)
#pragma once

#include <vector>

#include "injector/probe/kind.h"

namespace faultline::probe {

/// `reuse` of kinds that may keep connections.
Key reuse_key(Said doc = "Keeps connections between requests.");
/// `headers` of a request over HTTP.
Key headers_key(Said example);
/// `query`, `reuse`, `expect.reply` and `value` of kinds that ask a database in SQL.
std::vector<Key> query_keys();

}  // namespace faultline::probe
