// How commands print for people: the width and the abilities of standard output, and text wrapped to fit. A pipe gets
// 80 columns, no colour and ASCII, whatever the locale: it ends up in logs and mails.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "injector/base/visible_text.h"
#include "injector/screen/row.h"

namespace faultline::cli {

/// Of standard output.
screen::Look look_of_stdout();

/// `text` broken at spaces to `width` columns; lines after the first begin with `indent` spaces. A word longer than a
/// line stays whole. `first` is the column that the text begins in.
std::string wrapped(std::string_view text, int width, int first, int indent);

/// `head`, which takes `columns` columns, and beside it `text`, hanging from column `at` on; at least a space between
/// the two.
Visible beside(Visible head, int columns, std::string_view text, int width, int at);

/// A command's answer for machines, on standard output. Bytes that are not UTF-8 are replaced.
void print_json(const nlohmann::json& answer);
/// Whether this command has printed one: a program that reads it wants no second.
bool has_printed_json();
/// Another command begins.
void forget_printed_json();

/// `text` in an SGR style when `look` has colour.
Visible styled(const screen::Look& look, const char* style, std::string_view text);

}  // namespace faultline::cli
