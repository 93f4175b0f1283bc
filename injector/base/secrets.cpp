#include "injector/base/secrets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>
#include <utility>

#include "injector/base/command_secrets.h"

namespace faultline {

namespace {

/// Where the password of the URL in `text` ends: at an "@". A password may hold one itself; one in a path ends none.
std::size_t end_of_password(std::string_view text, std::size_t begin, std::size_t colon, bool refused) {
  if (refused) return text.rfind('@');
  const auto slash = text.find('/', begin);
  if (const auto at = text.substr(0, slash).rfind('@'); at != std::string_view::npos && at > begin) return at;
  if (colon > slash || text[begin] == '[') return std::string_view::npos;
  // "user:pass/word@host": what stands before the "/" is no port, so that it is a part of a password.
  const bool port = text.substr(colon + 1, slash - colon - 1).find_first_not_of("0123456789") == std::string_view::npos;
  return port ? std::string_view::npos : text.rfind('@');
}

/// Where the word begins that the last "@" of a text is in: at its front, or at a quote that a message has put there.
std::size_t begin_of_word_with_at(std::string_view text) {
  std::size_t quote = text.rfind('@');
  do quote = text.substr(0, quote).rfind('"');
  while (quote != std::string_view::npos && quote > 0 && text[quote - 1] != ' ');
  return quote + 1;
}

std::optional<Part> password_part(std::string_view text, bool refused) {
  const auto scheme = text.find("://");
  if (scheme == std::string::npos && !refused) return {};
  // "user:password@host:port" may have been meant as a URL.
  const auto begin = scheme != std::string::npos ? scheme + 3 : begin_of_word_with_at(text);
  if (begin >= text.size()) return {};
  const auto colon = text.find(':', begin);
  const auto at = colon == std::string::npos ? colon : end_of_password(text, begin, colon, refused);
  if (at == std::string::npos || colon >= at) return {};
  return Part{colon + 1, at};
}

std::string masked(std::string text, bool refused) {
  if (const auto part = password_part(text, refused)) text.replace(part->begin, part->end - part->begin, "***");
  for (const std::string_view key : {"?password=", "&password=", "?sslpassword=", "&sslpassword="})
    if (const auto found = text.find(key); found != std::string::npos) {
      const auto begin = found + key.size();
      text.replace(begin, std::min(text.find('&', begin), text.size()) - begin, "***");
    }
  return text;
}

}  // namespace

std::string without_passwords(std::string text) { return masked(std::move(text), false); }
std::string without_passwords_of_refused(std::string text) { return masked(std::move(text), true); }
std::optional<Part> password_of_url(std::string_view text) { return password_part(text, false); }

std::string without_values(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::size_t kBeginning = 16;
  // In one pass, and the longest first: one secret may be the beginning of another, or share it (tokens do).
  for (std::size_t at = 0; at < text.size(); at++) {
    std::size_t longest = 0;
    for (const std::string& secret : secrets) {
      std::size_t same = 0;
      while (same < secret.size() && at + same < text.size() && text[at + same] == secret[same]) ++same;
      if (same >= std::min(secret.size(), kBeginning)) longest = std::max(longest, same);
    }
    if (longest == 0) continue;
    text.replace(at, longest, "***");
    at += 2;
  }
  return text;
}

std::string plain_name(std::string name) {
  std::erase_if(name, [](char c) { return c == '_' || c == '-' || c == '.'; });
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

bool is_secret(std::string name) {
  name = plain_name(std::move(name));
  return std::any_of(std::begin(kSecretWords), std::end(kSecretWords),
                     [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

namespace {

/// Headers whose value has several words.
bool is_secret_header(std::string name) {
  name = plain_name(std::move(name));
  return name.ends_with("authorization") || name.ends_with("cookie");
}

}  // namespace

bool is_secret_field(std::string name) { return is_secret_header(name) || is_secret(std::move(name)); }

bool of_a_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.'; }

std::string name_before(std::string_view text, std::size_t end) {
  constexpr std::string_view kBetween = " \t\"'\\";  // a quote within a string stands behind a backslash
  constexpr std::size_t kLongest = 64;
  while (end > 0 && kBetween.find(text[end - 1]) != std::string_view::npos) --end;
  std::size_t begin = end;
  while (begin > 0 && end - begin < kLongest && of_a_name(text[begin - 1])) --begin;
  return std::string(text.substr(begin, end - begin));
}

namespace {

/// "--token-file": what follows says where a secret is, and is none.
bool names_file(std::string_view option) {
  return option.starts_with("--") && option.ends_with("-file") && option.find_first_of(" =") == std::string_view::npos;
}

}  // namespace

std::string without_secrets(std::string text) {
  if (names_file(std::string_view(text).substr(0, text.find('=')))) return without_passwords(std::move(text));
  // "name=value", "--name=value", "--var=name=value"
  const auto first = text.find('=');
  const auto second = text.starts_with("--") && first != std::string::npos ? text.find('=', first + 1) : first;
  for (const auto equals : {first, second}) {
    if (equals == std::string::npos || !is_secret(text.substr(0, equals))) continue;
    if (text.substr(0, equals).ends_with("file")) return without_passwords(std::move(text));
    return text.substr(0, equals + 1) + "***";
  }
  return without_secrets_in(std::move(text));  // a script, a header
}

bool announces_next(std::string_view word) {
  constexpr std::size_t kLongest = 64;
  return word.starts_with("-") && word.size() <= kLongest && word.find('=') == std::string_view::npos &&
         is_secret(std::string(word)) && !word.ends_with("file");
}

std::vector<std::string> without_secrets(std::vector<std::string> words) {
  CommandSecrets command;
  bool is_file = false;
  for (auto& word : words) {
    const auto secret = command.of_next(word);
    if (std::exchange(is_file, names_file(word))) continue;  // "--var-file password=FILE"
    word = secret ? word.replace(secret->begin, secret->end - secret->begin, "***") : without_secrets(std::move(word));
  }
  return words;
}

std::string command_without_secrets(std::vector<std::string> words) {
  return fmt::format("{}", fmt::join(without_secrets(std::move(words)), " "));
}

namespace {

/// Where the value that begins at `begin` ends. One of a header has several words.
std::size_t end_of_value(std::string_view text, std::size_t& begin, bool header) {
  while (begin < text.size() && text[begin] == ' ') ++begin;
  if (begin < text.size() && (text[begin] == '"' || text[begin] == '\'')) {
    const char quote = text[begin++];
    std::size_t end = begin;
    while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
    return std::min(end, text.size());
  }
  return std::min(text.find_first_of(header ? "\r\n\"" : " \t\r\n,;&\"'<>)}]", begin), text.size());
}

std::string without_announced(const std::string& text) {
  std::string out;
  std::size_t from = 0;
  for (std::size_t at = 0; (at = text.find_first_of("=:", at)) != std::string::npos; ++at) {
    if (at < from) continue;
    const std::string word = name_before(text, at);
    const bool header = is_secret_header(word);
    if (word.empty() || (!header && !is_secret(word))) continue;
    std::size_t begin = at + 1;
    const std::size_t end = end_of_value(text, begin, header);
    if (end <= begin) continue;
    out.append(text, from, begin - from).append("***");
    from = end;
  }
  return out.append(text, from, std::string::npos);
}

}  // namespace

std::string without_secrets_in(std::string text) {
  const auto of_commands = secrets_of_script(text);
  for (auto one = of_commands.rbegin(); one != of_commands.rend(); ++one)
    text.replace(one->begin, one->end - one->begin, "***");
  text = without_announced(text);
  std::string out;
  constexpr std::string_view kAround = " \t\r\n\"'<>";
  for (std::size_t at = 0; at < text.size();) {  // a URL is a word
    const std::size_t begin = std::min(text.find_first_not_of(kAround, at), text.size());
    const std::size_t end = std::min(text.find_first_of(kAround, begin), text.size());
    out.append(text, at, begin - at).append(without_passwords(text.substr(begin, end - begin)));
    at = end;
  }
  return out;
}

}  // namespace faultline
