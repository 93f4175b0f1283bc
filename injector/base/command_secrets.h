// Secrets of a command line whose place says what they are, and no name: `curl -u user:password`, `redis-cli -a …`.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "injector/base/secrets.h"

namespace faultline {

/// Reads the words of one command, one after another.
class CommandSecrets {
 public:
  /// `words`: they are known to be a command, which may be one of redis: `AUTH user password`, in capitals,
  /// as a service may be called auth.
  explicit CommandSecrets(bool words = true) : may_be_redis_(words) {}
  /// Which part of the command's next word is a secret.
  std::optional<Part> of_next(std::string_view word);

 private:
  enum class Next { as_it_comes, secret, value, after_colon };
  std::optional<Part> of_option(std::string_view word);
  bool is_auth(std::string_view word);

  std::string_view program_;  ///< of the table; empty: none of it
  Next next_ = Next::as_it_comes;
  int of_auth_ = 0;       ///< how many of the next words AUTH may have
  bool may_be_redis_;     ///< the next word may be a command of redis
  bool greeted_ = false;  ///< by HELLO, which has AUTH among its words
};

/// How a text is written that a script stands in.
enum class Escapes {
  none,
  strings,  ///< as in a string of TOML or JSON: `\n` is a line's end, `\"` a quote
};

/// The same of a text that may be a shell script, in order: each of its commands. A list of quoted words, as JSON has
/// it, is a command.
std::vector<Part> secrets_of_script(std::string_view script, Escapes escapes = Escapes::none);

}  // namespace faultline
