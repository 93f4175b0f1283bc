// What is written down for others to read holds no secret: the record of a run, what a command says, the command that
// plays a run again.
#pragma once

#include <string>
#include <string_view>

namespace faultline {

/// `text` with "***" for each password that it holds, as URLs (https://user:password@host/) and libpq's URIs
/// (?password=…) do.
std::string without_passwords(std::string text);

/// The same for what was refused, and may be no URL: its password is all that may have been meant as one.
std::string without_passwords_of_refused(std::string text);

/// The same for a line of a TOML file that has a mistake: of each URL in it.
std::string without_passwords_in_line(std::string_view line);

/// The same for any word of a command line or value of a variable: also what follows "password=" and the like.
std::string without_secrets(std::string text);

/// Any text, such as an answer of a service, with "***" for what stands behind words that announce a secret
/// (`password=`,
/// `"token": "…"`, `Authorization: …`), and for passwords in URLs. What looks like neither stays.
std::string without_secrets_in(std::string text);

/// Whether a variable of this name may hold what nobody else should read: "db_password".
bool is_secret(std::string name);

/// The same of a field of an answer: a header ("Set-Cookie"), or a place in a document ("/auth/token").
bool is_secret_field(std::string name);

}  // namespace faultline
