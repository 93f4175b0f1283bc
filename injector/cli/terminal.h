// How commands print for people: the width and the abilities of standard output, and text wrapped to fit. A pipe gets 80
// columns, no colour and ASCII, whatever the locale: it ends up in logs and mails.
#pragma once

#include <string>
#include <string_view>

#include "injector/record/row.h"

namespace faultline::cli {

/// Of standard output.
record::Look look_of_stdout();

/// `text` broken at spaces to `width` columns; lines after the first begin with `indent` spaces. A word longer than a line
/// stays whole. `first` is the column that the text begins in.
std::string wrapped(std::string_view text, int width, int first, int indent);

/// `text` in an SGR style when `look` has colour.
std::string styled(const record::Look& look, const char* style, std::string_view text);

}  // namespace faultline::cli
