#include "injector/plan/hidden.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "injector/base/command_secrets.h"
#include "injector/plan/values.h"

namespace faultline::plan {
namespace {

constexpr auto kNone = std::string_view::npos;

/// Whether a key that may be misspelt, so that its line is shown, was meant as one that announces a secret.
bool may_announce(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  const bool extra = last.size() > 2 && last.starts_with("X-");  // a header of somebody's own: "X-Api-Key"
  const std::string leaf = plain_name(extra ? last.substr(2) : last);
  static constexpr std::array<std::string_view, 3> kShort{"pass", "pwd", "pw"};
  if (std::find(kShort.begin(), kShort.end(), leaf) != kShort.end()) return true;
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> words{"authorization", "cookie"};
    words.insert(words.end(), std::begin(kSecretWords), std::end(kSecretWords));
    return words;
  }();
  constexpr std::size_t kShortest = 5, kLongest = 20;
  if (leaf.size() < kShortest || leaf.size() > kLongest) return false;
  const std::string meant = did_you_mean(leaf, kWords);
  constexpr std::size_t kShortWord = 6;  // "broken" is as near to "token" as "tokne" is
  return !meant.empty() && (meant.size() > kShortWord || meant.front() == leaf.front());
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool is_quote(char c) { return c == '"' || c == '\''; }

class Finder {
 public:
  Finder(std::string_view text, Text kind) : text_(text), refused_(kind == Text::refused) {}

  /// Piece after piece: what stands outside strings, a string's content, a comment.
  std::vector<Part> find() {
    CommandSecrets command(false);  // strings that nothing but a comma parts are its words
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t end = std::min(text_.find_first_of("\"'#", at), text_.size());
      if (const auto between = text_.substr(at, end - at); between.find_first_not_of(" \t\r\n,") != kNone)
        command = CommandSecrets(begins_command(between));
      look_into(at, end, true);
      at = std::max(end, done_);
      if (at > end || end == text_.size()) continue;
      const std::size_t begin = text_[end] == '#' ? end + 1 : end + quotes_at(end);
      const std::size_t close = text_[end] == '#' ? line_end(end) : end_of_string(end);
      if (text_[end] == '#') {
        look_for_script(begin, close, Escapes::none);
        look_into(begin, close, false);
      } else {
        look_for_command(command, begin, close);
        look_for_script(begin, close, text_[end] == '"' ? Escapes::strings : Escapes::none);
        look_into(begin, close, false);
      }
      at = done_ > close ? done_ : std::min(text_.size(), close + (text_[end] == '#' ? 0 : begin - end));
    }
    return in_order();
  }

 private:
  /// Whether the list behind it is one of `command`, and not of names.
  static bool begins_command(std::string_view text) {
    const auto equals = text.rfind('=');
    return equals != kNone && text.substr(equals + 1).find_first_not_of(" \t\r\n[") == kNone &&
           name_before(text, equals) == "command";
  }

  /// In a string that may be the next word of a command.
  void look_for_command(CommandSecrets& command, std::size_t begin, std::size_t close) {
    if (const auto secret = command.of_next(text_.substr(begin, close - begin)))
      hide(begin + secret->begin, begin + secret->end, begin + secret->end);
  }

  void look_for_script(std::size_t begin, std::size_t close, Escapes escapes) {
    for (const Part& secret : secrets_of_script(text_.substr(begin, close - begin), escapes))
      found_.push_back({begin + secret.begin, begin + secret.end});
  }

  /// Of each text scripts were found first, so that what was found is neither in order nor apart.
  std::vector<Part> in_order() {
    std::sort(found_.begin(), found_.end(), [](const Part& a, const Part& b) { return a.begin < b.begin; });
    std::vector<Part> out;
    for (const Part& one : found_)
      if (!out.empty() && one.begin <= out.back().end)
        out.back().end = std::max(out.back().end, one.end);
      else
        out.push_back(one);
    return out;
  }

  bool announces(const std::string& name) const {
    return !name.empty() && (is_secret_field(name) || (refused_ && may_announce(name)));
  }

  void hide(std::size_t begin, std::size_t end, std::size_t done) {
    if (begin < end) found_.push_back({begin, end});
    done_ = std::max(done_, done);
  }

  std::size_t line_end(std::size_t at) {
    if (at < line_begin_ || at > line_end_ || line_end_ == 0) {
      line_begin_ = at;
      line_end_ = std::min(text_.find('\n', at), text_.size());
    }
    return line_end_;
  }

  std::size_t skip_blanks(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at;
  }

  /// How many quotes the string that begins at `at` has on either side.
  std::size_t quotes_at(std::size_t at) const { return text_.substr(at, 3) == std::string(3, text_[at]) ? 3 : 1; }

  /// Where the content of the string ends whose first quote stands at `at`: at its last quotes, or with what it may go
  /// on to.
  std::size_t end_of_string(std::size_t at) {
    const std::size_t quotes = quotes_at(at);
    const char quote = text_[at];
    const std::size_t end = quotes == 3 ? text_.size() : line_end(at);
    for (std::size_t i = at + quotes; i < end; ++i) {
      if (text_[i] == '\\' && quote == '"')
        ++i;
      else if (text_[i] == quote && (quotes == 1 || quotes_at(i) == 3))
        return i;
    }
    return end;
  }

