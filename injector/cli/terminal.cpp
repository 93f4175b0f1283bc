#include "injector/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "injector/base/visible_text.h"
#include "injector/record/json_fields.h"
#include "injector/screen/locale.h"

namespace faultline::cli {

screen::Look look_of_stdout() {
  screen::Look look;
  if (isatty(STDOUT_FILENO) == 0) return look;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    look.width = std::clamp<int>(size.ws_col, 40, 120);
  const char *no_color = std::getenv("NO_COLOR"), *terminal = std::getenv("TERM");
  look.color =
      (no_color == nullptr || *no_color == '\0') && (terminal == nullptr || std::string_view(terminal) != "dumb");
  look.utf8 = screen::locale_is_utf8();
  return look;
}

std::string wrapped(std::string_view text, int width, int first, int indent) {
  std::string out;
  int used = first;
  bool begun = false;  // something stands on this line already
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (word.empty()) continue;
    const int columns = screen::columns(word);
    if (begun && used + 1 + columns > width) {
      out += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
      used = indent;
      begun = false;
    }
    if (begun) {
      out += ' ';
      used++;
    }
    out += word;
    used += columns;
    begun = true;
  }
  return out;
}

Visible beside(Visible head, int columns, std::string_view text, int width, int at) {
  const int begin = std::max(at, columns + 1);
  return std::move(head) + std::string(static_cast<std::size_t>(begin - columns), ' ') +
         wrapped(text, width, begin, at) + "\n";
}

namespace {
bool printed_json = false;
}

void print_json(const nlohmann::json& answer) {
  printed_json = true;
  print(stdout, record::json_document(answer));
}

bool has_printed_json() { return printed_json; }
void forget_printed_json() { printed_json = false; }

Visible styled(const screen::Look& look, const char* style, std::string_view text) {
  return look.color ? Visible::painted(style, text) : Visible(text);
}

}  // namespace faultline::cli
