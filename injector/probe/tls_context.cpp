#include "injector/probe/tls_context.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>

#include "injector/base/error.h"

namespace faultline::probe {
namespace {

bool is_address(const std::string& host) {
  in6_addr any{};
  return inet_pton(AF_INET, host.c_str(), &any) == 1 || inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

/// What OpenSSL said last.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return text != nullptr ? text : "OpenSSL does not say why";
}

void require(bool well, const Probe& probe, std::string_view key, const std::string& path) {
  if (!well)
    throw Failure(Exit::cannot_run,
                  fmt::format("probe \"{}\": {}: {} cannot be used: {}", probe.name, key, path, reason()));
}

/// Without this OpenSSL would ask whoever sits at the terminal for the pass phrase of a key, in the middle of a run.
void use_key(SSL_CTX* context, const std::string& path, const Probe& probe) {
  bool asked = false;
  SSL_CTX_set_default_passwd_cb_userdata(context, &asked);
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void* was_asked) {
    *static_cast<bool*>(was_asked) = true;
    return 0;
  });
  const bool well = SSL_CTX_use_PrivateKey_file(context, path.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (asked)
    throw Failure(
        Exit::cannot_run,
        fmt::format("probe \"{}\": tls.key: {} is encrypted, and nobody can be asked for its pass phrase: name "
                    "a file without one (openssl pkey -in {} -out FILE)",
                    probe.name, path, path));
  require(well, probe, "tls.key", path);
}

/// Of whom to trust, and who we are, what files say.
void load_files(SSL_CTX* context, const Tls& tls, const Probe& probe) {
  if (!tls.ca.empty())
    require(SSL_CTX_load_verify_locations(context, tls.ca.c_str(), nullptr) == 1, probe, "tls.ca", tls.ca);
  if (tls.certificate.empty()) return;
  require(SSL_CTX_use_certificate_chain_file(context, tls.certificate.c_str()) == 1, probe, "tls.certificate",
          tls.certificate);
  use_key(context, tls.key.empty() ? tls.certificate : tls.key, probe);
}

/// The name that the server is asked for. Libraries that were given an address ask for that, which is no name: here,
/// before the first message is made, is the last moment to say it.
void name_the_server(const SSL* session, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* name = static_cast<const std::string*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)));
  SSL_set_tlsext_host_name(const_cast<SSL*>(session), name->empty() ? nullptr : const_cast<char*>(name->c_str()));
}

}  // namespace

TlsContext make_tls_context(const Tls& tls, const std::string& host, const Probe& probe) {
  const std::string& server = tls.name.empty() ? host : tls.name;
  auto asked_for = std::make_shared<std::string>(is_address(server) ? "" : server);
  SSL_CTX* made = SSL_CTX_new(TLS_client_method());
  if (made == nullptr) throw std::runtime_error("set up TLS: " + reason());
  TlsContext context(made, [asked_for](SSL_CTX* c) { SSL_CTX_free(c); });
  SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
  SSL_CTX_set_app_data(made, asked_for.get());
  SSL_CTX_set_info_callback(made, name_the_server);
  load_files(made, tls, probe);
  if (tls.insecure) {
    SSL_CTX_set_verify(made, SSL_VERIFY_NONE, nullptr);
  } else {
    if (tls.ca.empty()) SSL_CTX_set_default_verify_paths(made);
    X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(made);
    const bool set = is_address(server) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, server.c_str()) == 1
                                        : X509_VERIFY_PARAM_set1_host(wanted, server.c_str(), server.size()) == 1;
    if (!set) throw std::runtime_error("set up TLS: " + reason());
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

void check_tls_files(const Tls& tls, const Probe& probe) {
  if (tls.ca.empty() && tls.certificate.empty()) return;
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> trial(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!trial) throw std::runtime_error("set up TLS: " + reason());
  load_files(trial.get(), tls, probe);
}

}  // namespace faultline::probe
