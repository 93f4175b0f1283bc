#include "injector/base/command_secrets.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace faultline {
namespace {

/// An option of a well-known client whose value is a secret.
struct SecretOption {
  std::string_view program, option;
  bool apart;     ///< the value may be the next word, or stand behind "="
  bool attached;  ///< it may follow in the same word: `-psecret`
  bool colon;     ///< it is "user:password": what stands before the colon is shown
};

constexpr SecretOption kOptions[] = {
    {"curl", "-u", true, true, true},
    {"curl", "--user", true, false, true},
    {"curl", "-U", true, true, true},
    {"curl", "--proxy-user", true, false, true},
    {"http", "-a", true, true, true},
    {"http", "--auth", true, false, true},
    {"https", "-a", true, true, true},
    {"https", "--auth", true, false, true},
    {"ab", "-A", true, true, true},
    {"ab", "-P", true, true, true},
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
    {"mosquitto_pub", "--pw", true, false, false},
    {"mosquitto_sub", "-P", true, false, false},
    {"mosquitto_sub", "--pw", true, false, false},
    {"mosquitto_rr", "-P", true, false, false},
    {"mosquitto_rr", "--pw", true, false, false},
    {"ldapsearch", "-w", true, true, false},
    {"cqlsh", "-p", true, true, false},
    {"sshpass", "-p", true, true, false},
};
/// It runs another command, whose options are not its own.
constexpr std::string_view kRunsAnother = "sshpass";
/// Its options of one letter may stand behind one another: "-fsSu".
constexpr std::string_view kTakesClusters = "curl";

/// The table's own text of the program that a word calls; empty: none.
std::string_view known_program(std::string_view word) {
  if (word.find("://") != std::string_view::npos) return {};
  word = word.substr(word.find_last_of('/') + 1);
  const auto* found = std::find_if(std::begin(kOptions), std::end(kOptions),
                                   [&](const SecretOption& one) { return one.program == word; });
  return found == std::end(kOptions) ? std::string_view() : found->program;
}

/// "-fsSu": letters of which the last is the option's.
bool ends_cluster(std::string_view word, std::string_view option) {
  return option.size() == 2 && word.size() > 2 && word[0] == '-' && word.back() == option[1] &&
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

bool equal_but_for_case(std::string_view word, std::string_view lower) {
  return std::equal(word.begin(), word.end(), lower.begin(), lower.end(),
                    [](unsigned char a, char b) { return std::tolower(a) == b; });
}

}  // namespace

bool CommandSecrets::is_auth(std::string_view word) {
  constexpr std::string_view kOfRedis = "redis-cli", kOfValkey = "valkey-cli";
  const bool sure = program_ == kOfRedis || program_ == kOfValkey;
  const bool may_be = may_be_redis_;
  if (!greeted_) may_be_redis_ = greeted_ = may_be && word == "HELLO";
  return (may_be && word == "AUTH") || (sure && equal_but_for_case(word, "auth"));
}

/// Of an option of the program that is known.
std::optional<Part> CommandSecrets::of_option(std::string_view word) {
  for (const SecretOption& one : kOptions) {
    if (one.program != program_) continue;
    const std::size_t length = one.option.size();
    std::optional<Part> secret;
    if (one.apart && (word == one.option || (program_ == kTakesClusters && ends_cluster(word, one.option))))
      next_ = one.colon ? Next::after_colon : Next::value;
    else if (one.apart && length > 2 && word.starts_with(one.option) && word.substr(length).starts_with("="))
      secret = part(word, length + 1, one.colon), next_ = word.size() == length + 1 ? Next::value : next_;
    else if (one.attached && word.size() > length && word.starts_with(one.option))
      secret = part(word, length, one.colon);
    else
      continue;
    return secret;
  }
  return {};
}

std::optional<Part> CommandSecrets::of_next(std::string_view word) {
  const bool auth = is_auth(word);
  const Next now = next_;
  next_ = Next::as_it_comes;
  if (now == Next::value || now == Next::after_colon) return part(word, 0, now == Next::after_colon);
  if (now == Next::secret && !word.starts_with("-")) return part(word, 0, false);
  if (of_auth_ > 0) {
    --of_auth_;
    return word == "default" ? std::nullopt : part(word, 0, false);  // the user that redis has by itself
  }
  if (auth) {
    of_auth_ = 2;
    return {};
  }
  if (announces_next(word)) {
    next_ = Next::secret;
    return {};
  }
  if (program_.empty()) {
    program_ = known_program(word);
    return {};
  }
  if (program_ == kRunsAnother && !word.starts_with("-")) {
    program_ = known_program(word);
    return {};
  }
  return of_option(word);
}

namespace {

/// The words of a script, one after another.
class Words {
 public:
  Words(std::string_view script, Escapes escapes) : script_(script), in_string_(escapes == Escapes::strings) {}