  /// Where the brackets close that open at `at`.
  std::size_t end_of_brackets(std::size_t at) {
    std::size_t depth = 0;
    for (std::size_t i = at; i < text_.size(); ++i) {
      const char c = text_[i];
      if (is_quote(c))
        i = end_of_string(i) + quotes_at(i) - 1;
      else if (c == '#')
        i = line_end(i);
      else if (c == '[' || c == '{')
        ++depth;
      else if ((c == ']' || c == '}') && --depth == 0)
        return i;
    }
    return text_.size();
  }

  /// Whether a value that ends before `at` is followed by what may follow one, so that it plainly ends there.
  bool ends_well(std::size_t at) {
    const std::size_t end = line_end(at);
    while (at < end && (is_blank(text_[at]) || text_[at] == ']' || text_[at] == '}')) ++at;
    if (at == end) return true;
    if (text_[at] == '#') return text_.substr(at, end - at).find_first_of("\"'") == kNone;
    if (text_[at] != ',') return false;
    at = skip_blanks(at + 1);  // another key, and its "="
    if (at >= end) return true;
    if (is_quote(text_[at])) ++at;
    const std::size_t name = at;
    while (at < end && of_a_name(text_[at])) ++at;
    if (at == name) return false;
    if (at < end && is_quote(text_[at])) ++at;
    at = skip_blanks(at);
    return at < end && text_[at] == '=';
  }

  /// `plain`: outside strings and comments.
  void look_into(std::size_t begin, std::size_t end, bool plain) {
    for (std::size_t at = begin; at < end;) {
      const char c = text_[at];
      if (at < done_) {
        at = done_;
      } else if (c == '=' || c == ':') {
        const bool url = text_.substr(at, 3) == "://";
        if (const auto name = name_before(text_, at); !url && announces(name))
          hide_value(name, at + 1, end, plain);
        else if (c == ':')
          hide_password(at, url, end, plain);
        at += url ? 3 : 1;
      } else if (plain && of_a_name(c)) {
        const std::size_t name = at;
        while (at < end && of_a_name(text_[at])) ++at;
        // A key whose "=" is missing.
        const std::size_t next = skip_blanks(at);
        constexpr std::string_view kNoValue = "=:.,]}#\n";
        constexpr std::size_t kLongest = 64;
        if (refused_ && next < text_.size() && kNoValue.find(text_[next]) == kNone && at - name <= kLongest &&
            announces(std::string(text_.substr(name, at - name))))
          hide_value("", next, end, plain);
      } else {
        ++at;
      }
    }
  }

  /// The value from `at` on of a name that announces a secret. The piece that it stands in ends at `piece`.
  void hide_value(const std::string& name, std::size_t at, std::size_t piece, bool plain) {
    at = skip_blanks(at);
    if (at >= line_end(at)) return;
    if (plain)
      hide_plain(at);
    else if (at < piece)
      hide_within(name, at, std::min(piece, line_end(at)));
    else if (refused_ && is_quote(text_[at]))  // it seems to end a string, and may begin one
      hide(at + 1, line_end(at), line_end(at));
  }

  void hide_plain(std::size_t at) {
    const char c = text_[at];
    if (c == '[' || c == '{') {
      const std::size_t close = end_of_brackets(at);
      hide(at + 1, close, close);
    } else if (is_quote(c)) {
      const std::size_t quotes = quotes_at(at), close = end_of_string(at);
      const std::size_t after = std::min(text_.size(), close + quotes);
      const bool closed = close < text_.size() && text_[close] == c;
      if (closed && (!refused_ || ends_well(after)))
        hide(at + quotes, close, after);
      else
        hide(at + quotes, line_end(close), line_end(close));
    } else {
      const std::size_t end = line_end(at);
      const std::size_t close = refused_ ? end : std::min(text_.find_first_of(" \t\r\n,]}#", at), end);
      hide(at, close, close);
    }
  }

  /// Within a string or a comment.
  void hide_within(const std::string& name, std::size_t at, std::size_t end) {
    if (text_[at] == '\\' && at + 1 < end) ++at;
    if (refused_) {
      hide(at, end, end);
    } else if (is_quote(text_[at])) {
      std::size_t close = at + 1;
      while (close < end && text_[close] != text_[at]) close += text_.substr(close, 2) == "\\\\" ? 2 : 1;
      close = std::min(close, end);
      hide(at + 1, close, close);
    } else {
      const bool header = !is_secret(name);  // its value has several words
      const std::size_t close = header ? end : std::min(text_.find_first_of(" \t\r\n,;&\"'<>)}]\\", at), end);
      hide(at, close, close);
    }
  }

  std::size_t last_at_before(std::size_t end, std::size_t from) const {
    const std::size_t found = text_.substr(from, end - from).rfind('@');
    return found == kNone ? kNone : from + found;
  }

