#include "injector/report/style.h"

#include <fmt/format.h>

#include "injector/report/page_files.h"

namespace faultline::report {

std::string page_begin(const PageHead& head) {
  const std::string policy = fmt::format(
      "default-src 'none'; style-src '{}'; script-src {}; connect-src {}; base-uri 'none'; form-action 'none'",
      kPageStyleHash, head.scripted ? fmt::format("'{}'", kPageScriptHash) : std::string("'none'"),
      head.live ? "'self'" : "'none'");
  std::string out(kPageFrame);
  const auto fill = [&](std::string_view mark, std::string_view with) {
    out.replace(out.find(mark), mark.size(), with);
  };
  // The body's mark first, and the others from behind: what is filled in is not looked at again.
  out.resize(out.find("{{body}}"));
  fill("{{style}}", kPageStyle);
  fill("{{title}}", head.title);
  fill("{{description}}", head.description);
  fill("{{live}}", head.live && !head.scripted ? "<meta http-equiv=\"refresh\" content=\"3\">\n" : "");
  fill("{{policy}}", policy);
  return out;
}

}  // namespace faultline::report
