// A reader of one table of the plan. Every getter checks the type, reports what is wrong where it stands, and notes the
// key, so that finish() can report each key that nothing asked for, and name the one that was meant. That makes unknown
// keys errors everywhere without a second list of the known ones.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/plan/document.h"
#include "injector/plan/outline.h"
#include "injector/plan/values.h"

namespace faultline::plan {

/// Collects the mistakes of a plan.
class Issues {
 public:
  void error(SourcePlace at, std::string message, std::string hint = {});
  /// Not a mistake, but worth knowing.
  void remark(SourcePlace at, std::string message);
  void not_yet(SourcePlace at, std::string message, std::string hint = {});
  /// In a file that the plan names. The plan may be a stranger's, and the file any file of this machine: the message is
  /// in our own words and holds nothing of what the file holds.
  void error_in(const std::string& file, SourcePlace at, std::string message, std::string hint = {});
  /// A secret that what is told of mistakes from here on must not hold: the value of a variable.
  void hide(std::string secret);
  /// `did you mean "x"?`, or `fallback` when nothing in `known` is near.
  std::string suggest(std::string_view word, const std::vector<std::string>& known, std::string fallback = {});
  std::size_t count() const { return list_.size(); }
  /// All of them, in order of place; those of other files after the plan's own.
  std::vector<Diagnostic> take();
  std::vector<Diagnostic> take_remarks() { return std::move(remarks_); }

  /// From here on each Table of this node, and of those in it, notes what it is asked for; what is not there is made
  /// up.
  void describe(const Node& node, Outline& outline) { outlines_[&node] = &outline; }
  /// Null: nobody asks.
  Outline* outline_of(const Node& node) const {
    if (outlines_.empty()) return nullptr;
    const auto it = outlines_.find(&node);
    return it == outlines_.end() ? nullptr : it->second;
  }

 private:
  /// A hint as people are told it: without the plan's secrets, and not too long. It may show how a URL is written.
  std::string told(std::string text) const;
  /// A message as people are told it, which may quote a value that is no proper URL: without passwords, too.
  std::string told_of_values(std::string text) const;

  std::map<const Node*, Outline*> outlines_;
  std::vector<Diagnostic> list_, remarks_;
  std::vector<std::string> secrets_;
  std::size_t comparisons_left_ = 2'000'000;  ///< a huge plan with a huge number of mistakes must stay quick
};

/// "known: a, b, c": the fallback of a suggestion. Cut when the list is long.
std::string list_known(std::string_view what, const std::vector<std::string>& known);

/// A string of the plan with its place.
struct Word {
  std::string text;
  SourcePlace at;
};

class Table {
 public:
  /// `owner` names the table in messages: `probe "pay"`. `at` is where a missing key is reported.
  Table(const Node& node, SourcePlace at, std::string owner, Issues& issues);

  SourcePlace at() const { return at_; }
  const std::string& owner() const { return owner_; }
  Issues& issues() const { return *issues_; }

  /// The entry, noted as known and used; null when absent.
  const Entry* take(std::string_view key);
  bool has(std::string_view key) const { return node_->find(key) != nullptr; }
  /// Where the key stands; the table's own place when it is absent.
  SourcePlace place(std::string_view key) const;
  /// Whether it is read to find out which keys there are: then all are asked for, those that go only with others too.
  bool is_described() const { return outline_ != nullptr; }
  /// Says what a key's value may be, where no getter below does: for whoever takes it by take(). Several: one of them.
  /// `form` makes one; it is called only where somebody asks.
  template <class Make>
  void takes(std::string_view key, const Make& form) {
    if (is_described()) add_form(key, form());
  }
  void takes_text(std::string_view key, std::string_view example, std::string_view pattern = {});
  void takes_timeline(std::string_view key, std::string_view example);
  /// Reports a missing key; `example` is what a line with it looks like.
  void require(std::string_view key, std::string_view example);

  std::optional<std::string> text(std::string_view key, std::string_view example);
  /// A string that is one of `choices`, which `lead` comes before where they are all told.
  std::optional<std::string> choice(std::string_view key, std::string_view example,
                                    const std::vector<std::string>& choices, std::string_view what,
                                    std::string_view lead = "choose one of");
  /// The same with its place.
  std::optional<Word> word(std::string_view key, std::string_view example);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  /// A string that `read` understands.
  template <class T>
  std::optional<T> scalar(std::string_view key, std::string_view example, Read<T> (*read)(std::string_view)) {
    takes_text(key, example, pattern_of(read));
    const Entry* entry = take(key);
    if (!entry) return std::nullopt;
    return scalar(key, entry->value, example, read);
  }
  template <class T>
  std::optional<T> scalar(std::string_view key, const Node& value, std::string_view example,
                          Read<T> (*read)(std::string_view)) {
    if (!expect(value, Node::Type::string, key, example)) return std::nullopt;
    auto result = read(value.text);
    if (!result.value) issues_->error(value.at, std::string(key) + ": " + result.error, result.hint);
    return result.value;
  }
  /// A string, or an array of strings.
  std::vector<Word> words(std::string_view key, std::string_view example);
  /// An array of strings: a command and its arguments. A plain string is refused: no shell splits it.
  std::optional<std::vector<std::string>> command(std::string_view key);
  std::map<std::string, std::string> text_map(std::string_view key, std::string_view example);
  /// A sub-table; nothing when absent or not a table. Its keys are known by their own names.
  std::optional<Table> table(std::string_view key, std::string_view example);
  /// Shows `read` every table of an array of tables, [[key]], with its number from 1.
  void each_table(std::string_view key, const std::function<void(const Node& node, std::size_t number)>& read);

  /// The entries, all noted as used: for tables whose keys are names.
  const std::vector<Entry>& entries();
  /// Reports every key that was not asked for.
  void finish();

  bool expect(const Node& value, Node::Type type, std::string_view key, std::string_view example);

 private:
  void add_form(std::string_view key, Form form);

  const Node* node_;
  SourcePlace at_;
  std::string owner_;
  Issues* issues_;
  Outline* outline_;
  std::vector<bool> used_;
  std::vector<std::string> known_;
};

}  // namespace faultline::plan
