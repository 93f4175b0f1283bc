#include "injector/report/style.h"

#include <fmt/format.h>

namespace faultline::report {

std::string page_begin(const std::string& title, const std::string& more) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>{}</title>\n<style>{}{}</style></head><body>\n",
      title, kStyle, more);
}

}  // namespace faultline::report
