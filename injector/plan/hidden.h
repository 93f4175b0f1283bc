// What stands in a plan's text that nobody else should read: values of keys that announce a secret, passwords of URLs.
// A mistake is shown with its line, in logs that many read; the report shows the whole plan. The text is looked at as
// it stands and not as TOML: where a mistake is, there is no telling what a quote or a bracket was to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "injector/base/secrets.h"
#include "injector/plan/parse.h"

namespace faultline::plan {

/// How a text is looked at.
enum class Text {
  sound,    ///< a plan without mistakes: a value ends where it ends
  refused,  ///< what follows a secret may be the rest of it, unless it is plainly another key
};

/// What is not to be shown of `text`, in order and apart from one another. The work grows with the text.
std::vector<Part> hidden_in(std::string_view text, Text kind);

/// The words of a sound plan that are hidden, as another text may repeat them: without quotes, each long enough to be
/// sought by its value.
std::vector<std::string> hidden_words(std::string_view text);

/// The bytes `shown` of `text`, with "***" for what is hidden. `mark`, an offset into what is shown, goes along.
std::string without_hidden(std::string_view text, Part shown, const std::vector<Part>& hidden,
                           std::size_t* mark = nullptr);

/// A parser's message about a refused text, without what it quotes of a secret in the line of `at`.
std::string without_hidden_in_message(std::string message, std::string_view text, SourcePlace at);

/// The line that begins at `begin`, without its end.
Part line_at(std::string_view text, std::size_t begin);

}  // namespace faultline::plan
