// TLS as a probe's keys ask for it: whom to trust, who we are, what the other side is called. The same keys and checks
// for each kind that speaks TLS.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "injector/probe/kind.h"

namespace faultline::probe {

struct Tls {
  std::string ca;           ///< PEM file of the authorities that are trusted, and no others; empty: the system's
  std::string certificate;  ///< PEM file of ours; empty: we show none
  std::string key;          ///< PEM file of its key
  std::string name;         ///< what the server is called; empty: as in the URL
  bool insecure = false;    ///< whoever answers is believed
};

/// tls.ca, tls.certificate, tls.key, tls.name and tls.insecure.
std::vector<Key> tls_keys();
/// `keys` and those.
std::vector<Key> with_tls(std::vector<Key> keys);

/// What they say. Failure(cannot_run) names the probe and a file that cannot be read, or used (tls_context.h).
Tls read_tls(const Probe& probe);

/// Mistakes in them together, of who asks at `url`.
void check_tls(const Params& params, std::string_view url, std::vector<Problem>& problems);

/// Of kinds without a URL to say so: they speak TLS as soon as one of its keys is given.
bool asks_for_tls(const Params& params);
/// Mistakes in the keys together.
void check_tls(const Params& params, std::vector<Problem>& problems);

/// A file that a plan names: an absolute path.
Read<std::string> read_file_path(const std::string& text);

}  // namespace faultline::probe
