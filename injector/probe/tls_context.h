// OpenSSL's settings as the keys of `tls` ask for them, for kinds whose library takes them from us. Other libraries
// read the files by themselves, and say what is wrong with one late and badly, or ask the terminal for a pass phrase:
// the files are looked at before (read_tls).
#pragma once

#include <memory>
#include <string>

#include "injector/probe/tls.h"

struct ssl_ctx_st;

namespace faultline::probe {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// Of all sessions of the probe: whom they trust, who they are, and that the server is asked for, and certified as,
/// `tls.name`, else `host`, a name or an address. Failure(cannot_run) for a file that is not what it should be.
TlsContext make_tls_context(const Tls& tls, const std::string& host, const Probe& probe);

/// Failure(cannot_run) for a file that is not what it should be: no PEM, a key of another certificate, one that is
/// encrypted.
void check_tls_files(const Tls& tls, const Probe& probe);

}  // namespace faultline::probe
