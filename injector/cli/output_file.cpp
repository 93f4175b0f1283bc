#include "injector/cli/output_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "injector/base/error.h"
#include "injector/run/folder.h"

namespace faultline::cli {

void write_output(const std::string& path, const std::string& text, bool force) {
  std::error_code ignored;
  if (!force && std::filesystem::exists(path, ignored))
    throw Failure(Exit::invalid, fmt::format("{} exists already; --force writes over it", path));
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Failure(Exit::cannot_run, fmt::format("{} cannot be written", path));
  run::give_to_user(path);
}

}  // namespace faultline::cli