  /// The next, without its quotes.
  std::optional<Part> next() {
    ended_ = false;
    while (at_ < script_.size() && skip()) {
    }
    if (at_ >= script_.size()) return {};
    if (const auto close = end_of_quoted(at_)) {
      const Part word{at_ + unit(at_), *close};
      at_ = *close + unit(*close);
      return word;
    }
    const std::size_t begin = at_;
    do at_ += unit(at_);
    while (at_ < script_.size() && !is_between(at_) && !end_of_quoted(at_));
    return Part{begin, std::min(at_, script_.size())};
  }
  /// A command has ended before the word that was given last.
  bool ended() const { return ended_; }

 private:
  char at(std::size_t i) const { return i < script_.size() ? script_[i] : '\0'; }
  /// How many characters stand for one: two behind a backslash.
  std::size_t unit(std::size_t i) const { return at(i) == '\\' ? 2 : 1; }

  /// The quote at `i`, as the shell sees it; 0: none. In a string's text it stands behind a backslash.
  char quote_at(std::size_t i) const {
    const char c = in_string_ && at(i) == '\\' ? at(i + 1) : at(i);
    return c == '"' || c == '\'' ? c : '\0';
  }
  /// Where the quote stands that ends what the one at `i` begins. None: there is no such, so it is an apostrophe.
  std::optional<std::size_t> end_of_quoted(std::size_t i) const {
    const char quote = quote_at(i);
    if (quote == '\0') return {};
    for (i += unit(i); i < script_.size(); i += unit(i))
      if (quote_at(i) == quote) return i;
    return {};
  }

  /// `\n` and the like in a string's text: which.
  char escaped_blank(std::size_t i) const {
    const char c = in_string_ && at(i) == '\\' ? at(i + 1) : '\0';
    return c == 'n' || c == 't' || c == 'r' ? c : '\0';
  }
  bool is_between(std::size_t i) const {
    return escaped_blank(i) != '\0' || std::string_view(" \t\r\n;|&()").find(at(i)) != std::string_view::npos;
  }

  /// Past what stands between two words, if something does.
  bool skip() {
    if (const std::size_t backslash = in_string_ ? 2 : 1;
        script_.substr(at_, backslash) == std::string_view("\\\\", backslash)) {
      const std::size_t next = at_ + backslash;  // a line that goes on
      const std::size_t length = at(next) == '\n' ? 1 : escaped_blank(next) == 'n' ? 2 : 0;
      at_ = length == 0 ? at_ : next + length;
      return length != 0;
    }
    if (in_string_ && at(at_) == '\\' && at(at_ + 1) == '\n') {  // TOML's own
      at_ += 2;
      return true;
    }
    const char c = at(at_);
    // Brackets, commas and colons stand around the words of a list that is JSON.
    const bool around = std::string_view(",:[]{}").find(c) != std::string_view::npos;
    const bool apostrophe = quote_at(at_) != '\0' && !end_of_quoted(at_);
    if (!around && !apostrophe && !is_between(at_)) return false;
    ended_ = ended_ || escaped_blank(at_) == 'n' || std::string_view("\n;|&():[]{}").find(c) != std::string_view::npos;
    at_ += unit(at_);
    return true;
  }

  std::string_view script_;
  bool in_string_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace

std::vector<Part> secrets_of_script(std::string_view script, Escapes escapes) {
  std::vector<Part> found;
  Words words(script, escapes);
  CommandSecrets command(false);
  while (const auto word = words.next()) {
    if (words.ended()) command = CommandSecrets(false);
    if (const auto secret = command.of_next(script.substr(word->begin, word->end - word->begin)))
      found.push_back({word->begin + secret->begin, word->begin + secret->end});
  }
  return found;
}

}  // namespace faultline
