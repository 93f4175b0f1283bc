#include "injector/base/command_secrets.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace faultline {

/// An option of a well-known client whose value is a secret.
struct SecretOption {
  std::string_view program, option;
  bool apart;     ///< the value may be the next word
  bool attached;  ///< it may follow in the same word: `-psecret`
  bool colon;     ///< it is "user:password": what stands before the colon is shown
};

namespace {

constexpr SecretOption kOptions[] = {
    {"curl", "-u", true, true, true},
    {"curl", "--user", true, false, true},
    {"curl", "-U", true, true, true},
    {"curl", "--proxy-user", true, false, true},
    {"http", "-a", true, false, true},
    {"http", "--auth", true, false, true},
    {"https", "-a", true, false, true},
    {"https", "--auth", true, false, true},
    {"ab", "-A", true, false, true},
    {"ab", "-P", true, false, true},
    {"redis-cli", "-a", true, false, false},
    {"redis-cli", "--pass", true, false, false},
    {"valkey-cli", "-a", true, false, false},
    {"valkey-cli", "--pass", true, false, false},
    // Of MySQL's clients `-p` alone asks for the password: the next word is something else.
    {"mysql", "-p", false, true, false},
    {"mysqladmin", "-p", false, true, false},
    {"mysqldump", "-p", false, true, false},
    {"mariadb", "-p", false, true, false},
    {"mariadb-admin", "-p", false, true, false},
    {"mariadb-dump", "-p", false, true, false},
    {"mongosh", "-p", true, false, false},
    {"mosquitto_pub", "-P", true, false, false},
    {"mosquitto_sub", "-P", true, false, false},
    {"mosquitto_rr", "-P", true, false, false},
    {"ldapsearch", "-w", true, false, false},
    {"cqlsh", "-p", true, false, false},
    {"sshpass", "-p", true, true, false},
};

/// The table's own text of the program that a word calls; empty: none.
std::string_view known_program(std::string_view word) {
  word = word.substr(word.find_last_of('/') + 1);
  const auto* found = std::find_if(std::begin(kOptions), std::end(kOptions),
                                   [&](const SecretOption& one) { return one.program == word; });
  return found == std::end(kOptions) ? std::string_view() : found->program;
}

/// "-fsSu": letters of which the last is the option's.
bool ends_cluster(std::string_view word, std::string_view option) {
  return option.size() == 2 && word.size() >= 2 && word[0] == '-' && word.back() == option[1] &&
         std::all_of(word.begin() + 1, word.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
}

std::optional<Part> part(std::string_view word, std::size_t begin, bool colon) {
  if (colon) {
    const auto at = word.find(':', begin);
    if (at == std::string_view::npos) return {};
    begin = at + 1;
  }
  return begin < word.size() ? std::optional(Part{begin, word.size()}) : std::nullopt;
}

}  // namespace

std::optional<Part> CommandSecrets::of_next(std::string_view word) {
  constexpr std::string_view kOfRedis = "redis-cli", kOfValkey = "valkey-cli";
  const bool of_redis = of_redis_ || program_ == kOfRedis || program_ == kOfValkey;
  if (!greeted_) of_redis_ = greeted_ = of_redis_ && word == "HELLO";
  const Next now = next_;
  if (now == Next::all_secret) return part(word, 0, false);
  next_ = Next::as_it_comes;
  if (now != Next::as_it_comes && !word.starts_with("-")) return part(word, 0, now == Next::after_colon);
  if (announces_next(word)) {
    next_ = Next::secret;
    return {};
  }
  if (const auto called = known_program(word); !called.empty()) {
    program_ = called;
    return {};
  }
  if (of_redis && word == "AUTH") {
    next_ = Next::all_secret;
    return {};
  }
  constexpr std::string_view kRunsAnother = "sshpass";  // whose options are its own
  std::optional<Part> secret;
  for (const SecretOption& one : kOptions) {
    if (one.program != program_) continue;
    if (one.apart && (word == one.option || ends_cluster(word, one.option))) {
      next_ = one.colon ? Next::after_colon : Next::secret;
    } else if (one.attached && word.size() > one.option.size() && word.starts_with(one.option)) {
      secret = part(word, one.option.size(), one.colon);
    } else {
      continue;
    }
    if (one.program == kRunsAnother) program_ = {};
    break;
  }
  return secret;
}

std::vector<Part> secrets_of_script(std::string_view script) {
  constexpr std::string_view kEnds = "\n;|&()", kAround = " \t\r\n;|&()\"'\\";
  std::vector<Part> found;
  CommandSecrets command(false);
  for (std::size_t at = 0; at < script.size();) {
    const std::size_t begin = std::min(script.find_first_not_of(kAround, at), script.size());
    if (script.substr(at, begin - at).find_first_of(kEnds) != std::string_view::npos) command = CommandSecrets(false);
    const std::size_t end = std::min(script.find_first_of(kAround, begin), script.size());
    if (const auto secret = command.of_next(script.substr(begin, end - begin)))
      found.push_back({begin + secret->begin, begin + secret->end});
    at = end;
  }
  return found;
}

}  // namespace faultline
