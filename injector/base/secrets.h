// What is written down for others to read holds no secret: the record of a run, what a command says, the command that
// plays a run again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace faultline {

/// `text` with "***" for each password that it holds, as URLs (https://user:password@host/) and libpq's URIs
/// (?password=…) do.
std::string without_passwords(std::string text);

/// The same for what was refused and may be no URL, or for a message that quotes it: the password is all that may have
/// been meant as one.
std::string without_passwords_of_refused(std::string text);

/// Bytes of a text, from `begin` to before `end`.
struct Part {
  std::size_t begin, end;
};

/// Where the password of the URL at the front of `text` stands, what its parameters hold apart.
std::optional<Part> password_of_url(std::string_view text);

/// The same for any word of a command line or value of a variable: also what follows "password=" and the like.
std::string without_secrets(std::string text);
/// The same of a whole command, where a secret may be the word behind the one that announces it: `--password`.
std::vector<std::string> without_secrets(std::vector<std::string> words);
/// Whether a word of a command announces that the next one is a secret: "--password", not "--password-file".
bool announces_next(std::string_view word);
/// Such a command, as people are shown it.
std::string command_without_secrets(std::vector<std::string> words);

/// Any text, such as an answer of a service, with "***" for what stands behind words that announce a secret
/// (`password=`,
/// `"token": "…"`, `Authorization: …`), for passwords in URLs, and for what commands in it take as a secret by its
/// place (command_secrets.h). All else stays.
std::string without_secrets_in(std::string text);

/// Bytes of the shortest secret that is sought by its value: a shorter one would be found in any text.
inline constexpr std::size_t kShortestSecret = 6;
/// `text` with "***" for each of these secrets, and for the beginning of a long one: a text may have been cut.
std::string without_values(std::string text, const std::vector<std::string>& secrets);

/// Words that announce a secret, in a name as plain_name() makes it.
inline constexpr std::string_view kSecretWords[] = {"password", "passwd", "passphrase", "secret",
                                                    "token",    "apikey", "credential", "privatekey"};
/// A name in lower case, without what stands between its words: "X-Api-Key" is "xapikey".
std::string plain_name(std::string name);

/// Whether a variable of this name may hold what nobody else should read: "db_password".
bool is_secret(std::string name);

/// The same of a field of an answer: a header ("Set-Cookie"), or a place in a document ("/auth/token").
bool is_secret_field(std::string name);

/// Whether a name may be made of this character: of a key, a variable, a header.
bool of_a_name(char c);
/// The name that ends before `end`, out of its quotes; no longer than any name that says something.
std::string name_before(std::string_view text, std::size_t end);

}  // namespace faultline
