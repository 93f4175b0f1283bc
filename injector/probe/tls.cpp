#include "injector/probe/tls.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "injector/base/error.h"
#include "injector/probe/tls_context.h"

namespace faultline::probe {
namespace {

void require_readable(const Probe& probe, std::string_view key, const std::string& path) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return;
  const std::string why = std::generic_category().message(errno);
  throw Failure(Exit::cannot_run, fmt::format("probe \"{}\": {}: {} cannot be read: {}", probe.name, key, path, why));
}

/// A name of a host, without a port.
Read<std::string> read_server_name(const std::string& text) {
  const bool fits = !text.empty() && text.size() <= 253 &&
                    text.find_first_not_of(
                        "0123456789abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_") == std::string::npos;
  if (fits) return {text, {}, {}};
  return unfit(text, "the name of a server");
}

bool is_given(const Params& params, const Key& key) {
  return key.type == ValueType::boolean ? params.boolean(key.name) : params.has(key.name);
}

}  // namespace

Read<std::string> read_file_path(const std::string& text) {
  if (text.starts_with("/")) return {text, {}, {}};
  return {std::nullopt, fmt::format("\"{}\" is not an absolute path", text),
          fmt::format("a file beside the plan is \"${{plan_dir}}/{}\"", text)};
}

std::vector<Key> tls_keys() {
  return {{.name = "tls.ca",
           .type = ValueType::text,
           .doc = "The file of the authorities that are trusted, and no others (PEM).",
           .example = "\"/etc/shop/ca.pem\"",
           .otherwise = "the system's",
           .read = read_file_path},
          {.name = "tls.certificate",
           .type = ValueType::text,
           .doc = "The file of the certificate that is shown to the server (PEM).",
           .example = "\"/etc/shop/client.pem\"",
           .otherwise = "none",
           .read = read_file_path},
          {.name = "tls.key",
           .type = ValueType::text,
           .doc = "The file of its key (PEM, not encrypted).",
           .example = "\"/etc/shop/client.key\"",
           .otherwise = "in `tls.certificate`",
           .read = read_file_path},
          {.name = "tls.name",
           .type = ValueType::text,
           .doc = "The name that the server is asked for (SNI) and that its certificate has.",
           .example = "\"pay.example\"",
           .otherwise = "the host that is asked",
           .read = read_server_name},
          {.name = "tls.insecure",
           .type = ValueType::boolean,
           .doc = "Believes whoever answers: no certificate is checked.",
           .example = "true",
           .fallback = false}};
}

std::vector<Key> with_tls(std::vector<Key> keys) {
  for (auto& key : tls_keys()) keys.push_back(std::move(key));
  return keys;
}

Tls read_tls(const Probe& probe) {
  const Params& params = probe.params;
  Tls tls{params.text("tls.ca"), params.text("tls.certificate"), params.text("tls.key"), params.text("tls.name"),
          params.boolean("tls.insecure")};
  require_readable(probe, "tls.ca", tls.ca);
  require_readable(probe, "tls.certificate", tls.certificate);
  require_readable(probe, "tls.key", tls.key);
  check_tls_files(tls, probe);
  return tls;
}

bool asks_for_tls(const Params& params) {
  const auto keys = tls_keys();
  return std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return is_given(params, key); });
}

void check_tls(const Params& params, std::string_view url, std::vector<Problem>& problems) {
  for (const Key& key : tls_keys())
    if (is_given(params, key) && !url.starts_with("https://"))
      problems.push_back({std::string(key.name), "it is not asked over TLS", "ask over TLS, or leave it out"});
  check_tls(params, problems);
}

void check_tls(const Params& params, std::vector<Problem>& problems) {
  if (params.has("tls.key") && !params.has("tls.certificate"))
    problems.push_back({"tls.key", "a key without a certificate", "name the certificate too: tls.certificate"});
  if (params.boolean("tls.insecure") && params.has("tls.ca"))
    problems.push_back(
        {"tls.insecure", "whom to trust does not matter when nothing is checked", "leave out tls.insecure or tls.ca"});
}

}  // namespace faultline::probe
