// Certificates of a test's own, made by openssl as the test begins. They hold for two days.
#pragma once

#include <filesystem>
#include <string>

namespace faultline::test {

/// An authority: NAME.pem is its certificate and NAME.key its key, in `folder`.
void make_authority(const std::filesystem::path& folder, const std::string& name = "ca");

/// The same of a server or a client that is called `names` ("DNS:pay.example,IP:127.0.0.1"), signed by `authority`. Its
/// subject is the first of them: "CN=pay.example".
void make_certificate(const std::filesystem::path& folder, const std::string& name, const std::string& names,
                      const std::string& authority = "ca");

/// NAME-encrypted.key: the key of NAME, for whom knows its pass phrase.
std::filesystem::path encrypt_key(const std::filesystem::path& folder, const std::string& name);
/// What a probe says that is given such a key.
std::string refusal_of(const std::filesystem::path& encrypted_key);

}  // namespace faultline::test