  /// Of the URL whose "://" stands at `at`; or what may be one behind the ":" of "user:password@host".
  void hide_password(std::size_t at, bool url, std::size_t piece, bool plain) {
    if (!refused_) {
      if (!url) return;
      constexpr std::size_t kLongest = 2000;
      constexpr std::string_view kAround = " \t\r\n\"'";
      const std::string_view word = text_.substr(at, std::min(piece - at, kLongest));
      if (const auto part = password_of_url(word.substr(0, word.find_first_of(kAround))))
        hide(at + part->begin, at + part->end, at + part->end);
      return;
    }
    // All that may have been meant as one: up to the last "@", which may stand behind a quote that ended the string too
    // early.
    if (const std::size_t line = line_end(at); std::pair(piece, line) != asked_) {  // once, however many ":" there are
      asked_ = {piece, line};
      if (plain || piece >= line || !ends_well(piece + 1)) {
        if (line != asked_line_) last_at_of_line_ = last_at_before(line, at);
        asked_line_ = line;
        last_at_ = last_at_of_line_;
      } else {
        last_at_ = last_at_before(piece, at);
      }
    }
    const std::size_t colon = url ? text_.find(':', at + 3) : at;
    if (last_at_ != kNone && colon < last_at_) hide(colon + 1, last_at_, last_at_);
  }

  std::string_view text_;
  bool refused_;
  std::vector<Part> found_;
  std::size_t done_ = 0;  ///< what stands before it has been looked at
  std::size_t line_begin_ = 0, line_end_ = 0;
  std::pair<std::size_t, std::size_t> asked_{kNone, kNone};  ///< the piece and the line for which last_at_ is known
  std::size_t last_at_ = kNone, asked_line_ = kNone, last_at_of_line_ = kNone;
};

}  // namespace

std::vector<Part> hidden_in(std::string_view text, Text kind) { return Finder(text, kind).find(); }

namespace {

/// Without ${name}, which says where a secret is from and is none.
std::string without_references(std::string text) {
  for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) break;
    text.replace(at, end + 1 - at, " ");
  }
  return text;
}

}  // namespace

std::vector<std::string> hidden_words(std::string_view text) {
  // Of HTTP's schemes those that are long enough to be taken for a secret.
  static constexpr std::string_view kSchemes[] = {"Bearer", "Digest", "Negotiate"};
  constexpr std::string_view kBetween = " \t\r\n\"'\\,;[]{}";
  std::vector<std::string> words;
  for (const Part& part : hidden_in(text, Text::sound)) {
    const std::string value = without_references(std::string(text.substr(part.begin, part.end - part.begin)));
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t begin = value.find_first_not_of(kBetween, at);
      if (begin == std::string_view::npos) break;
      const std::size_t end = std::min(value.find_first_of(kBetween, begin), value.size());
      std::string word = value.substr(begin, end - begin);
      if (word.size() >= kShortestSecret &&
          std::find(std::begin(kSchemes), std::end(kSchemes), word) == std::end(kSchemes))
        words.push_back(std::move(word));
      at = end;
    }
  }
  return words;
}

std::string without_hidden(std::string_view text, Part shown, const std::vector<Part>& hidden, std::size_t* mark) {
  std::string out;
  std::size_t at = shown.begin, moved = kNone;
  const std::size_t marked = mark ? shown.begin + *mark : kNone;
  auto one = std::partition_point(hidden.begin(), hidden.end(), [&](const Part& p) { return p.end <= shown.begin; });
  for (; one != hidden.end() && one->begin < shown.end; ++one) {
    const std::size_t begin = std::max(one->begin, shown.begin), end = std::min(one->end, shown.end);
    out += text.substr(at, begin - at);
    if (marked < begin && moved == kNone) moved = out.size() - (begin - marked);
    if (marked >= begin && marked < end) moved = out.size();  // it stands before what covers it
    out += "***";
    at = end;
  }
  out += text.substr(at, shown.end - at);
  if (mark) *mark = moved != kNone ? moved : out.size() - (shown.end - std::min(marked, shown.end));
  return out;
}

Part line_at(std::string_view text, std::size_t begin) {
  std::size_t end = std::min(text.find('\n', begin), text.size());
  if (end > begin && text[end - 1] == '\r') --end;
  return {begin, end};
}

std::string without_hidden_in_message(std::string message, std::string_view text, SourcePlace at) {
  std::size_t begin = 0;
  for (std::uint32_t line = 1; line < at.line && begin < text.size(); ++line)
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  const Part line = line_at(text, begin);
  for (const Part& part : hidden_in(text, Text::refused)) {
    if (part.end <= line.begin || part.begin >= line.end) continue;
    const std::string_view secret = text.substr(part.begin, part.end - part.begin);
    for (std::size_t quote = 0; (quote = message.find('\'', quote)) != std::string::npos;) {
      const std::size_t close = message.find('\'', quote + 1);
      if (close == std::string::npos) break;
      const std::string quoted = message.substr(quote + 1, close - quote - 1);
      if (quoted.size() > 1 && secret.find(quoted) != kNone) {
        message.replace(quote + 1, quoted.size(), "***");
        quote += 5;
      } else {
        quote = close + 1;
      }
    }
  }
  return message;
}

}  // namespace faultline::plan
